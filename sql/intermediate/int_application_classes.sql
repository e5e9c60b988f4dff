-- Category and productivity of everything that events name, under each set of rules that people
-- may have. Classified here, once, and not once an event.
with
classified as (
    select
        stg_applications.*,
        org_rule_sets.rule_set,
        classify(
            stg_applications.site,
            stg_applications.website,
            stg_applications.application,
            stg_applications.executable,
            org_rule_sets.user_id,
            org_rule_sets.day
        ) as class
    from stg_applications
    cross join org_rule_sets
),

final as (
    select
        * exclude (class),
        class['category'] as category,
        class['productivity'] as productivity,
        -- Numbers to compute with.
        case
            when class['category'] is not null then values_hash(lower(class['category']))
        end as category_hash,
        case class['productivity'] when 'Productive' then 0 when 'Unproductive' then 1 else 2 end
            as productivity_rank
    from classified
)

select * from final
