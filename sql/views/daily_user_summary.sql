with
users as (
    select
        uid,
        user_name
    from org_users
),

days as (select * from int_user_days),

final as (
    select
        setting('account.id') as accountid,
        days.active_day_count,
        days.active_duration_seconds,
        week_start(days.local_date, setting('account.week_start')) as activity_week,
        days.attention_shift_activity_count,
        days.break_count,
        days.break_duration_seconds,
        days.collaboration_activity_count,
        days.collaboration_duration_seconds,
        days.core_duration_seconds,
        day_name(days.local_date) as day_of_week,
        case
            when array_has(setting('account.weekend_days'), day_name(days.local_date))
                then 'Weekend'
            else 'Weekday'
        end as day_type,
        days.first_activity_datetime,
        cast(
            date_part('hour', days.first_activity_datetime) * 60
            + date_part('minute', days.first_activity_datetime) as bigint
        ) as first_activity_minutes_in_day,
        days.focused_duration_seconds,
        days.focused_session_count,
        days.focused_session_duration_seconds,
        days.last_activity_datetime,
        days.last_activity_minutes_in_day,
        days.local_date,
        days.location,
        days.multitasking_duration_seconds,
        days.unproductive_activity_count + days.undefined_activity_count
            as non_business_activity_count,
        days.unproductive_active_duration_seconds
        + days.unproductive_passive_duration_seconds
        + days.undefined_active_duration_seconds
        + days.undefined_passive_duration_seconds as non_business_activity_duration_seconds,
        days.non_core_duration_seconds,
        days.offline_meeting_duration_seconds,
        days.productive_active_duration_seconds,
        days.productive_active_duration_seconds_in_schedule,
        days.productive_activity_count,
        days.productive_passive_duration_seconds,
        days.productive_passive_duration_seconds_in_schedule,
        days.productive_session_count,
        days.productive_session_duration_seconds,
        days.time_off_duration_seconds,
        days.time_off_type,
        days.time_off_day,
        days.total_activity_count,
        days.total_duration_seconds,
        days.undefined_active_duration_seconds,
        days.undefined_activity_count,
        days.undefined_passive_duration_seconds,
        days.unproductive_active_duration_seconds,
        days.unproductive_activity_count,
        days.unproductive_passive_duration_seconds,
        days.user_focus_goal,
        days.user_id,
        users.user_name,
        days.user_productivity_goal,
        days.utilization_level,
        cast(days.time_off_day as bigint) as time_off_day_count
    from users
    right join days on users.uid = days.user_id
)

select * from final
