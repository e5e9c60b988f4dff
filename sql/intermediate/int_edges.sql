-- The few events that matter to days around their own: from a crossing event on, everything before
-- a later day matters to that; to the crossing event's own day, what starts before the event ends.
with
own as (
    select
        user_id as own_user_id,
        local_date as own_date,
        first_start
    from int_crossings
),

-- What crossed into the day from one of the two before it.
reached as (
    select
        user_id as reached_user_id,
        reached_date,
        max(last_end) as reached_until
    from (
        select
            user_id,
            last_end,
            unnest(make_array(local_date + 1, local_date + 2)) as reached_date
        from int_crossings
    ) as crossing
    group by user_id, reached_date
),

-- Who is concerned on a day, and by what.
concerned as (
    select
        coalesce(own.own_user_id, reached.reached_user_id) as edge_user_id,
        coalesce(own.own_date, reached.reached_date) as edge_date,
        own.first_start,
        reached.reached_until
    from own
    full join reached
        on own.own_user_id = reached.reached_user_id and own.own_date = reached.reached_date
),

edges as (
    select
        events.user_id,
        events.start,
        events.state_rank,
        events.computer_id,
        events.event_id,
        events.agent_id,
        events.duration_sec,
        events.application_id,
        events.local_date
    from concerned
    inner join int_events_by_day as events
        on concerned.edge_user_id = events.user_id and concerned.edge_date = events.local_date
    where events.start >= concerned.first_start or events.start < concerned.reached_until
)

select * from edges
