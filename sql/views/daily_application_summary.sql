with
users as (
    select
        uid,
        user_name
    from org_users
),

days as (
    select
        user_id as day_user_id,
        local_date as day_date,
        active_day_count,
        first_activity_datetime,
        time_off_day
    from int_user_days
),

meetings as (
    select
        user_id,
        local_date,
        offline_meeting_duration_seconds
    from int_user_days
    where offline_meeting_duration_seconds > 0
),

used as (
    select
        user_id,
        computer_id,
        activity_type,
        executable,
        application,
        host,
        website,
        browser_site,
        application_or_site,
        app_or_site_consolidated_name,
        category,
        productivity,
        passive_type_id,
        activity_alignment_type,
        duration_seconds,
        activity_count,
        local_date
    from int_application_days
    union all
    select
        user_id,
        cast(null as bigint) as computer_id,
        'Offline Meeting' as activity_type,
        cast(null as varchar) as executable,
        'Offline Meeting' as application,
        cast(null as varchar) as host,
        cast(null as varchar) as website,
        cast(null as varchar) as browser_site,
        'Offline Meeting' as application_or_site,
        'Offline Meeting' as app_or_site_consolidated_name,
        cast(null as varchar) as category,
        cast(null as varchar) as productivity,
        cast(null as bigint) as passive_type_id,
        cast(null as varchar) as activity_alignment_type,
        offline_meeting_duration_seconds as duration_seconds,
        cast(0 as bigint) as activity_count,
        local_date
    from meetings
),

final as (
    select
        setting('account.id') as accountid,
        coalesce(days.active_day_count, 0) as active_day_count,
        used.activity_alignment_type,
        used.activity_type,
        week_start(used.local_date, setting('account.week_start')) as activity_week,
        used.application,
        used.application_or_site,
        used.browser_site,
        used.category,
        used.computer_id,
        day_name(used.local_date) as day_of_week,
        case
            when array_has(setting('account.weekend_days'), day_name(used.local_date))
                then 'Weekend'
            else 'Weekday'
        end as day_type,
        used.duration_seconds,
        used.executable,
        days.first_activity_datetime,
        used.host,
        used.local_date,
        used.passive_type_id,
        used.productivity,
        coalesce(days.time_off_day, false) as time_off_day,
        used.user_id,
        users.user_name,
        used.website,
        used.app_or_site_consolidated_name,
        used.activity_count
    from users
    right join used on users.uid = used.user_id
    left join days on used.user_id = days.day_user_id and used.local_date = days.day_date
)

select * from final
