-- The time of a local day that a person's activities cover, whichever day they belong to.
with
spilled as (
    select
        user_id,
        unnest(spill) as piece
    from int_analysed_days
    where cardinality(spill) > 0
),

by_hour as (
    select
        user_id,
        unnest(local_hours(user_id, piece['start'], piece['end'])) as cell
    from spilled
),

pieces as (
    select
        user_id,
        cell['local_date'] as local_date,
        named_struct('start', cell['start'], 'end', cell['end']) as piece
    from by_hour
),

-- Few days take over anything from the day before.
taken_over as (
    select
        user_id as over_user_id,
        local_date as over_date,
        interval_union(array_agg(piece)) as over
    from pieces
    group by user_id, local_date
),

own as (
    select
        user_id,
        local_date,
        coverage
    from int_analysed_days
),

final as (
    select
        coalesce(own.user_id, taken_over.over_user_id) as user_id,
        case
            when taken_over.over_user_id is null then own.coverage
            when own.user_id is null then taken_over.over
            else interval_union(own.coverage, taken_over.over)
        end as coverage,
        coalesce(own.local_date, taken_over.over_date) as local_date
    from taken_over
    full join own
        on taken_over.over_user_id = own.user_id and taken_over.over_date = own.local_date
)

select * from final
