-- Raw events to activities (semantics, section 4), in DuckDB; oracle: reference_raw.py.
-- duckdb_raw.py makes the views `events`, `agents`, `apps`; duckdb_analysis.sql reads the result.
with

known as (
    select
        agents.user_id,
        events.agent_id,
        events.computer_id,
        events.event_id,
        events.start,
        epoch_us(events.start) // 1000000 as s,
        events.duration_sec,
        events.state = 'Active' as act,
        events.state = 'Passive Locked' as locked,
        events.app_key as task,
        events.screen_hash as scr,
        coalesce(apps.productivity = 'Productive', false) as p,
        coalesce(apps.productivity = 'Unproductive', false) as u,
        coalesce(apps.productivity = 'Productive' and apps.category in ('Chat & Messaging', 'Meeting Software'), false)
            as k
    from events
    inner join agents on events.agent_id = agents.agent_id
    left join apps on events.app_key = apps.app_key
    where coalesce(apps.category <> 'Ignore', true)
        and (events.duration_sec > 0 or events.state = 'Passive Locked')
),

-- Rule 0. Of equal starts all end at the next different one: the nearest at or after that has a later follower.
followed as (
    select *, lead(start) over (partition by agent_id order by start) as follower
    from known
),

ended as (
    select
        * exclude (follower, duration_sec),
        least(
            s + duration_sec,
            epoch_us(
                first_value(case when follower > start then follower end ignore nulls) over (
                    partition by agent_id order by start rows between current row and unbounded following
                )
            ) // 1000000
        ) as e
    from followed
),

-- Rule 1, and the end of rule 2.
cut as (
    select
        * exclude (e),
        least(
            e,
            case when act then first_value(case when act then s end ignore nulls) over (
                    person rows between 1 following and unbounded following
                )
                else lead(s) over person
            end
        ) as e
    from ended
    where not locked
    window person as (partition by user_id order by start, act desc, computer_id, event_id, agent_id)
),

-- The start of rule 2.
clipped as (
    select
        *,
        case
            when act then s
            else greatest(s, last_value(case when act then e end ignore nulls) over (
                partition by user_id order by start, act desc, computer_id, event_id, agent_id
                rows between unbounded preceding and 1 preceding
            ))
        end as begins
    from cut
)

select
    cast(timezone(getvariable('zone'), start) as date) as local_date,
    user_id,
    begins as s,
    e - begins as c,
    act,
    task,
    scr,
    p,
    u,
    k
from clipped
where e > begins
