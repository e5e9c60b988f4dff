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
        time_off_day,
        total_activity_count > 0 or offline_meeting_duration_seconds > 0 or time_off_day
            as has_row
    from int_user_days
),

used as (select * from int_application_days),

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
    inner join used on users.uid = used.user_id
    left join days on used.user_id = days.day_user_id and used.local_date = days.day_date
)

select * from final
