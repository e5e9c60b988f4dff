-- What the sequence of a person's activities on a day says, and the time that they cover.
with
activities as (
    select
        user_id,
        local_date,
        start,
        counted_sec,
        is_active,
        productivity_rank,
        among(category_hash, setting('metrics.collaboration_categories')) as is_collaboration,
        task_hash,
        screen_hash,
        is_core(user_id, local_date, category_hash) as is_core,
        schedule_seconds(user_id, start, counted_sec) as schedule_sec
    from int_activities
),

analysed as (
    select
        user_id,
        local_date,
        day_analysis(
            start,
            counted_sec,
            is_active,
            productivity_rank,
            is_collaboration,
            task_hash,
            screen_hash,
            is_core,
            schedule_sec,
            named_struct(
                'bridge_seconds', setting('metrics.bridge_seconds'),
                'session_min_seconds', setting('metrics.session_min_seconds'),
                'shift_window_seconds', setting('metrics.shift_window_seconds'),
                'shift_apps', setting('metrics.shift_apps'),
                'shift_screens', setting('metrics.shift_screens'),
                'residue_seconds', setting('metrics.residue_seconds'),
                'last_activity_cap_seconds', setting('metrics.last_activity_cap_seconds'),
                -- Gaps that are neither a break nor left open by meetings.
                'close_gaps_seconds', least(
                    setting('metrics.meeting_gap_seconds') - 1,
                    setting('metrics.break_min_seconds')
                )
            )
        ) as day
    from activities
    group by user_id, local_date
),

final as (
    select
        user_id,
        day['first_start'] as first_start,
        day['last_end'] as last_end,
        day['total_activity_count'] as total_activity_count,
        day['productive_activity_count'] as productive_activity_count,
        day['unproductive_activity_count'] as unproductive_activity_count,
        day['undefined_activity_count'] as undefined_activity_count,
        day['collaboration_activity_count'] as collaboration_activity_count,
        day['active_duration_seconds'] as active_duration_seconds,
        day['total_duration_seconds'] as total_duration_seconds,
        day['productive_active_duration_seconds'] as productive_active_duration_seconds,
        day['productive_passive_duration_seconds'] as productive_passive_duration_seconds,
        day['unproductive_active_duration_seconds'] as unproductive_active_duration_seconds,
        day['unproductive_passive_duration_seconds'] as unproductive_passive_duration_seconds,
        day['undefined_active_duration_seconds'] as undefined_active_duration_seconds,
        day['undefined_passive_duration_seconds'] as undefined_passive_duration_seconds,
        day['productive_active_duration_seconds_in_schedule']
            as productive_active_duration_seconds_in_schedule,
        day['productive_passive_duration_seconds_in_schedule']
            as productive_passive_duration_seconds_in_schedule,
        day['collaboration_duration_seconds'] as collaboration_duration_seconds,
        day['core_duration_seconds'] as core_duration_seconds,
        day['non_core_duration_seconds'] as non_core_duration_seconds,
        day['attention_shift_activity_count'] as attention_shift_activity_count,
        day['multitasking_duration_seconds'] as multitasking_duration_seconds,
        day['focused_duration_seconds'] as focused_duration_seconds,
        day['productive_session_count'] as productive_session_count,
        day['productive_session_duration_seconds'] as productive_session_duration_seconds,
        day['focused_session_count'] as focused_session_count,
        day['focused_session_duration_seconds'] as focused_session_duration_seconds,
        interval_intersection(day['coverage'], local_day(user_id, local_date)) as coverage,
        interval_subtraction(day['coverage'], local_day(user_id, local_date)) as spill,
        local_date
    from analysed
)

select * from final
