with
groups as (
    select * from org_groups
    where valid_from <= setting('as_of_date') and setting('as_of_date') < valid_to
),

core_sets as (
    select distinct group_id as core_group_id
    from org_core_categories
),

goals as (
    select
        groups.*,
        core_sets.core_group_id is not null as has_core_set,
        arrow_cast(
            coalesce(groups.productive_hrs_day, setting('metrics.productive_hrs_day')),
            'Decimal128(38, 9)'
        ) as productive_goal,
        arrow_cast(
            coalesce(groups.focused_hrs_day, setting('metrics.focused_hrs_day')),
            'Decimal128(38, 9)'
        ) as focus_goal
    from groups
    left join core_sets on groups.group_id = core_sets.core_group_id
)

select
    case
        when has_core_set
            then
                arrow_cast(
                    core_activity_percent
                    / 100
                    * coalesce(productive_hrs_day, setting('metrics.productive_hrs_day')),
                    'Decimal128(38, 9)'
                )
    end as core_activity_hrs_day,
    setting('account.id') as account_id,
    group_id,
    group_name,
    productive_goal as productive_hrs_day,
    focus_goal as focused_hrs_day,
    arrow_cast(core_activity_percent, 'Decimal128(38, 9)') as core_activity_percent
from goals
