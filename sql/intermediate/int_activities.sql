-- What is left of events when one person does one thing at a time. Events of the days around are
-- read too: what starts next cuts an event, what ran before delays a passive one.
with
events as (
    select * from int_classified_events
    where
        start <= setting('as_of')
        and (category is null or lower(category) <> 'ignore')
        and (duration_sec > 0 or state = 'Passive Locked')
),

clipped as (
    select
        *,
        clip(start, duration_sec, state, agent_id, setting('as_of')) over (
            partition by user_id
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
