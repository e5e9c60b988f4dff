with
core_categories as (select * from org_core_categories),

groups as (
    select * from org_groups
    where valid_from <= setting('as_of_date') and setting('as_of_date') < valid_to
)

select
    setting('account.id') as account_id,
    core_categories.category_id as activity_id,
    core_categories.group_id,
    row_id('user_group_core_activity', core_categories.group_id, core_categories.category_id)
        as row_id
from core_categories
inner join groups on core_categories.group_id = groups.group_id
