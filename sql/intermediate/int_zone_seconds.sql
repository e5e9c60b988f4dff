-- How long each user's computers reported which zone, by the UTC date that events start on.
with
events as (select * from stg_events),

agents as (select * from org_agents),

reported as (
    select
        agents.user_id,
        events.utc_date,
        events.timezone,
        events.start,
        case when events.state = 'Passive Locked' then 0 else events.duration_sec end as seconds
    from agents
    inner join events on agents.agent_id = events.agent_id
),

by_zone as (
    select
        user_id,
        utc_date,
        timezone,
        sum(seconds) as seconds
    from reported
    where timezone is not null
    group by user_id, utc_date, timezone
),

-- A new zone holds from the date's first event, whatever zone that one reported.
by_date as (
    select
        user_id,
        utc_date,
        min(start) as first_start
    from reported
    group by user_id, utc_date
),

zone_seconds as (
    select
        by_zone.user_id,
        by_zone.timezone,
        by_zone.seconds,
        by_date.first_start,
        by_zone.utc_date
    from by_zone
    inner join by_date
        on by_zone.user_id = by_date.user_id and by_zone.utc_date = by_date.utc_date
)

select * from zone_seconds
