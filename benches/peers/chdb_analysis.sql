-- The daily sequence analysis as one ClickHouse statement; rules: semantics, section 5; oracle: reference.py.
--
-- A user-day is one row of parallel arrays, sorted by start; neighbours are arrayShiftRight, "the last of"
-- is arrayFill, runs are arraySplit. ClickHouse runs array lambdas over all elements of a block at once.
-- Tried: arraySort(groupArray(tuple)) instead of one array a column: as fast, but more memory. LowCardinality
-- strings: no gain. Half of the time is reading, flags and groupArray.
--
-- Attention shifts are the one sequential rule: after a shift the list starts anew. Only candidates, the
-- places that could be shifts, see arrayFold:
--   lo  earliest start still in the list if no shift intervened (60 s, or the last reset);
--   a   latest p such that the switches in [p, here] hold three tasks: the end of the latest earlier run
--       of equal tasks whose task is neither this run's nor the one before it (0: none);
--   k   the instant after the last switch with an unknown screen;
--   b   latest p such that the switches in [p, here] hold five screens (0: none).
-- With `last` = start of the last shift, a candidate fires if p = max(lo, last) has p <= a or k <= p <= b.
with

-- `activity` is put in by the script. flags: 1 active, 2 productive, 4 unproductive, 8 collaboration, 16 screen known
days as (
    select
        local_date,
        user_id,
        groupArray(s) as S_read,
        groupArray(c) as C_read,
        groupArray(flags) as F_read,
        groupArray(task) as T_read,
        groupArray(screen) as H_read
    from activity
    group by local_date, user_id
),

columns as (
    select
        local_date,
        user_id,
        -- The input promises no order, but most user-days have it.
        arraySort(S_read) as S,
        S = S_read as in_order,
        if(in_order, C_read, arraySort((x, y) -> y, C_read, S_read)) as C,
        if(in_order, F_read, arraySort((x, y) -> y, F_read, S_read)) as F,
        if(in_order, T_read, arraySort((x, y) -> y, T_read, S_read)) as T,
        if(in_order, H_read, arraySort((x, y) -> y, H_read, S_read)) as H,
        arrayMap((s, e) -> s - e, S, arrayShiftRight(arrayMap((s, c) -> s + c, S, C), 1, -1000000000000)) as gap,
        arrayShiftRight(F, 1, 0) as F0,
        arrayShiftRight(T, 1, 0) as T0
    from days
),

marks as (
    select
        *,
        -- 1 switch, 2 nothing before, 4 active and unproductive after productive
        arrayMap(
            (g, f, f0, t, t0, h, h0) -> toUInt8(
                (bitAnd(f, 3) = 3 and (g > 60 or t != t0 or (bitAnd(bitAnd(f, f0), 16) = 16 and h != h0)))
                + 2 * (g > 60)
                + 4 * (bitAnd(f, 5) = 5 and bitAnd(f0, 2) = 2 and g <= 60)
            ),
            gap, F, F0, T, T0, H, arrayShiftRight(H, 1, 0)
        ) as M,
        arrayFilter((s, m) -> m != 0, S, M) as MS,
        arrayFilter((m, n) -> n != 0, M, M) as MM,
        arrayFill(x -> x != 0, arrayMap((s, m) -> if(m >= 2, s, 0), MS, MM)) as emptied,
        -- Switches among three marks within 60 s: no other place can be a shift by number.
        arrayMap(
            (m, s2, s1, s, n1, n2) -> bitAnd(m, 1) and least(s - s2, n1 - s1, n2 - s) < 60,
            MM,
            arrayShiftRight(MS, 2, -1000000000000),
            arrayShiftRight(MS, 1, -1000000000000),
            MS,
            arrayShiftLeft(MS, 1, 1000000000000),
            arrayShiftLeft(MS, 2, 1000000000000)
        ) as dense,
        arrayFilter((x, d) -> d, MS, dense) as DS,
        arrayFilter((x, d) -> d, arrayMap((e, s) -> greatest(e, s - 59), emptied, MS), dense) as DLo,
        arrayFilter((x, d) -> d, arrayFilter((x, m) -> m != 0, T, M), dense) as DT,
        arrayFilter((x, d) -> d, arrayFilter((x, m) -> m != 0, H, M), dense) as DH,
        arrayFilter((x, d) -> d, arrayFilter((x, m) -> m != 0, F, M), dense) as DF
    from columns
),

