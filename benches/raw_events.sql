-- The peers' input of row B: events in force with their user, what they name as a number, and its class.
select
    events.event_id,
    events.agent_id,
    agents.user_id,
    agents.computer_id,
    events.start,
    events.duration_sec,
    events.state,
    values_hash(classes.task_hash, classes.category, classes.productivity) as app_key,
    events.screen_hash,
    classes.category,
    classes.productivity
from internal.org_agents as agents
inner join internal.stg_events as events on agents.agent_id = events.agent_id
left join internal.int_application_classes as classes
    on
        events.application_id = classes.application_id
        and classes.rule_set = rule_set(agents.user_id, local_date(agents.user_id, events.start))
