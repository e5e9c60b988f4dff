with
consumer_groups as (
    select
        *,
        row_id('consumer_groups', activtrak_id, group_id) as row_id
    from org_consumer_groups
),

history as (
    select * from row_history
    where view = 'consumer_groups'
)

select
    consumer_groups.row_id,
    setting('account.id') as account_id,
    consumer_groups.activtrak_id,
    consumer_groups.group_id,
    coalesce(history.inserted_at, setting('as_of')) as etl_insert_datetime,
    coalesce(history.updated_at, setting('as_of')) as etl_last_update_datetime
from consumer_groups
left join history on consumer_groups.row_id = history.row_id
