-- The qualifying meetings of this case.
with
listed (user_id, start, "end", title) as (
    values
        (2, '2026-11-01T05:30:00Z', '2026-11-01T06:30:00Z', 'Night watch')
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
