-- Local days on which a meeting lies, also those without any event.
with
cells as (
    select unnest(local_hours(user_id, start, "end")) as cell
    from int_meetings
    where start < "end"
),

final as (
    select cell['local_date'] as day
    from cells
    group by cell['local_date']
)

select * from final
