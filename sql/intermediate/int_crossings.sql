-- Who has events on a day that reach beyond it: from when on, and until when.
with
crossing as (
    select
        user_id,
        min(start) as first_start,
        max(start + arrow_cast(duration_sec, 'Duration(s)')) as last_end,
        local_date
    from int_events_by_day
    where crosses_day(user_id, local_date, start, duration_sec)
    group by user_id, local_date
)

select * from crossing
