-- The account as a whole (group NULL) and every primary group, one row a date.
with
dates as (select day as activity_date from org_dates),

people as (
    select
        uid,
        first_event_date,
        tracked
    from org_users
    where first_event_date is not null
),

days as (
    select
        user_id,
        local_date,
        active_day_count,
        time_off_day,
        productive_active_duration_seconds + productive_passive_duration_seconds
            as productive_seconds,
        focused_duration_seconds as focused_seconds
    from int_user_days
),

primary_groups as (
    select
        user_id as member_id,
        group_id,
        valid_from,
        valid_to
    from org_user_groups
    where is_primary
),

-- Everybody who counts on a date: seen by then, and tracked or with a row that day.
counted as (
    select
        dates.activity_date,
        people.uid as user_id
    from people
    inner join dates on dates.activity_date >= people.first_event_date
    left join days on people.uid = days.user_id and dates.activity_date = days.local_date
    where people.tracked or days.user_id is not null
),

scopes as (
    select
        activity_date,
        user_id,
        cast(null as bigint) as group_id
    from counted
    union all
    select
        counted.activity_date,
        counted.user_id,
        primary_groups.group_id
    from primary_groups
    inner join counted
        on
            counted.user_id = primary_groups.member_id
            and counted.activity_date >= primary_groups.valid_from
            and counted.activity_date < primary_groups.valid_to
),

sizes as (
    select
        activity_date,
        group_id,
        count(*) as total_user_count
    from scopes
    group by activity_date, group_id
),

day_scopes as (
    select
        days.*,
        cast(null as bigint) as group_id
    from days
    union all
    select
        days.*,
        primary_groups.group_id
    from primary_groups
    inner join days
        on
            days.user_id = primary_groups.member_id
            and days.local_date >= primary_groups.valid_from
            and days.local_date < primary_groups.valid_to
),

ranked as (
    select
        *,
        row_number() over (
            partition by local_date, group_id, active_day_count
            order by productive_seconds desc, user_id asc
        ) as productive_rank,
        row_number() over (
            partition by local_date, group_id, active_day_count
            order by focused_seconds desc, user_id asc
        ) as focused_rank,
        count(*) over (partition by local_date, group_id, active_day_count) as active_users
    from day_scopes
),

measured as (
    select
        local_date as measured_date,
        group_id as measured_group_id,
        sum(active_day_count) as active_day_count,
        count(*) filter (where time_off_day) as time_off_day_count,
        coalesce(sum(productive_seconds) filter (where active_day_count = 1), 0)
            as productive_seconds_all,
        count(*) filter (
            where active_day_count = 1 and productive_rank <= (active_users + 3) / 4
        ) as productive_user_count_top25,
        coalesce(
            sum(productive_seconds) filter (
                where active_day_count = 1 and productive_rank <= (active_users + 3) / 4
            ),
            0
        ) as productive_seconds_top25,
        coalesce(sum(focused_seconds) filter (where active_day_count = 1), 0)
            as focused_seconds_all,
        count(*) filter (
            where active_day_count = 1 and focused_rank <= (active_users + 3) / 4
        ) as focused_user_count_top25,
        coalesce(
            sum(focused_seconds) filter (
                where active_day_count = 1 and focused_rank <= (active_users + 3) / 4
            ),
            0
        ) as focused_seconds_top25
    from ranked
    group by local_date, group_id
),

frame as (
    select
        activity_date,
        cast(null as bigint) as group_id
    from dates
    union all
    select
        activity_date,
        group_id
    from sizes
    where group_id is not null
),

final as (
    select
        coalesce(measured.active_day_count, 0) as active_day_count,
        frame.activity_date,
        coalesce(measured.focused_user_count_top25, 0) as focused_user_count_top25,
        coalesce(measured.focused_seconds_all, 0) as focused_seconds_all,
        coalesce(measured.focused_seconds_top25, 0) as focused_seconds_top25,
        coalesce(measured.productive_seconds_all, 0) as productive_seconds_all,
        coalesce(measured.productive_seconds_top25, 0) as productive_seconds_top25,
        coalesce(measured.productive_user_count_top25, 0) as productive_user_count_top25,
        coalesce(measured.time_off_day_count, 0) as time_off_day_count,
        coalesce(sizes.total_user_count, 0) as total_user_count,
        frame.group_id
    from frame
    left join sizes
        on
            frame.activity_date = sizes.activity_date
            and coalesce(frame.group_id, -1) = coalesce(sizes.group_id, -1)
    left join measured
        on
            frame.activity_date = measured.measured_date
            and coalesce(frame.group_id, -1) = coalesce(measured.measured_group_id, -1)
)

select * from final
