-- No calendar is connected in this release: the columns stand, without rows.
with
meetings as (
    select
        uid as user_id,
        user_name
    from org_users
    where false
)

select
    cast(null as bigint) as row_id,
    arrow_cast(null, 'Timestamp(µs)') as start_time,
    cast(null as bigint) as duration_seconds_in_hour,
    user_id,
    user_name,
    cast(null as bigint) as group_id,
    cast(null as varchar) as group_name,
    cast(null as varchar) as calendar_meetings
from meetings
