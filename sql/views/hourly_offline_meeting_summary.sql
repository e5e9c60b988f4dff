with
users as (
    select
        uid,
        user_name
    from org_users
),

primary_groups as (
    select
        user_id as member_id,
        group_id,
        group_name,
        valid_from,
        valid_to
    from org_user_groups
    where is_primary
),

hours as (select * from int_offline_hours),

final as (
    select
        row_id('hourly_offline_meeting_summary', hours.user_id, hours.first_instant) as row_id,
        to_local(hours.first_instant, reporting_zone(hours.user_id, hours.first_instant))
            as start_time,
        hours.seconds as duration_seconds_in_hour,
        hours.user_id,
        users.user_name,
        primary_groups.group_id,
        primary_groups.group_name,
        hours.calendar_meetings
    from users
    inner join hours on users.uid = hours.user_id
    left join primary_groups
        on
            hours.user_id = primary_groups.member_id
            and hours.local_date >= primary_groups.valid_from
            and hours.local_date < primary_groups.valid_to
)

select * from final
