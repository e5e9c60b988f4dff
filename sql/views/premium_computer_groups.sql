with
computers as (
    select * from org_computer_groups
    where valid_from <= setting('as_of_date') and setting('as_of_date') < valid_to
),

numbered as (
    select
        *,
        row_id('premium_computer_groups', computer_id, group_id) as row_id
    from computers
),

history as (
    select * from row_history
    where view = 'premium_computer_groups'
)

select
    numbered.row_id,
    setting('account.id') as account_id,
    numbered.computer_id,
    numbered.group_id,
    numbered.group_name,
    numbered.computer_name,
    numbered.computer_alias,
    coalesce(history.inserted_at, setting('as_of')) as etl_insert_datetime,
    coalesce(history.updated_at, setting('as_of')) as etl_last_update_datetime
from numbered
left join history on numbered.row_id = history.row_id
