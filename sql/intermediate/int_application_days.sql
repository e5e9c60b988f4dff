-- What a person used on a day, by computer, name and classification. Locked events take part with
-- their count and no seconds.
with
activities as (
    select
        user_id,
        local_date,
        computer_id,
        case when state = 'Active' then activity_type else 'Passive' end as activity_type,
        executable,
        application,
        host,
        website,
        browser_site,
        task,
        app_or_site_consolidated_name,
        category,
        productivity,
        passive_type_id,
        counted_sec,
        alignment(user_id, local_date, category) as alignment,
        event_start,
        event_id,
        agent_id
    from int_activities
),

locked as (
    select
        user_id,
        local_date,
        computer_id,
        'Passive' as activity_type,
        executable,
        application,
        host,
        website,
        browser_site,
        application_or_site as task,
        app_or_site_consolidated_name,
        category,
        productivity,
        passive_type_id,
        cast(0 as bigint) as counted_sec,
        alignment(user_id, local_date, category) as alignment,
        start as event_start,
        event_id,
        agent_id
    from int_classified_events
    where
        state = 'Passive Locked'
        and start <= setting('as_of')
        and (category is null or lower(category) <> 'ignore')
),

used as (
    select * from activities
    union all
    select * from locked
),

-- Names compare without case; the row shows the spelling of its latest event.
grouped as (
    select
        user_id,
        computer_id,
        activity_type,
        lower(executable) as executable_key,
        lower(application) as application_key,
        host,
        category,
        productivity,
        passive_type_id,
        last_value(executable order by event_start, event_id, agent_id) as executable,
        last_value(application order by event_start, event_id, agent_id) as application,
        last_value(website order by event_start, event_id, agent_id) as website,
        last_value(browser_site order by event_start, event_id, agent_id) as browser_site,
        last_value(task order by event_start, event_id, agent_id) as application_or_site,
        last_value(app_or_site_consolidated_name order by event_start, event_id, agent_id)
            as app_or_site_consolidated_name,
        case
            when productivity = 'Productive'
                then last_value(alignment order by event_start, event_id, agent_id)
        end as activity_alignment_type,
        sum(counted_sec) as duration_seconds,
        count(*) as activity_count,
        local_date
    from used
    group by
        user_id,
        local_date,
        computer_id,
        activity_type,
        lower(executable),
        lower(application),
        host,
        category,
        productivity,
        passive_type_id
)

select * from grouped
