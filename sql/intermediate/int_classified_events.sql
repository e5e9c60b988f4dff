-- Events with the names and the classification that the settings give them.
with
events as (
    select
        *,
        case state_rank when 0 then 'Active' when 1 then 'Passive' else 'Passive Locked' end as state,
        rule_set(user_id, local_date) as events_rule_set
    from int_events_by_day
),

final as (
    select
        events.user_id,
        events.start,
        events.state_rank,
        events.computer_id,
        events.event_id,
        events.agent_id,
        events.duration_sec,
        events.state,
        events.passive_type_id,
        events.application_id,
        events.screen_hash,
        events.network_id,
        events.public_ip,
        classes.executable,
        classes.application,
        classes.host,
        classes.site,
        classes.website,
        classes.application_or_site,
        classes.app_or_site_consolidated_name,
        classes.browser_site,
        classes.activity_type,
        classes.task_hash,
        classes.category,
        classes.productivity,
        events.local_date
    from int_application_classes as classes
    right join events
        on
            classes.application_id = events.application_id
            and classes.rule_set = events.events_rule_set
)

select * from final
