-- Whole days that a calendar shows as out of office.
with
entries as (select * from stg_meetings),

away as (
    select
        user_id,
        instance,
        start_date,
        end_date
    from entries
    where
        status in ('confirmed', 'tentative')
        and start_date is not null
        and start_date < end_date
        and (kind = 'outOfOffice' or (kind = 'default' and show_as = 'oof'))
        and coalesce(own_response, '') <> 'declined'
)

select distinct * from away
