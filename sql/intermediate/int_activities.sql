-- What is left of events when one person does one thing at a time. Events of the days around take
-- part only where a day's events reach into another: what starts next cuts an event, what ran
-- before delays a passive one.
with
raw_events_by_day as (select * from int_events_by_day),

crossing as (
    select
        user_id as crossing_user_id,
        local_date as crossing_date,
        min(start) as first_start,
        max(start + arrow_cast(duration_sec, 'Duration(s)')) as last_end
    from raw_events_by_day
    where crosses_day(user_id, local_date, start, duration_sec)
    group by user_id, local_date
),

reaches as (
    select
        *,
        unnest(make_array(0, 1, 2)) as step
    from crossing
),

reaching as (
    select
        *,
        crossing_date + step as reached_date
    from reaches
),

-- From the crossing event on, everything before a later day matters to it; to the event's own day,
-- what starts before the event ends.
near as (
    select
        raw_events_by_day.*,
        unnest(
            make_array(
                case
                    when reaching.step = 0 and raw_events_by_day.start >= reaching.first_start
                        then reaching.crossing_date + 1
                end,
                case
                    when reaching.step < 2 and raw_events_by_day.start >= reaching.first_start
                        then reaching.crossing_date + 2
                end,
                case
                    when reaching.step > 0 and raw_events_by_day.start < reaching.last_end
                        then reaching.crossing_date
                end
            )
        ) as near_date
    from reaching
    inner join raw_events_by_day
        on
            reaching.crossing_user_id = raw_events_by_day.user_id
            and reaching.reached_date = raw_events_by_day.local_date
),

neighbours as (
    select
        user_id as near_user_id,
        near_date,
        event_list(start, duration_sec, state, agent_id, state_rank, computer_id, event_id)
            as neighbours
    from near
    where
        near_date is not null
        and start <= setting('as_of')
        and (duration_sec > 0 or state = 'Passive Locked')
        and not among(
            classify(
                site,
                website,
                application_name(executable, application_base),
                executable,
                user_id,
                local_date
            )['category'],
            make_array('ignore')
        )
    group by user_id, near_date
),

events as (
    select
        int_classified_events.*,
        neighbours.neighbours
    from neighbours
    right join int_classified_events
        on
            neighbours.near_user_id = int_classified_events.user_id
            and neighbours.near_date = int_classified_events.local_date
    where
        int_classified_events.start <= setting('as_of')
        and not among(int_classified_events.category, make_array('ignore'))
        and (
            int_classified_events.duration_sec > 0
            or int_classified_events.state = 'Passive Locked'
        )
),

clipped as (
    select
        *,
        clip(start, duration_sec, state, agent_id, setting('as_of'), neighbours) over (
            partition by local_date, user_id
            order by start, state_rank, computer_id, event_id, agent_id
        ) as span
    from events
),

activities as (
    select
        user_id,
        span['start'] as start,
        span['counted_sec'] as counted_sec,
        start as event_start,
        agent_id,
        event_id,
        computer_id,
        state,
        passive_type_id,
        activity_type,
        executable,
        application,
        host,
        site,
        website,
        browser_site,
        application_or_site as task,
        app_or_site_consolidated_name,
        values_hash(lower(application_or_site)) as task_hash,
        screen_hash,
        category,
        productivity,
        coalesce(network_id, public_ip) as signature,
        network_id,
        public_ip,
        zone,
        local_date
    from clipped
    where span is not null
)

select * from activities
