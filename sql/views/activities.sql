with
activities as (select * from int_activities)

select
    user_id,
    agent_id,
    event_id,
    local_date,
    start,
    counted_sec,
    state,
    task,
    category,
    productivity
from activities
