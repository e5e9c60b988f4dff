-- Events with the names and the classification that the settings give them.
with
events as (select * from int_events_by_day),

named as (
    select
        *,
        application_name(executable, application_base) as application,
        coalesce(site, application_name(executable, application_base)) as application_or_site
    from events
),

classified as (
    select
        *,
        coalesce(
            consolidated_name(site, website, executable), application_or_site
        ) as app_or_site_consolidated_name,
        case
            when site is not null and application is not null
                then concat(application, '(', site, ')')
        end as browser_site,
        case
            when search_term is not null then 'Search'
            when host is not null then 'Site'
            else 'Application'
        end as activity_type,
        classify(site, website, application, executable, user_id, local_date) as class
    from named
),

final as (
    select
        * exclude (class),
        class['category'] as category,
        class['productivity'] as productivity
    from classified
)

select * from final
