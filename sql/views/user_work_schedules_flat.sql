with
users as (select * from org_users),

schedules as (
    select * from org_user_schedules
    where valid_from <= setting('as_of_date') and setting('as_of_date') < valid_to
),

windows as (select * from org_schedule_windows)

select
    schedules.break_time_minutes,
    schedules.schedule_name,
    schedules.schedule_type,
    users.uid,
    users.user_name,
    windows.day_of_week,
    windows.start_time,
    windows.end_time
from users
inner join schedules on users.uid = schedules.user_id
left join windows on schedules.schedule_name = windows.schedule_name
