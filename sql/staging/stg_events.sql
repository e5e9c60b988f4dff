-- The version in force of every stored event.
with
-- On most dates no event came twice: every row is in force.
once as (select * from raw_events_once),

events as (select * from raw_events_revised),

-- Few events are ever revised: this side is small and is what the join keeps in memory.
revised as (
    select
        utc_date as revised_date,
        agent_id as revised_agent_id,
        event_id as revised_event_id,
        max(revision) as latest_revision
    from raw_events_revised
    where revision > 0
    group by utc_date, agent_id, event_id
),

in_force as (
    select events.*
    from revised
    right join events
        on
            events.utc_date = revised.revised_date
            and events.agent_id = revised.revised_agent_id
            and events.event_id = revised.revised_event_id
    where
        events.state <> 'Superseded'
        and (revised.latest_revision is null or events.revision = revised.latest_revision)
)

select * from once
union all
select * from in_force
