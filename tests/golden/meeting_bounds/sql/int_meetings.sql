-- The qualifying meetings of this case.
with
listed (user_id, start, "end", title) as (
    values
        (1, '2026-03-02T13:00:00Z', '2026-03-02T14:00:00Z', 'Review'),
        (2, '2026-03-02T13:00:00Z', '2026-03-02T14:00:00Z', 'Review'),
        (3, '2026-03-02T13:00:00Z', '2026-03-02T14:00:00Z', 'Review'),
        (5, '2026-03-02T13:00:00Z', '2026-03-02T14:00:00Z', 'Review'),
        (4, '2026-03-03T13:00:00Z', '2026-03-03T14:00:00Z', 'Review'),
        (4, '2026-03-03T14:00:00Z', '2026-03-03T15:00:00Z', 'Later')
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
