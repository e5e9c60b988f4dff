with
consumers as (
    select
        *,
        row_id('consumers', activtrak_id) as row_id
    from org_consumers
),

history as (
    select * from row_history
    where view = 'consumers'
)

select
    consumers.row_id,
    setting('account.id') as account_id,
    consumers.activtrak_id,
    consumers.email,
    consumers.role as roles,
    coalesce(history.inserted_at, setting('as_of')) as etl_insert_datetime,
    coalesce(history.updated_at, setting('as_of')) as etl_last_update_datetime
from consumers
left join history on consumers.row_id = history.row_id
