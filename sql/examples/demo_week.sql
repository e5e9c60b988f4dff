with
busiest as (
    select user_id, activity_week
    from daily_user_summary
    where day_type = 'Weekday'
    order by total_activity_count desc, user_id, local_date
    limit 1
)

select
    days.local_date,
    days.day_of_week,
    days.first_activity_datetime,
    days.last_activity_datetime,
    days.total_duration_seconds / 60 as minutes,
    (days.productive_active_duration_seconds + days.productive_passive_duration_seconds) / 60
        as productive,
    days.collaboration_duration_seconds / 60 as collaboration,
    days.offline_meeting_duration_seconds / 60 as offline_meetings,
    days.active_day_count as active_day,
    days.utilization_level,
    days.time_off_type
from daily_user_summary as days
inner join busiest
    on days.user_id = busiest.user_id and days.activity_week = busiest.activity_week
order by days.local_date
