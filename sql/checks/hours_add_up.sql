-- The offline hours of a day add up to its offline seconds, and no hour holds more than 3600.
with
hours as (
    select
        user_id,
        local_date,
        sum(seconds) as seconds,
        max(seconds) as longest
    from int_offline_hours
    group by user_id, local_date
),

days as (
    select
        user_id,
        local_date,
        offline_meeting_duration_seconds
    from int_user_days
    where offline_meeting_duration_seconds > 0
)

select
    coalesce(hours.user_id, days.user_id) as user_id,
    coalesce(hours.local_date, days.local_date) as local_date,
    hours.seconds,
    days.offline_meeting_duration_seconds
from hours
full join days on hours.user_id = days.user_id and hours.local_date = days.local_date
where
    (hours.seconds is distinct from days.offline_meeting_duration_seconds)
    or hours.longest > 3600
