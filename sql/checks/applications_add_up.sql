-- The rows of a day's applications add up to the day.
with
used as (
    select
        user_id,
        local_date,
        sum(duration_seconds) as seconds,
        sum(activity_count) filter (where coalesce(passive_type_id, 1) = 1) as activities
    from int_application_days
    group by user_id, local_date
),

days as (
    select
        user_id,
        local_date,
        total_duration_seconds,
        total_activity_count
    from int_user_days
)

select
    coalesce(used.user_id, days.user_id) as user_id,
    coalesce(used.local_date, days.local_date) as local_date,
    used.seconds,
    days.total_duration_seconds,
    used.activities,
    days.total_activity_count
from used
full join days on used.user_id = days.user_id and used.local_date = days.local_date
where
    coalesce(used.seconds, 0) <> coalesce(days.total_duration_seconds, 0)
    or coalesce(used.activities, 0) <> coalesce(days.total_activity_count, 0)
