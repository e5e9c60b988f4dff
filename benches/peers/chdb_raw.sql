-- Raw events to activities (semantics, section 4), in ClickHouse; oracle: reference_raw.py.
-- chdb_raw.py puts in `events`, `agents`, `apps` and `zone`; chdb_analysis.sql reads the result.
--
-- One row of arrays per agent for rule 0, one per user for the others; "the next that" is arrayReverseFill.
select
    toDate32(fromUnixTimestamp64Micro(row.1, 'UTC'), '{zone}') as local_date,
    user_id,
    row.2 as s,
    row.3 as c,
    row.4 as flags,
    row.5 as task,
    row.6 as screen
from (
    select
        user_id,
        arraySort(groupArray((start, idle, computer_id, event_id, agent_id, e, flags, task, screen))) as rows,
        rows.1 as T,
        arrayMap(t -> intDiv(t, 1000000), T) as S,
        rows.2 as idles,
        arrayMap(
            (e, i, any_s, active_s) -> least(e, if(i, any_s, active_s)),
            rows.6,
            idles,
            arrayShiftLeft(S, 1, 1000000000000),
            -- The next active start: after the last there is none.
            arrayReverseFill(
                x -> x != 0,
                arrayShiftLeft(arrayMap((s, i) -> if(i, 0, s), S, idles), 1, 1000000000000)
            )
        ) as E,
        arrayMap(
            (s, i, active_e) -> if(i, greatest(s, active_e), s),
            S,
            idles,
            arrayFill(x -> x != 0, arrayMap((e, i) -> if(i, 0, e), E, idles))
        ) as B,
        arrayFilter(
            row -> row.3 > 0,
            arrayMap((t, b, e, f, k, h) -> (t, b, e - b, f, k, h), T, B, E, rows.7, rows.8, rows.9)
        ) as clipped
    from (
        select
            user_id,
            agent_id,
            event.1 as start,
            event.2 as idle,
            event.3 as computer_id,
            event.4 as event_id,
            least(intDiv(start, 1000000) + event.5, intDiv(follower, 1000000)) as e,
            event.6 as flags,
            event.7 as task,
            event.8 as screen
        from (
            select
                agents.user_id as user_id,
                events.agent_id as agent_id,
                arraySort(
                    x -> x.1,
                    groupArray((
                        toUnixTimestamp64Micro(events.start),
                        toUInt8(events.state != 'Active'),
                        events.computer_id,
                        events.event_id,
                        events.duration_sec,
                        toUInt8(
                            (events.state = 'Active')
                            + 2 * (apps.productivity = 'Productive') + 4 * (apps.productivity = 'Unproductive')
                            + 8 * (
                                apps.productivity = 'Productive'
                                and ifNull(apps.category in ('Chat & Messaging', 'Meeting Software'), 0)
                            )
                            + 16 * (events.screen_hash is not null)
                            + 32 * (events.state = 'Passive Locked')
                        ),
                        events.app_key,
                        ifNull(events.screen_hash, 0)
                    ))
                ) as own,
                -- Of equal starts all end at the next different one.
                arrayReverseFill(
                    x -> x != 0,
                    arrayMap((t, n) -> if(n > t, n, 0), own.1, arrayShiftLeft(own.1, 1, 1000000000000000000))
                ) as followers
            from events as events
            inner join agents as agents on events.agent_id = agents.agent_id
            left join apps as apps on events.app_key = apps.app_key
            where ifNull(apps.category != 'Ignore', 1)
                and (events.duration_sec > 0 or events.state = 'Passive Locked')
            group by user_id, agent_id
        )
        array join own as event, followers as follower
        where bitAnd(event.6, 32) = 0
    )
    group by user_id
)
array join clipped as row
