-- Calendar entries that count as meetings.
with
people as (select user_id as tracked_id from org_tracked_users),

ordinary as (
    select
        user_id,
        -- Time is counted in whole seconds.
        date_trunc('second', start) as start,
        date_trunc('second', "end") as "end",
        title,
        organizer_email,
        organizer_response,
        own_response,
        attendees
    from stg_meetings
    where
        status in ('confirmed', 'tentative')
        and kind in ('default', 'fromGmail')
        and among(show_as, setting('metrics.meeting_show_as'))
),

timed as (
    select *
    from ordinary
    where
        -- All-day entries have no instants.
        start < "end"
        and arrow_cast("end", 'Int64') - arrow_cast(start, 'Int64')
        <= setting('metrics.meeting_max_seconds') * 1000000
),

attended as (
    select
        timed.user_id,
        timed.start,
        timed."end",
        timed.title
    from timed
    inner join people on timed.user_id = people.tracked_id
    where
        coalesce(
            meeting_response(timed.user_id, timed.own_response, timed.attendees), ''
        ) <> 'declined'
        and meeting_participants(
            timed.organizer_email, timed.organizer_response, timed.attendees
        ) >= setting('metrics.meeting_min_participants')
)

-- Of copies from several calendars one is enough.
select distinct
    user_id,
    start,
    "end",
    title
from attended
