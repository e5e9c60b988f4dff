-- A person's day in numbers: the analysis of its activities, breaks, offline meetings, place and
-- time off, and what the goals make of them.
with
analysed as (
    select
        * exclude (coverage, spill),
        local_day(user_id, local_date)[-1]['end'] as day_end
    from int_analysed_days
),

-- What runs on past the day's end ends there.
clocked as (
    select
        *,
        local_datetime(user_id, first_start) as first_activity_datetime,
        to_local(
            least(last_end, day_end),
            -- The zone in force until then.
            reporting_zone(user_id, least(last_end, day_end) - interval '1 microsecond')
        ) as last_activity_datetime,
        last_end >= day_end as lasts_to_day_end
    from analysed
),

offline as (
    select
        user_id as offline_user_id,
        local_date as offline_date,
        sum(seconds) as offline_seconds,
        interval_union(flatten(array_agg(offline))) as offline_intervals
    from int_offline_hours
    group by user_id, local_date
),

-- Gaps inside the covered part of the day that no meeting fills.
paused as (
    select
        int_coverage.user_id as break_user_id,
        int_coverage.local_date as break_date,
        breaks(
            interval_subtraction(
                interval_intersection(
                    interval_gaps(int_coverage.coverage),
                    local_day(int_coverage.user_id, int_coverage.local_date)
                ),
                coalesce(
                    offline.offline_intervals,
                    arrow_cast(
                        make_array(),
                        'List(Struct("start": Timestamp(µs, "UTC"), "end": Timestamp(µs, "UTC")))'
                    )
                )
            ),
            setting('metrics.break_min_seconds'),
            setting('metrics.break_max_gap_seconds'),
            setting('metrics.break_cap_seconds')
        ) as pauses
    from offline
    right join int_coverage
        on
            offline.offline_user_id = int_coverage.user_id
            and offline.offline_date = int_coverage.local_date
),

time_off as (
    select
        user_id as off_user_id,
        day as off_date,
        seconds as off_seconds,
        types as off_types,
        full_day as off_full_day,
        tracked as off_tracked
    from org_time_off_days
),

-- Few days have an offline meeting or time off: these sides are small.
with_offline as (
    select
        clocked.*,
        coalesce(clocked.user_id, offline.offline_user_id) as some_user_id,
        coalesce(clocked.local_date, offline.offline_date) as some_date,
        coalesce(offline.offline_seconds, 0) as offline_seconds
    from offline
    full join clocked
        on
            offline.offline_user_id = clocked.user_id
            and offline.offline_date = clocked.local_date
),

with_time_off as (
    select
        with_offline.*,
        time_off.*,
        coalesce(with_offline.some_user_id, time_off.off_user_id) as day_user_id,
        coalesce(with_offline.some_date, time_off.off_date) as day_date,
        coalesce(with_offline.offline_seconds, 0) as offline_meeting_duration_seconds
    from time_off
    full join with_offline
        on
            time_off.off_user_id = with_offline.some_user_id
            and time_off.off_date = with_offline.some_date
),

places as (
    select
        user_id as place_user_id,
        local_date as place_date,
        location
    from int_locations
),

days as (
    select
        with_time_off.*,
        paused.pauses,
        places.location
    from with_time_off
    left join paused
        on
            with_time_off.day_user_id = paused.break_user_id
            and with_time_off.day_date = paused.break_date
    left join places
        on
            with_time_off.day_user_id = places.place_user_id
            and with_time_off.day_date = places.place_date
),

goals as (
    select
        user_id as goal_user_id,
        productive_hrs_day,
        focused_hrs_day,
        has_core_set,
        valid_from,
        valid_to
    from org_user_groups
    where is_primary
),

with_goals as (
    select
        days.*,
        coalesce(goals.has_core_set, false) as has_core_set,
        coalesce(goals.productive_hrs_day, setting('metrics.productive_hrs_day'))
            as user_productivity_goal,
        coalesce(goals.focused_hrs_day, setting('metrics.focused_hrs_day')) as user_focus_goal
    from goals
    right join days
        on
            days.day_user_id = goals.goal_user_id
            and days.day_date >= goals.valid_from
            and days.day_date < goals.valid_to
),

measured as (
    select
        *,
        coalesce(productive_active_duration_seconds, 0)
        + coalesce(productive_passive_duration_seconds, 0) as productive_seconds
    from with_goals
),

