-- A day is covered once at most: what its own activities cover and their seconds agree, and no day
-- holds more than its length.
with
days as (
    select
        user_id,
        local_date,
        interval_seconds(coverage) as covered,
        interval_seconds(local_day(user_id, local_date)) as length,
        interval_seconds(coverage) + interval_seconds(spill) as covered_anywhere,
        total_duration_seconds
    from int_analysed_days
)

select *
from days
where covered > length or covered_anywhere < total_duration_seconds