candidates as (
    select
        *,
        -- Runs of equal tasks, by their first switch.
        arrayMap((t, t0, i) -> i = 1 or t != t0, DT, arrayShiftRight(DT, 1, 0), arrayEnumerate(DT)) as turn,
        arrayFilter((x, y) -> y, DT, turn) as RT,
        arrayFill(
            x -> x != 0,
            arrayMap(
                (t, t2, e) -> if(t != t2, e, 0),
                RT,
                arrayShiftRight(RT, 2, 0),
                arrayShiftRight(arrayFilter((x, y) -> y, arrayShiftRight(DS, 1, 0), turn), 1, 0)
            )
        ) as A,
        arrayFilter(
            x -> x.3 >= x.2,
            arrayMap(
                (s, lo, a) -> (s, lo, a, toInt64(0), toInt64(-1)),
                arrayFilter((x, y) -> y, DS, turn),
                arrayFilter((x, y) -> y, DLo, turn),
                A
            )
        ) as by_task,
        arrayMap(
            x -> x + 1,
            arrayFill(x -> x != 0, arrayMap((s, f) -> if(bitAnd(f, 16) = 0, s, 0), DS, DF))
        ) as K,
        -- Places whose list may hold five known screens, with the range that counts.
        arrayFilter(
            x -> x.4 >= x.3,
            arrayMap(
                (i, lo, k, s4) -> (i, lo, greatest(lo, k), s4, k),
                arrayEnumerate(DS), DLo, K, arrayShiftRight(DS, 4, 0)
            )
        ) as by_number,
        arrayMap(
            x -> (
                DS[x.1],
                x.2,
                toInt64(0),
                x.5,
                arrayReverseSort(
                    arrayMap(
                        latest -> latest.1,
                        -- The first of each screen, latest first, is its latest.
                        arrayFilter(
                            (latest, nth) -> nth = 1,
                            arrayReverse(
                                arrayFilter(
                                    w -> w.1 >= x.3,
                                    arrayZip(arraySlice(DS, 1, x.1), arraySlice(DT, 1, x.1), arraySlice(DH, 1, x.1))
                                )
                            ) as listed,
                            arrayEnumerateUniq(arrayMap(w -> (w.2, w.3), listed))
                        )
                    )
                )[5]
            ),
            by_number
        ) as by_screen
    from marks
),

shifts as (
    select
        *,
        arrayFold(
            (fired, x) -> if(
                greatest(x.2, fired.1) <= x.3
                or (greatest(x.2, fired.1) >= x.4 and greatest(x.2, fired.1) <= x.5),
                (x.1, arrayPushBack(fired.2, x.1)),
                fired
            ),
            if(empty(by_screen), by_task, arraySort(arrayConcat(by_task, arrayFilter(x -> x.5 != 0, by_screen)))),
            (toInt64(0), []::Array(Int64))
        ).2 as by_list,
        arrayFilter((s, m) -> m >= 4, MS, MM) as to_unproductive,
        arraySort(arrayConcat(by_list, to_unproductive)) as X,
        arrayFill(
            x -> x != 0,
            arrayMap((x, x0) -> if(x > x0 + 180, x, 0), X, arrayShiftRight(X, 1, -1000000000000))
        ) as opened
    from candidates
),

-- The last shift at or before each active, productive, non-collaboration activity: shifts and activities
-- sorted as numbers (instant, then how long the merged window has been open, shifts even and before
-- activities), then filled forward.
merged as (
    select
        *,
        arrayFilter((s, f) -> bitAnd(f, 11) = 3, S, F) as WS,
        arraySort(
            arrayConcat(
                arrayMap((x, o) -> x * 2097152 + 2 * (x - o), X, opened),
                arrayMap(s -> s * 2097152 + 2097151, WS)
            )
        ) as Z,
        arrayFilter((x, z) -> bitAnd(z, 1) = 1, arrayFill(z -> bitAnd(z, 1) = 0, Z), Z) as L,
        arrayMap(
            (s, l) -> if(
                bitAnd(l, 1) = 0 and s < intDiv(l, 2097152) + 180,
                intDiv(l, 2097152) - intDiv(bitAnd(l, 2097151), 2),
                0
            ),
            WS, L
        ) as W,
        arrayMap(
            (w, c, later) -> if(w = 0, 0, if(w = later, c, least(c, 60))),
            W,
            arrayFilter((c, f) -> bitAnd(f, 11) = 3, C, F),
            -- The window of the next activity inside any: fill backwards over those outside.
            arrayShiftLeft(arrayReverseFill(w -> w != 0, W), 1, 0)
        ) as part
    from shifts
),

