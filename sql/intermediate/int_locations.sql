-- Where a person worked on a day, by the networks seen.
with
seen as (
    select
        user_id,
        local_date,
        coalesce(network_id, public_ip) as signature,
        location_label(network_id, public_ip) as label,
        seconds
    from int_signature_days
),

-- A network that one person alone was on is no office: most are homes and need no look back.
shared as (
    select signature as shared_signature
    from seen
    group by signature
    having count(distinct user_id) >= setting('metrics.office_min_users')
),

dates as (
    select local_date as day
    from seen
    group by local_date
),

-- What counts on a day: the window of days that ends with it.
windows as (
    select
        dates.day,
        seen.user_id,
        seen.signature,
        sum(seen.seconds) as seconds
    from seen
    inner join shared on seen.signature = shared.shared_signature
    inner join dates
        on
            seen.local_date <= dates.day
            and seen.local_date > dates.day - cast(setting('metrics.office_days') as int)
    group by dates.day, seen.user_id, seen.signature
),

offices as (
    select
        day as office_day,
        signature as office_signature
    from windows
    where seconds >= setting('metrics.office_min_seconds')
    group by day, signature
    having count(*) >= setting('metrics.office_min_users')
),

placed as (
    select
        seen.user_id,
        seen.local_date,
        seen.seconds,
        case
            when seen.label is not null then seen.label
            when offices.office_signature is not null then 'Office'
            else 'Remote'
        end as place
    from seen
    left join offices
        on seen.signature = offices.office_signature and seen.local_date = offices.office_day
),

summed as (
    select
        user_id,
        local_date,
        sum(seconds) as seconds,
        coalesce(sum(seconds) filter (where place = 'Office'), 0) as office_seconds
    from placed
    group by user_id, local_date
),

final as (
    select
        user_id,
        office_seconds,
        seconds - office_seconds as remote_seconds,
        case
            when 100 * office_seconds >= setting('metrics.location_percent') * seconds
                then 'Office'
            when 100 * (seconds - office_seconds) >= setting('metrics.location_percent') * seconds
                then 'Remote'
            else 'Office/Remote'
        end as location,
        local_date
    from summed
)

select * from final
