-- What is left of events when one person does one thing at a time. Events of the days around take
-- part only where a day's events reach into another: what starts next cuts an event, what ran
-- before delays a passive one.
with
crossings as (
    select
        user_id as crossing_user_id,
        local_date as crossing_date,
        first_start,
        last_end
    from int_crossings
),

-- A crossing event's own day and the two after it.
reaching as (
    select
        *,
        crossing_date + step as reached_date
    from (
        select
            *,
            unnest(make_array(0, 1, 2)) as step
        from crossings
    ) as steps
),

-- From the crossing event on, everything before a later day matters to it; to the event's own day,
-- what starts before the event ends.
near as (
    select
        edges.*,
        unnest(
            make_array(
                case
                    when reaching.step = 0 and edges.start >= reaching.first_start
                        then reaching.crossing_date + 1
                end,
                case
                    when reaching.step < 2 and edges.start >= reaching.first_start
                        then reaching.crossing_date + 2
                end,
                case
                    when reaching.step > 0 and edges.start < reaching.last_end
                        then reaching.crossing_date
                end
            )
        ) as near_date
    from reaching
    inner join int_edges as edges
        on
            reaching.crossing_user_id = edges.user_id
            and reaching.reached_date = edges.local_date
),

ignored as (
    select
        application_id as ignored_id,
        rule_set as ignored_rule_set
    from int_application_classes
    where among(category, make_array('ignore'))
),

near_counted as (
    select near_numbered.*
    from ignored
    right anti join (
        select
            *,
            rule_set(user_id, local_date) as events_rule_set
        from near
        where
            near_date is not null
            and start <= setting('as_of')
            and (duration_sec > 0 or state_rank = 2)
    ) as near_numbered
        on
            ignored.ignored_id = near_numbered.application_id
            and ignored.ignored_rule_set = near_numbered.events_rule_set
),

neighbours as (
    select
        user_id as near_user_id,
        near_date,
        shared(event_list(
            start,
            duration_sec,
            case state_rank when 0 then 'Active' when 1 then 'Passive' else 'Passive Locked' end,
            agent_id,
            state_rank,
            computer_id,
            event_id
        )) as neighbours
    from near_counted
    group by user_id, near_date
),

counted as (
    select events.*
    from ignored
    right anti join (
        select
            *,
            rule_set(user_id, local_date) as events_rule_set
        from int_events_by_day
        where start <= setting('as_of') and (duration_sec > 0 or state_rank = 2)
    ) as events
        on
            ignored.ignored_id = events.application_id
            and ignored.ignored_rule_set = events.events_rule_set
),

events as (
    select
        counted.*,
        neighbours.neighbours
    from neighbours
    right join counted
        on
            neighbours.near_user_id = counted.user_id
            and neighbours.near_date = counted.local_date
),

-- Numbers only until here: names are for what is left.
clipped as (
    select
        *,
        clip(
            start,
            duration_sec,
            state_rank,
            agent_id,
            setting('as_of'),
            neighbours
        ) over (
            partition by local_date, user_id
            order by start, state_rank, computer_id, event_id, agent_id
        ) as span
    from events
),

left_over as (
    select * from clipped
    where span is not null
),

activities as (
    select
        left_over.user_id,
        left_over.span['start'] as start,
        left_over.span['counted_sec'] as counted_sec,
        left_over.start as event_start,
        left_over.agent_id,
        left_over.event_id,
        left_over.computer_id,
        case left_over.state_rank when 0 then 'Active' else 'Passive' end as state,
        left_over.state_rank = 0 as is_active,
        left_over.passive_type_id,
        left_over.application_id,
        classes.task_hash,
        left_over.screen_hash,
        classes.category,
        classes.productivity,
        classes.category_hash,
        classes.productivity_rank,
        left_over.network_id,
        left_over.public_ip,
        left_over.local_date
    from int_application_classes as classes
    right join left_over
        on
            classes.application_id = left_over.application_id
            and classes.rule_set = left_over.events_rule_set
)

select * from activities
