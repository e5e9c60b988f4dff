-- A person's day in numbers: what adds up from activities, and time off.
with
activities as (
    select
        *,
        productivity = 'Productive' as is_productive,
        state = 'Active' as is_active,
        schedule_seconds(user_id, start, counted_sec) as schedule_sec,
        alignment(user_id, local_date, category) as alignment,
        coalesce(
            array_has(setting('metrics.collaboration_categories'), lower(category)), false
        ) as is_collaboration
    from int_activities
),

summed as (
    select
        user_id,
        local_date,
        min(start) as first_start,
        max(start + arrow_cast(counted_sec, 'Duration(s)')) as last_end,
        first_value(zone order by start) as first_zone,
        last_value(zone order by start) as last_zone,
        count(*) as total_activity_count,
        count(*) filter (where is_productive) as productive_activity_count,
        count(*) filter (where productivity = 'Unproductive') as unproductive_activity_count,
        count(*) filter (where productivity = 'Undefined') as undefined_activity_count,
        count(*) filter (where is_productive and is_collaboration)
            as collaboration_activity_count,
        coalesce(sum(counted_sec) filter (where is_active), 0) as active_duration_seconds,
        sum(counted_sec) as total_duration_seconds,
        coalesce(sum(counted_sec) filter (where is_productive and is_active), 0)
            as productive_active_duration_seconds,
        coalesce(sum(counted_sec) filter (where is_productive and not is_active), 0)
            as productive_passive_duration_seconds,
        coalesce(
            sum(counted_sec) filter (where productivity = 'Unproductive' and is_active), 0
        ) as unproductive_active_duration_seconds,
        coalesce(
            sum(counted_sec) filter (where productivity = 'Unproductive' and not is_active), 0
        ) as unproductive_passive_duration_seconds,
        coalesce(
            sum(counted_sec) filter (where productivity = 'Undefined' and is_active), 0
        ) as undefined_active_duration_seconds,
        coalesce(
            sum(counted_sec) filter (where productivity = 'Undefined' and not is_active), 0
        ) as undefined_passive_duration_seconds,
        coalesce(sum(schedule_sec) filter (where is_productive and is_active), 0)
            as productive_active_duration_seconds_in_schedule,
        coalesce(sum(schedule_sec) filter (where is_productive and not is_active), 0)
            as productive_passive_duration_seconds_in_schedule,
        coalesce(sum(counted_sec) filter (where is_productive and is_collaboration), 0)
            as collaboration_duration_seconds,
        coalesce(sum(counted_sec) filter (where is_productive and alignment = 'Core'), 0)
            as core_seconds,
        coalesce(sum(counted_sec) filter (where is_productive and alignment = 'Non-Core'), 0)
            as non_core_seconds
    from activities
    group by user_id, local_date
),

-- What runs on past the day's end ends there.
clocked as (
    select
        *,
        to_local(first_start, first_zone) as first_activity_datetime,
        to_local(least(last_end, local_day_end(local_date, last_zone)), last_zone)
            as last_activity_datetime,
        last_end >= local_day_end(local_date, last_zone) as lasts_to_day_end
    from summed
),

time_off as (
    select
        user_id as off_user_id,
        day as off_date,
        seconds as off_seconds,
        types as off_types,
        full_day as off_full_day
    from org_time_off_days
),

days as (
    select
        clocked.*,
        time_off.*,
        coalesce(clocked.user_id, time_off.off_user_id) as day_user_id,
        coalesce(clocked.local_date, time_off.off_date) as day_date
    from clocked
    full join time_off
        on clocked.user_id = time_off.off_user_id and clocked.local_date = time_off.off_date
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
        + coalesce(productive_passive_duration_seconds, 0) as productive_seconds,
        cast(0 as bigint) as offline_meeting_duration_seconds
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
        coalesce(collaboration_activity_count, 0) as collaboration_activity_count,
        coalesce(collaboration_duration_seconds, 0) as collaboration_duration_seconds,
        case when has_core_set then coalesce(core_seconds, 0) end as core_duration_seconds,
        case when has_core_set then coalesce(non_core_seconds, 0) end as non_core_duration_seconds,
        first_activity_datetime,
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
        offline_meeting_duration_seconds,
        coalesce(productive_active_duration_seconds, 0) as productive_active_duration_seconds,
        coalesce(productive_active_duration_seconds_in_schedule, 0)
            as productive_active_duration_seconds_in_schedule,
        coalesce(productive_activity_count, 0) as productive_activity_count,
        coalesce(productive_passive_duration_seconds, 0) as productive_passive_duration_seconds,
        coalesce(productive_passive_duration_seconds_in_schedule, 0)
            as productive_passive_duration_seconds_in_schedule,
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
)

select * from final
