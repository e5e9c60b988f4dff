-- The daily sequence analysis as ClickHouse statements, with window functions where chdb_analysis.sql has
-- arrays; rules: semantics, section 5; oracle: reference.py. chdbwindow_analysis.py makes the view
-- `activity` and runs the statements; the last one is the answer.
--
-- What several steps read is a table in memory. The last start of something is a running max(), as starts
-- ascend; 0 stands for none. The last shift before an activity is an asof join.
--
-- Attention shifts are the one sequential rule: after a shift the list starts anew. Only candidates, the
-- places that could be shifts, see the one fold:
--   lo  earliest start still in the list if no shift intervened (60 s, or the last reset);
--   a   latest p such that the switches in [p, here] hold three tasks: the end of the latest earlier run
--       of equal tasks whose task is neither this run's nor the one before it (0: none);
--   k   the instant after the last switch with an unknown screen;
--   b   latest p such that the switches in [p, here] hold five screens (-1: none).
-- With `last` = start of the last shift, a candidate fires if p = max(lo, last) has p <= a or k <= p <= b.

create table rows engine = Memory as
select
    local_date,
    user_id,
    s,
    c,
    act,
    p,
    u,
    k,
    f,
    task,
    known,
    screen,
    gap,
    act and p and (gap > 60 or task != task0 or (known and known0 and screen != screen0)) as switch,
    act and u and p0 and gap <= 60 as to_unproductive,
    max(if(p and not (p0 and gap <= 60), s, 0)) over day as p_run,
    max(if(f and not (f0 and task = task0 and gap <= 60), s, 0)) over day as f_run
from (
    select
        *,
        p and not k as f,
        s - lagInFrame(s + c, 1, toInt64(-1000000000000)) over day as gap,
        lagInFrame(task) over day as task0,
        lagInFrame(known) over day as known0,
        lagInFrame(screen) over day as screen0,
        lagInFrame(p) over day as p0,
        lagInFrame(f) over day as f0
    from activity
    window day as (partition by local_date, user_id order by s rows between unbounded preceding and current row)
)
window day as (partition by local_date, user_id order by s rows between unbounded preceding and current row);

create table switches engine = Memory as
select
    local_date,
    user_id,
    s,
    task,
    screen,
    greatest(emptied, s - 59) as lo,
    lagInFrame(task) over day as task0,
    lagInFrame(s) over day as s0,
    lagInFrame(s, 4) over day as s4,
    max(if(known, 0, s + 1)) over day as k
from (
    select
        *,
        max(if(gap > 60 or to_unproductive, s, 0)) over (
            partition by local_date, user_id order by s rows between unbounded preceding and current row
        ) as emptied,
        -- Three marks within 60 s: no other place can be a shift by number.
        least(
            s - lagInFrame(s, 2, toInt64(-1000000000000)) over around,
            leadInFrame(s, 1, toInt64(1000000000000)) over around
            - lagInFrame(s, 1, toInt64(-1000000000000)) over around,
            leadInFrame(s, 2, toInt64(1000000000000)) over around - s
        ) < 60 as dense
    from rows
    where gap > 60 or switch or to_unproductive
    window around as (partition by local_date, user_id order by s rows between 2 preceding and 2 following)
)
where switch and dense
window day as (partition by local_date, user_id order by s rows between unbounded preceding and current row);

create table candidates engine = Memory as
with

task_candidates as (
    select local_date, user_id, s, lo, a, toInt64(0) as k, toInt64(-1) as b
    from (
        select local_date, user_id, s, lo, max(other_end) over day as a
        from (
            select *, if(lagInFrame(task, 2) over day != task, lagInFrame(s0) over day, 0) as other_end
            from switches
            where s0 = 0 or task != task0
            window day as (partition by local_date, user_id order by s rows between unbounded preceding and current row)
        )
        window day as (partition by local_date, user_id order by s rows between unbounded preceding and current row)
    )
    where a >= lo
),

screen_candidates as (
    select
        local_date,
        user_id,
        s,
        any(lo) as lo,
        toInt64(-1) as a,
        any(k) as k,
        -- The latest five of the screens, latest first.
        -groupArraySorted(5)(-latest)[5] as b
    from (
        select
            here.local_date as local_date,
            here.user_id as user_id,
            here.s as s,
            any(here.lo) as lo,
            any(here.k) as k,
            max(there.s) as latest
        from switches as here
        inner join switches as there
            on here.local_date = there.local_date and here.user_id = there.user_id
        where here.s4 >= greatest(here.lo, here.k)
            and there.s between greatest(here.lo, here.k) and here.s
        group by local_date, user_id, s, there.task, there.screen
    )
    group by local_date, user_id, s
    having count() >= 5
)

select local_date, user_id, s, min(lo) as lo, max(a) as a, max(k) as k, max(b) as b
from (
    select * from task_candidates
    union all
    select * from screen_candidates
)
group by local_date, user_id, s;

create table shifts engine = Memory as
select
    local_date,
    user_id,
    s,
    -- Start of the merged window that the shift is in.
    max(if(s > s0 + 180, s, 0)) over (
        partition by local_date, user_id order by s rows between unbounded preceding and current row
    ) as opened
