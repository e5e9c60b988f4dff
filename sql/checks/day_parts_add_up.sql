-- The parts of a day add up to it, and nothing is larger than what it is made of.
with
days as (
    select
        *,
        productive_active_duration_seconds + productive_passive_duration_seconds as productive,
        unproductive_active_duration_seconds + unproductive_passive_duration_seconds
            as unproductive,
        undefined_active_duration_seconds + undefined_passive_duration_seconds as undefined
    from int_analysed_days
)

select
    user_id,
    local_date,
    total_duration_seconds,
    productive,
    unproductive,
    undefined,
    focused_duration_seconds,
    collaboration_duration_seconds,
    multitasking_duration_seconds
from days
where
    total_duration_seconds <> productive + unproductive + undefined
    or active_duration_seconds
    <> productive_active_duration_seconds
    + unproductive_active_duration_seconds
    + undefined_active_duration_seconds
    or total_activity_count
    <> productive_activity_count + unproductive_activity_count + undefined_activity_count
    or productive
    <> focused_duration_seconds
    + collaboration_duration_seconds
    + multitasking_duration_seconds
    or focused_duration_seconds < 0
    or multitasking_duration_seconds < 0
    or collaboration_activity_count > productive_activity_count
    or productive_session_duration_seconds > productive
    or focused_session_duration_seconds > focused_duration_seconds
    or productive_active_duration_seconds_in_schedule > productive_active_duration_seconds
    or productive_passive_duration_seconds_in_schedule > productive_passive_duration_seconds
    or core_duration_seconds + non_core_duration_seconds > productive
