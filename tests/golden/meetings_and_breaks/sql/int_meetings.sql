-- The qualifying meetings of this case.
with
listed (user_id, start, "end", title) as (
    values
        (1, '2026-03-02T09:10:00Z', '2026-03-02T10:00:00Z', 'Stand-up'),
        (2, '2026-03-02T09:10:00Z', '2026-03-02T10:00:00Z', 'Stand-up'),
        (3, '2026-03-02T09:20:00Z', '2026-03-02T09:50:00Z', 'Stand-up'),
        (4, '2026-03-02T09:15:00Z', '2026-03-02T09:30:00Z', 'Stand-up'),
        (5, '2026-03-02T11:00:00Z', '2026-03-02T12:00:00Z', 'Review'),
        (6, '2026-03-02T12:00:00Z', '2026-03-02T13:00:00Z', 'Review')
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
