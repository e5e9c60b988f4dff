with
users as (select * from org_users),

schedules as (
    select * from org_user_schedules
    where valid_from <= setting('as_of_date') and setting('as_of_date') < valid_to
),

windows as (
    select
        schedule_name as window_schedule_name,
        array_agg(
            named_struct(
                'day_of_week', day_of_week, 'start_time', start_time, 'end_time', end_time
            ) order by day_number, start_time
        ) as work_schedule
    from org_schedule_windows
    group by schedule_name
)

select
    schedules.break_time_minutes,
    schedules.schedule_name,
    schedules.schedule_type,
    users.uid,
    users.user_name,
    coalesce(windows.work_schedule, users.no_windows) as work_schedule
from users
inner join schedules on users.uid = schedules.user_id
left join windows on schedules.schedule_name = windows.window_schedule_name
