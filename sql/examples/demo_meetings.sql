with
busiest as (
    select user_id, activity_week
    from daily_user_summary
    where day_type = 'Weekday'
    order by total_activity_count desc, user_id, local_date
    limit 1
),

week as (
    select days.user_id, days.local_date
    from daily_user_summary as days
    inner join busiest
        on days.user_id = busiest.user_id and days.activity_week = busiest.activity_week
)

select
    meetings.user_name,
    meetings.start_time,
    meetings.duration_seconds_in_hour / 60 as minutes,
    meetings.calendar_meetings
from hourly_offline_meeting_summary as meetings
inner join week
    on
        meetings.user_id = week.user_id
        and cast(meetings.start_time as date) = week.local_date
where meetings.duration_seconds_in_hour >= 60
order by meetings.start_time
