-- The qualifying meetings of this case.
with
listed (user_id, start, "end", title) as (
    values
        (1, '2026-03-03T13:00:00Z', '2026-03-03T14:00:00Z', 'Zeta'),
        (1, '2026-03-03T13:00:00Z', '2026-03-03T14:00:00Z', null),
        (1, '2026-03-03T13:30:00Z', '2026-03-03T14:00:00Z', 'Alpha'),
        (1, '2026-03-03T13:40:00Z', '2026-03-03T14:00:00Z', 'Alpha'),
        (1, '2026-03-03T13:45:00Z', '2026-03-03T14:00:00Z', ''),
        (2, '2026-03-03T13:00:00Z', '2026-03-03T14:00:00Z', 'Zeta'),
        (2, '2026-03-03T13:00:00Z', '2026-03-03T14:00:00Z', null),
        (2, '2026-03-03T13:30:00Z', '2026-03-03T14:00:00Z', 'Alpha'),
        (2, '2026-03-03T13:40:00Z', '2026-03-03T14:00:00Z', 'Alpha'),
        (2, '2026-03-03T13:45:00Z', '2026-03-03T14:00:00Z', ''),
        (3, '2026-03-03T12:50:00Z', '2026-03-03T13:10:00Z', 'Zeta'),
        (3, '2026-03-03T13:00:00Z', '2026-03-03T13:20:00Z', 'Alpha'),
        (3, '2026-03-03T13:15:00Z', '2026-03-03T14:10:00Z', 'Zeta'),
        (4, '2026-03-03T13:00:00Z', '2026-03-03T13:20:00Z', 'Planning, part 1'),
        (4, '2026-03-03T13:10:00Z', '2026-03-03T13:30:00Z', 'Planning; part 2'),
        (4, '2026-03-03T13:30:00Z', '2026-03-03T13:40:00Z', 'Übung')
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
