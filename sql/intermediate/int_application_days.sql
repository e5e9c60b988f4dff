-- What a person used on a day, by computer, name and classification. Locked events take part with
-- their count and no seconds.
with
activities as (
    select
        user_id,
        local_date,
        computer_id,
        application_id,
        passive_type_id,
        counted_sec,
        event_start
    from int_activities
),

locked as (
    select
        user_id,
        local_date,
        computer_id,
        application_id,
        passive_type_id,
        cast(0 as bigint) as counted_sec,
        start as event_start
    from int_events_by_day
    where state_rank = 2 and start <= setting('as_of')
),

-- Numbers only, so that the many rows are grouped fast.
counted as (
    select
        user_id,
        local_date,
        computer_id,
        application_id,
        passive_type_id,
        sum(counted_sec) as seconds,
        count(*) as events,
        max(event_start) as last_start
    from (
        select * from activities
        union all
        select * from locked
    ) as used
    group by user_id, local_date, computer_id, application_id, passive_type_id
),

classified as (
    select
        counted.*,
        classes.names_hash,
        classes.executable,
        classes.category,
        classes.productivity,
        case when counted.passive_type_id is null then classes.activity_type else 'Passive' end
            as activity_type
    from int_application_classes as classes
    right join counted
        on
            classes.application_id = counted.application_id
            and classes.rule_set = rule_set(counted.user_id, counted.local_date)
),

-- Names compare without case; the row shows the spelling of its latest event, of several the one
-- that sorts last.
grouped as (
    select
        user_id,
        local_date,
        computer_id,
        activity_type,
        names_hash,
        category,
        productivity,
        passive_type_id,
        last_value(application_id order by last_start, executable, application_id)
            as shown_application_id,
        sum(seconds) as duration_seconds,
        sum(events) as activity_count
    from classified
    where category is null or lower(category) <> 'ignore'
    group by
        user_id,
        local_date,
        computer_id,
        activity_type,
        names_hash,
        category,
        productivity,
        passive_type_id
),

final as (
    select
        grouped.user_id,
        grouped.computer_id,
        grouped.activity_type,
        lower(applications.executable) as executable_key,
        lower(applications.application) as application_key,
        applications.host,
        grouped.category,
        grouped.productivity,
        grouped.passive_type_id,
        applications.executable,
        applications.application,
        applications.website,
        applications.browser_site,
        applications.application_or_site,
        applications.app_or_site_consolidated_name,
        case
            when grouped.productivity = 'Productive'
                then alignment(grouped.user_id, grouped.local_date, grouped.category)
        end as activity_alignment_type,
        grouped.duration_seconds,
        grouped.activity_count,
        grouped.local_date
    from stg_applications as applications
    right join grouped on applications.application_id = grouped.shown_application_id
)

select * from final