from (
    select
        *,
        lagInFrame(s, 1, toInt64(-1000000000000)) over (
            partition by local_date, user_id order by s rows between unbounded preceding and current row
        ) as s0
    from (
        select local_date, user_id, s
        from (
            select
                local_date,
                user_id,
                arrayFold(
                    (fired, x) -> if(
                        greatest(x.2, fired.1) <= x.3
                        or (greatest(x.2, fired.1) >= x.4 and greatest(x.2, fired.1) <= x.5),
                        (x.1, arrayPushBack(fired.2, x.1)),
                        fired
                    ),
                    arraySort(groupArray((s, lo, a, k, b))),
                    (toInt64(0), []::Array(Int64))
                ).2 as fired
            from candidates
            group by local_date, user_id
        )
        array join fired as s
        union all
        select local_date, user_id, s from rows where to_unproductive
    )
);

-- Seconds of multitasking of the activities that have any.
create table parts engine = Memory as
select
    local_date,
    user_id,
    f_run,
    if(
        leadInFrame(opened, 1, toInt64(0)) over (
            partition by local_date, user_id order by s rows between current row and 1 following
        ) = opened,
        c,
        least(c, 60)
    ) as part
from (
    select
        rows.local_date as local_date,
        rows.user_id as user_id,
        rows.s as s,
        rows.c as c,
        rows.f_run as f_run,
        shifts.opened as opened
    from rows
    asof inner join shifts
        on rows.local_date = shifts.local_date and rows.user_id = shifts.user_id and rows.s >= shifts.s
    where rows.f and rows.act and rows.s < shifts.s + 180
);

with

sums as (
    select
        local_date,
        user_id,
        count() as n,
        countIf(p) as n_p,
        countIf(u) as n_u,
        countIf(k) as n_k,
        sumIf(c, k) as c_k,
        sum(c) as c_all,
        sumIf(c, act) as c_act,
        sumIf(c, p and act) as c_p_act,
        sumIf(c, p and not act) as c_p_pas,
        sumIf(c, u and act) as c_u_act,
        sumIf(c, u and not act) as c_u_pas,
        min(s) as first_s,
        max(s + c) as last_e,
        countIf(gap > 300 and gap <= 14400) as n_break,
        sumIf(least(gap, 7200), gap > 300 and gap <= 14400) as c_break
    from rows
    group by local_date, user_id
),

productive_sessions as (
    select local_date, user_id, count() as n, sum(seconds) as c
    from (
        select local_date, user_id, sum(c) as seconds
        from rows
        where p
        group by local_date, user_id, p_run
        having seconds >= 60
    )
    group by local_date, user_id
),

shift_counts as (
    select local_date, user_id, count() as n from shifts group by local_date, user_id
),

multitasking as (
    select local_date, user_id, sum(part) as c from parts group by local_date, user_id
),

focused_sessions as (
    select local_date, user_id, count() as n, sum(seconds) as c
    from (
        select local_date, user_id, sum(c) as seconds
        from (
            select local_date, user_id, f_run, c from rows where f
            union all
            select local_date, user_id, f_run, -part as c from parts
        )
        group by local_date, user_id, f_run
        having seconds >= 60
    )
    group by local_date, user_id
)

-- Without join_use_nulls, what has no partner is 0.
select
    sums.user_id as user_id,
    toDate32(sums.local_date) as local_date,
    toInt64(sums.n) as total_activity_count,
    toInt64(sums.n_p) as productive_activity_count,
    toInt64(sums.n_u) as unproductive_activity_count,
    toInt64(sums.n - sums.n_p - sums.n_u) as undefined_activity_count,
    toInt64(sums.n_k) as collaboration_activity_count,
    sums.c_k as collaboration_duration_seconds,
    sums.c_act as active_duration_seconds,
    sums.c_all as total_duration_seconds,
    sums.c_p_act as productive_active_duration_seconds,
    sums.c_p_pas as productive_passive_duration_seconds,
    sums.c_u_act as unproductive_active_duration_seconds,
    sums.c_u_pas as unproductive_passive_duration_seconds,
    sums.c_act - sums.c_p_act - sums.c_u_act as undefined_active_duration_seconds,
    sums.c_all - sums.c_act - sums.c_p_pas - sums.c_u_pas as undefined_passive_duration_seconds,
    fromUnixTimestamp64Micro(sums.first_s * 1000000, 'UTC') as first_activity_datetime,
    fromUnixTimestamp64Micro(sums.last_e * 1000000, 'UTC') as last_activity_datetime,
    toInt64(productive_sessions.n) as productive_session_count,
    productive_sessions.c as productive_session_duration_seconds,
    toInt64(shift_counts.n) as attention_shift_activity_count,
    multitasking.c as multitasking_duration_seconds,
    sums.c_p_act + sums.c_p_pas - sums.c_k - multitasking.c as focused_duration_seconds,
    toInt64(focused_sessions.n) as focused_session_count,
    focused_sessions.c as focused_session_duration_seconds,
    toInt64(sums.n_break) as break_count,
    sums.c_break as break_duration_seconds
from sums
left join productive_sessions
    on sums.local_date = productive_sessions.local_date and sums.user_id = productive_sessions.user_id
left join shift_counts
    on sums.local_date = shift_counts.local_date and sums.user_id = shift_counts.user_id
left join multitasking
    on sums.local_date = multitasking.local_date and sums.user_id = multitasking.user_id
left join focused_sessions
    on sums.local_date = focused_sessions.local_date and sums.user_id = focused_sessions.user_id
