-- The version in force of every stored calendar entry.
with
entries as (select * from raw_meetings),

-- Few entries are ever revised: this side is small and is what the join keeps in memory.
revised as (
    select
        utc_date as revised_date,
        uid as revised_uid,
        instance as revised_instance,
        event_id as revised_event_id,
        max(revision) as latest_revision
    from raw_meetings
    where revision > 0
    group by utc_date, uid, instance, event_id
),

in_force as (
    select entries.*
    from revised
    right join entries
        on
            entries.utc_date = revised.revised_date
            and entries.uid = revised.revised_uid
            and entries.instance = revised.revised_instance
            and entries.event_id = revised.revised_event_id
    where
        entries.status <> 'moved'
        and (revised.latest_revision is null or entries.revision = revised.latest_revision)
)

select
    uid as user_id,
    start,
    "end",
    start_date,
    end_date,
    instance,
    event_id,
    revision,
    series_id,
    title,
    private,
    status,
    show_as,
    kind,
    organizer_email,
    organizer_response,
    own_response,
    attendees,
    created,
    updated,
    utc_date
from in_force
