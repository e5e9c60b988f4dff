-- Stored events as clients see them, by local day and person: everything that an event tells and that
-- no rule gives. What it names is a number; names, category and productivity are looked up by it.
with
agents as (select * from org_agents),

events as (
    select * from stg_events
    where start <= setting('as_of')
),

owned as (
    select
        events.*,
        agents.user_id,
        agents.computer_id as reported_computer_id
    from agents
    inner join events on agents.agent_id = events.agent_id
),

shown as (
    select
        user_id,
        start,
        agent_id,
        event_id,
        local_datetime(user_id, start) as local_datetime,
        case state when 'Active' then 0 when 'Passive' then 1 else 2 end as state_rank,
        case when state = 'Passive Locked' then cast(0 as bigint) else duration_sec end
            as duration_sec,
        reported_computer_id as computer_id,
        application_id,
        user_name,
        "user",
        logon_domain,
        primary_domain,
        computer_name,
        device_ip,
        public_ip,
        titlebar,
        clean_url,
        full_url,
        search_term,
        potential_file_transfer,
        alarm_name,
        alarm_action,
        local_date(user_id, start) as local_date
    from owned
)

select * from shown
