-- Meetings that count as offline work. No calendar is connected yet, so there are none; a model of
-- this name in a folder of one's own fills it.
with
none as (
    select
        cast(null as bigint) as user_id,
        arrow_cast(null, 'Timestamp(µs, "UTC")') as start,
        arrow_cast(null, 'Timestamp(µs, "UTC")') as "end",
        cast(null as varchar) as title
)

select * from none
where user_id is not null
