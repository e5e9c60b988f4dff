-- The peers' input: activities by local day, as `int_activities` stores them.
select
    user_id,
    start,
    counted_sec,
    state,
    task_hash as task_id,
    screen_hash,
    category,
    productivity,
    local_date
from internal.int_activities
order by local_date, user_id, start
