-- Calendar entries that count as meetings.
with
people as (select user_id as tracked_id from org_tracked_users),

ordinary as (
    select
        user_id,
        start,
        "end",
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
        -- All-day entries have no instants.
        and start < "end"
        and arrow_cast("end", 'Int64') - arrow_cast(start, 'Int64')
        <= setting('metrics.meeting_max_seconds') * 1000000
),

attended as (
    select
        ordinary.user_id,
        ordinary.start,
        ordinary."end",
        ordinary.title
    from ordinary
    inner join people on ordinary.user_id = people.tracked_id
    where
        coalesce(
            meeting_response(ordinary.user_id, ordinary.own_response, ordinary.attendees), ''
        ) <> 'declined'
        and meeting_participants(
            ordinary.organizer_email, ordinary.organizer_response, ordinary.attendees
        ) >= setting('metrics.meeting_min_participants')
)

-- Of copies from several calendars one is enough.
select distinct
    user_id,
    start,
    "end",
    title
from attended
