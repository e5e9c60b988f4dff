-- Events with their user, laid out by local day so that a person-day never straddles files; sorted
-- in the order of the clipping rules. What an event names is a number here: this is what every
-- number of a day is made from, and it is read often.
with
agents as (select * from org_agents),

events as (select * from stg_events),

owned as (
    select
        events.*,
        agents.user_id,
        agents.computer_id as reported_computer_id
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
        passive_type_id,
        application_id,
        screen_hash,
        network_id,
        public_ip,
        local_date(user_id, start) as local_date
    from owned
)

select * from by_day
