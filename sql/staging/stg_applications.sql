-- What events name, a program or a site, once each and as the tables of names have it.
with
applications as (
    select
        application_id,
        min(executable) as executable,
        min(application_base) as application_base,
        min(host) as host,
        min(site) as site,
        min(website) as website,
        bool_or(searched) as searched
    from raw_applications
    group by application_id
),

named as (
    select
        *,
        application_name(executable, application_base) as application,
        coalesce(site, application_name(executable, application_base)) as application_or_site
    from applications
),

final as (
    select
        application_id,
        executable,
        application,
        host,
        site,
        website,
        application_or_site,
        coalesce(
            consolidated_name(site, website, executable), application_or_site
        ) as app_or_site_consolidated_name,
        case
            when site is not null and application is not null
                then concat(application, '(', site, ')')
        end as browser_site,
        case
            when searched then 'Search'
            when host is not null then 'Site'
            else 'Application'
        end as activity_type,
        values_hash(lower(application_or_site)) as task_hash,
        values_hash(lower(executable), lower(application), host) as names_hash
    from named
)

select * from final