judged as (
    select
        *,
        productive_seconds
        + case
            when setting('metrics.offline_counts_for_goals') then offline_meeting_duration_seconds
            else 0
        end as goal_seconds,
        user_productivity_goal * 3600 as goal_target_seconds
    from measured
),

activated as (
    select
        *,
        case
            when goal_seconds <= 0 then 0
            when setting('metrics.active_day_mode') = 'threshold'
                then
                    case
                        when goal_seconds >= setting('metrics.active_day_seconds') then 1
                        else 0
                    end
            when not has_schedule_window(day_user_id, day_date) then 0
            when
                setting('metrics.active_day_mode') = 'hris' and coalesce(off_full_day, false)
                then 0
            else 1
        end as active_day_count
    from judged
),

final as (
    select
        day_user_id as user_id,
        cast(active_day_count as bigint) as active_day_count,
        coalesce(active_duration_seconds, 0) as active_duration_seconds,
        coalesce(attention_shift_activity_count, 0) as attention_shift_activity_count,
        coalesce(pauses['count'], 0) as break_count,
        coalesce(pauses['seconds'], 0) as break_duration_seconds,
        coalesce(collaboration_activity_count, 0) as collaboration_activity_count,
        coalesce(collaboration_duration_seconds, 0) as collaboration_duration_seconds,
        case when has_core_set then coalesce(core_duration_seconds, 0) end
            as core_duration_seconds,
        case when has_core_set then coalesce(non_core_duration_seconds, 0) end
            as non_core_duration_seconds,
        first_activity_datetime,
        coalesce(focused_duration_seconds, 0) as focused_duration_seconds,
        coalesce(focused_session_count, 0) as focused_session_count,
        coalesce(focused_session_duration_seconds, 0) as focused_session_duration_seconds,
        last_activity_datetime,
        case
            -- Whatever the clock shows then.
            when lasts_to_day_end then cast(1440 as bigint)
            else
                cast(
                    date_part('hour', last_activity_datetime) * 60
                    + date_part('minute', last_activity_datetime) as bigint
                )
        end as last_activity_minutes_in_day,
        location,
        coalesce(multitasking_duration_seconds, 0) as multitasking_duration_seconds,
        offline_meeting_duration_seconds,
        coalesce(productive_active_duration_seconds, 0) as productive_active_duration_seconds,
        coalesce(productive_active_duration_seconds_in_schedule, 0)
            as productive_active_duration_seconds_in_schedule,
        coalesce(productive_activity_count, 0) as productive_activity_count,
        coalesce(productive_passive_duration_seconds, 0) as productive_passive_duration_seconds,
        coalesce(productive_passive_duration_seconds_in_schedule, 0)
            as productive_passive_duration_seconds_in_schedule,
        coalesce(productive_session_count, 0) as productive_session_count,
        coalesce(productive_session_duration_seconds, 0) as productive_session_duration_seconds,
        off_seconds is not null as time_off_day,
        coalesce(off_seconds, 0) as time_off_duration_seconds,
        off_types as time_off_type,
        coalesce(total_activity_count, 0) as total_activity_count,
        coalesce(total_duration_seconds, 0) as total_duration_seconds,
        coalesce(undefined_active_duration_seconds, 0) as undefined_active_duration_seconds,
        coalesce(undefined_activity_count, 0) as undefined_activity_count,
        coalesce(undefined_passive_duration_seconds, 0) as undefined_passive_duration_seconds,
        coalesce(unproductive_active_duration_seconds, 0) as unproductive_active_duration_seconds,
        coalesce(unproductive_activity_count, 0) as unproductive_activity_count,
        coalesce(unproductive_passive_duration_seconds, 0)
            as unproductive_passive_duration_seconds,
        arrow_cast(user_focus_goal, 'Decimal128(38, 9)') as user_focus_goal,
        arrow_cast(user_productivity_goal, 'Decimal128(38, 9)') as user_productivity_goal,
        case
            when active_day_count = 0 or goal_target_seconds <= 0 then null
            when
                100 * goal_seconds
                > (100 + setting('metrics.utilization_tolerance_percent')) * goal_target_seconds
                then 'Overutilized'
            when
                100 * goal_seconds
                < (100 - setting('metrics.utilization_tolerance_percent')) * goal_target_seconds
                then 'Underutilized'
            else 'Healthy'
        end as utilization_level,
        day_date as local_date
    from activated
    -- Time off alone makes a row of tracked users only.
    where some_user_id is not null or off_tracked
)

select * from final
