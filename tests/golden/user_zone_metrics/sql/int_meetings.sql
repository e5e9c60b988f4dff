-- The qualifying meetings of this case.
with
listed (user_id, start, "end", title) as (
    values
        (1, '2026-03-02T23:00:00Z', '2026-03-03T00:30:00Z', 'Review'),
        (1, '2026-03-03T04:30:00Z', '2026-03-03T05:30:00Z', 'Late'),
        (2, '2026-03-02T23:00:00Z', '2026-03-03T00:30:00Z', 'Review'),
        (2, '2026-03-03T04:30:00Z', '2026-03-03T05:30:00Z', 'Late')
),

final as (
    select
        cast(user_id as bigint) as user_id,
        arrow_cast(start, 'Timestamp(µs, "UTC")') as start,
        arrow_cast("end", 'Timestamp(µs, "UTC")') as "end",
        cast(title as varchar) as title
    from listed
)

select * from final
