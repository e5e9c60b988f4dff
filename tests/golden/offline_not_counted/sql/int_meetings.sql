-- The qualifying meetings of this case.
with
listed (user_id, start, "end", title) as (
    values
        (1, '2026-03-02T09:10:00Z', '2026-03-02T10:00:00Z', 'Stand-up'),
        (2, '2026-03-02T09:00:00Z', '2026-03-02T17:00:00Z', 'Workshop')
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
