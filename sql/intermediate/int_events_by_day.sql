-- Events with their user and reporting zone, laid out by local day so that a person-day never
-- straddles files; sorted in the order of the clipping rules.
with
agents as (select * from org_agents),

events as (select * from stg_events),

owned as (
    select
        events.*,
        agents.user_id,
        agents.computer_id as reported_computer_id,
        reporting_zone(agents.user_id, events.start) as zone
    from agents
    inner join events on agents.agent_id = events.agent_id
),

by_day as (
    select
        user_id,
        start,
        case state when 'Active' then 0 when 'Passive' then 1 else 2 end as state_rank,
        reported_computer_id as computer_id,
        event_id,
        agent_id,
        duration_sec,
        state,
        passive_type_id,
        zone,
        user_name,
        "user",
        logon_domain,
        primary_domain,
        computer_name,
        network_id,
        device_ip,
        public_ip,
        executable,
        application_base,
        titlebar,
        screen_hash,
        full_url,
        host,
        site,
        website,
        clean_url,
        search_term,
        potential_file_transfer,
        alarm_name,
        alarm_action,
        cast(to_local(start, zone) as date) as local_date
    from owned
)

select * from by_day