final as (
    select
        *,
        -- Productive runs.
        arrayFilter(
            x -> x >= 60,
            arrayMap(
                x -> arraySum(x),
                arraySplit(
                    (c, opens) -> opens,
                    arrayFilter((c, f) -> bitAnd(f, 2) = 2, C, F),
                    arrayFilter((x, f) -> bitAnd(f, 2) = 2, arrayMap((g, f0) -> g > 60 or bitAnd(f0, 2) = 0, gap, F0), F)
                )
            )
        ) as p_sessions,
        -- Focused runs, of seconds without the multitasking part: those of active ones are `part`, in order.
        arrayFilter((s, f) -> bitAnd(f, 10) = 2, S, F) as FS,
        arrayFilter((c, f) -> bitAnd(f, 10) = 2, C, F) as FC,
        arrayFilter((f, g) -> bitAnd(g, 10) = 2, F, F) as FF,
        arrayFilter(
            (x, f) -> bitAnd(f, 10) = 2,
            arrayMap((g, f0, t, t0) -> g > 60 or bitAnd(f0, 10) != 2 or t != t0, gap, F0, T, T0),
            F
        ) as f_opens,
        arrayFilter(
            x -> x >= 60,
            arrayMap(
                x -> arraySum(x),
                arraySplit(
                    (c, opens) -> opens,
                    arrayMap(
                        (c, f, n) -> c - if(bitAnd(f, 1) = 1, part[n], 0),
                        FC, FF, arrayCumSum(arrayMap(f -> bitAnd(f, 1), FF))
                    ),
                    f_opens
                )
            )
        ) as f_sessions,
        arrayFilter(g -> g > 300 and g <= 14400, gap) as breaks,
        arraySum(arrayMap((c, f) -> if(bitAnd(f, 3) = 3, c, 0), C, F)) as c_p_act,
        arraySum(arrayMap((c, f) -> if(bitAnd(f, 3) = 2, c, 0), C, F)) as c_p_pas,
        arraySum(arrayMap((c, f) -> if(bitAnd(f, 5) = 5, c, 0), C, F)) as c_u_act,
        arraySum(arrayMap((c, f) -> if(bitAnd(f, 5) = 4, c, 0), C, F)) as c_u_pas,
        arraySum(arrayMap((c, f) -> if(bitAnd(f, 7) = 1, c, 0), C, F)) as c_n_act,
        arraySum(arrayMap((c, f) -> if(bitAnd(f, 7) = 0, c, 0), C, F)) as c_n_pas,
        arraySum(arrayMap((c, f) -> if(bitAnd(f, 8) = 8, c, 0), C, F)) as c_k
    from merged
)

select
    user_id,
    toDate32(local_date) as local_date,
    toInt64(length(S)) as total_activity_count,
    toInt64(arrayCount(f -> bitAnd(f, 2) = 2, F)) as productive_activity_count,
    toInt64(arrayCount(f -> bitAnd(f, 4) = 4, F)) as unproductive_activity_count,
    toInt64(arrayCount(f -> bitAnd(f, 6) = 0, F)) as undefined_activity_count,
    toInt64(arrayCount(f -> bitAnd(f, 8) = 8, F)) as collaboration_activity_count,
    c_k as collaboration_duration_seconds,
    c_p_act + c_u_act + c_n_act as active_duration_seconds,
    arraySum(C) as total_duration_seconds,
    c_p_act as productive_active_duration_seconds,
    c_p_pas as productive_passive_duration_seconds,
    c_u_act as unproductive_active_duration_seconds,
    c_u_pas as unproductive_passive_duration_seconds,
    c_n_act as undefined_active_duration_seconds,
    c_n_pas as undefined_passive_duration_seconds,
    fromUnixTimestamp64Micro(S[1] * 1000000, 'UTC') as first_activity_datetime,
    fromUnixTimestamp64Micro((S[-1] + C[-1]) * 1000000, 'UTC') as last_activity_datetime,
    toInt64(length(p_sessions)) as productive_session_count,
    arraySum(p_sessions) as productive_session_duration_seconds,
    toInt64(length(X)) as attention_shift_activity_count,
    arraySum(part) as multitasking_duration_seconds,
    c_p_act + c_p_pas - c_k - arraySum(part) as focused_duration_seconds,
    toInt64(length(f_sessions)) as focused_session_count,
    arraySum(f_sessions) as focused_session_duration_seconds,
    toInt64(length(breaks)) as break_count,
    arraySum(arrayMap(g -> least(g, 7200), breaks)) as break_duration_seconds
from final
