-- Meeting time without digital activity, by clock hour.
with
people as (
    select
        user_id,
        first_start
    from org_tracked_users
),

-- Nothing before the first event ever, nor after the as-of instant.
meetings as (
    select
        int_meetings.user_id,
        int_meetings.title,
        int_meetings.start as meeting_start,
        greatest(int_meetings.start, date_trunc('second', people.first_start)) as start,
        least(int_meetings."end", setting('as_of')) as "end"
    from int_meetings
    inner join people on int_meetings.user_id = people.user_id
),

cut as (
    select
        user_id,
        title,
        meeting_start,
        unnest(local_hours(user_id, start, "end")) as cell
    from meetings
    where start < "end"
),

pieces as (
    select
        user_id,
        title,
        meeting_start,
        cell['local_date'] as local_date,
        cell['hour'] as hour,
        cell['utc_offset_seconds'] as utc_offset_seconds,
        named_struct('start', cell['start'], 'end', cell['end']) as piece
    from cut
),

full_days_off as (
    select
        user_id as off_user_id,
        day as off_date
    from org_time_off_days
    where full_day
),

hours as (
    select
        user_id,
        local_date,
        hour,
        utc_offset_seconds,
        interval_union(array_agg(piece)) as in_meetings
    from pieces
    group by user_id, local_date, hour, utc_offset_seconds
),

-- Digital activity always wins.
left_over as (
    select
        hours.user_id,
        hours.local_date,
        hours.hour,
        hours.utc_offset_seconds,
        case
            when int_coverage.user_id is null then hours.in_meetings
            else
                interval_subtraction(
                    hours.in_meetings,
                    flood(int_coverage.coverage, setting('metrics.meeting_gap_seconds'))
                )
        end as offline
    from hours
    left join int_coverage
        on hours.user_id = int_coverage.user_id and hours.local_date = int_coverage.local_date
    left join full_days_off
        on
            hours.user_id = full_days_off.off_user_id
            and hours.local_date = full_days_off.off_date
    where full_days_off.off_user_id is null
),

offline_hours as (
    select *
    from left_over
    where interval_seconds(offline) > 0
),

-- Titles of the meetings that overlap these seconds, each once.
titled as (
    select
        offline_hours.user_id,
        offline_hours.local_date,
        offline_hours.hour,
        offline_hours.utc_offset_seconds,
        case
            when pieces.title is null then 'Private meeting'
            when pieces.title = '' then '(no title)'
            else pieces.title
        end as title,
        min(pieces.meeting_start) as first_start
    from offline_hours
    inner join pieces
        on
            offline_hours.user_id = pieces.user_id
            and offline_hours.local_date = pieces.local_date
            and offline_hours.hour = pieces.hour
            and offline_hours.utc_offset_seconds = pieces.utc_offset_seconds
    where
        interval_seconds(
            interval_intersection(offline_hours.offline, make_array(pieces.piece))
        ) > 0
    group by 1, 2, 3, 4, 5
),

listed as (
    select
        user_id as listed_user_id,
        local_date as listed_date,
        hour as listed_hour,
        utc_offset_seconds as listed_offset,
        arrow_cast(string_agg(title, '; ' order by first_start, title), 'Utf8')
            as calendar_meetings
    from titled
    group by user_id, local_date, hour, utc_offset_seconds
),

final as (
    select
        offline_hours.user_id,
        offline_hours.offline[1]['start'] as first_instant,
        offline_hours.utc_offset_seconds,
        interval_seconds(offline_hours.offline) as seconds,
        listed.calendar_meetings,
        offline_hours.offline,
        offline_hours.local_date
    from offline_hours
    left join listed
        on
            offline_hours.user_id = listed.listed_user_id
            and offline_hours.local_date = listed.listed_date
            and offline_hours.hour = listed.listed_hour
            and offline_hours.utc_offset_seconds = listed.listed_offset
)

select * from final
