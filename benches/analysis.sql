-- The peers' columns, from the stored analysis.
select
    user_id,
    local_date,
    total_activity_count,
    productive_activity_count,
    unproductive_activity_count,
    undefined_activity_count,
    collaboration_activity_count,
    collaboration_duration_seconds,
    active_duration_seconds,
    total_duration_seconds,
    productive_active_duration_seconds,
    productive_passive_duration_seconds,
    unproductive_active_duration_seconds,
    unproductive_passive_duration_seconds,
    undefined_active_duration_seconds,
    undefined_passive_duration_seconds,
    arrow_cast(first_start, 'Timestamp(µs, "UTC")') as first_activity_datetime,
    arrow_cast(last_end, 'Timestamp(µs, "UTC")') as last_activity_datetime,
    productive_session_count,
    productive_session_duration_seconds,
    attention_shift_activity_count,
    multitasking_duration_seconds,
    focused_duration_seconds,
    focused_session_count,
    focused_session_duration_seconds,
    pauses['count'] as break_count,
    pauses['seconds'] as break_duration_seconds
from (
    select
        *,
        breaks(
            interval_gaps(interval_union(coverage, spill)),
            setting('metrics.break_min_seconds'),
            setting('metrics.break_max_gap_seconds'),
            setting('metrics.break_cap_seconds')
        ) as pauses
    from internal.int_analysed_days
)
