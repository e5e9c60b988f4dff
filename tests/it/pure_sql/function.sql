-- The columns of the pure form, by the function.
with
analysed as (
    select
        user_id,
        local_date,
        day_analysis(
            start,
            counted_sec,
            state,
            productivity,
            collaboration,
            task,
            screen,
            null,
            null,
            named_struct(
                'bridge_seconds', 60,
                'session_min_seconds', 60,
                'shift_window_seconds', 60,
                'shift_apps', 2,
                'shift_screens', 4,
                'residue_seconds', 180,
                'last_activity_cap_seconds', 60,
                'close_gaps_seconds', 59
            )
        ) as day
    from given
    group by user_id, local_date
),

paused as (
    select
        *,
        breaks(interval_gaps(day['coverage']), 300, 14400, 7200) as pauses
    from analysed
)

select
    user_id,
    local_date,
    day['total_activity_count'] as total_activity_count,
    day['productive_activity_count'] as productive_activity_count,
    day['unproductive_activity_count'] as unproductive_activity_count,
    day['undefined_activity_count'] as undefined_activity_count,
    day['collaboration_activity_count'] as collaboration_activity_count,
    day['collaboration_duration_seconds'] as collaboration_duration_seconds,
    day['active_duration_seconds'] as active_duration_seconds,
    day['total_duration_seconds'] as total_duration_seconds,
    day['productive_active_duration_seconds'] as productive_active_duration_seconds,
    day['productive_passive_duration_seconds'] as productive_passive_duration_seconds,
    day['unproductive_active_duration_seconds'] as unproductive_active_duration_seconds,
    day['unproductive_passive_duration_seconds'] as unproductive_passive_duration_seconds,
    day['undefined_active_duration_seconds'] as undefined_active_duration_seconds,
    day['undefined_passive_duration_seconds'] as undefined_passive_duration_seconds,
    day['first_start'] as first_activity_datetime,
    day['last_end'] as last_activity_datetime,
    day['productive_session_count'] as productive_session_count,
    day['productive_session_duration_seconds'] as productive_session_duration_seconds,
    day['attention_shift_activity_count'] as attention_shift_activity_count,
    day['multitasking_duration_seconds'] as multitasking_duration_seconds,
    day['focused_duration_seconds'] as focused_duration_seconds,
    day['focused_session_count'] as focused_session_count,
    day['focused_session_duration_seconds'] as focused_session_duration_seconds,
    pauses['count'] as break_count,
    pauses['seconds'] as break_duration_seconds
from paused
order by local_date, user_id
