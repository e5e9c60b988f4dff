-- The daily sequence analysis as pure DataFusion SQL; rules: semantics, section 5; oracle: reference.py.
-- datafusion_analysis.py makes the view `activity` and runs the statements; the last one is the answer.
--
-- What several steps read is a table in memory: DataFusion would compute a CTE anew for each reader.
-- Tried and much slower: windows over whole days (order by user_id, s) instead of user-days.
--
-- Attention shifts are the one sequential rule: after a shift the list starts anew. Only candidates, the
-- places that could be shifts, need it:
--   lo  earliest start still in the list if no shift intervened (60 s, or the last reset);
--   a   latest p such that the switches in [p, here] hold three tasks: the end of the latest earlier run
--       of equal tasks whose task is neither this run's nor the one before it (-1: none);
--   k   the instant after the last switch with an unknown screen;
--   b   latest p such that the switches in [p, here] hold five screens (-1: none).
-- With `last` = start of the last shift, a candidate fires if p = max(lo, last) has p <= a or k <= p <= b.
-- A candidate whose `lo` is not before the candidate in front of it opens a chain that nothing earlier can
-- influence. DataFusion SQL has no fold: a recursive query walks all chains at once, one candidate a
-- round, and most are one or two long.

create table neighbours as
select
    *,
    p and not k as f,
    lag(s + c) over day as e0,
    lag(task) over day as task0,
    lag(scr) over day as scr0,
    lag(p) over day as p0,
    lag(p and not k) over day as f0
from activity
window day as (partition by local_date, user_id order by s);

create table productive as
select
    local_date,
    user_id,
    s,
    c,
    act,
    f,
    last_value(case when p0 and s - e0 <= 60 then null else s end) ignore nulls over day as p_run,
    last_value(case when f0 and f and task = task0 and s - e0 <= 60 then null when f then s end)
        ignore nulls over day as f_run
from neighbours
where p
window day as (partition by local_date, user_id order by s rows between unbounded preceding and current row);

create table events as
select
    *,
    last_value(case when alone or to_unproductive then s end) ignore nulls over (
        partition by local_date, user_id order by s rows between unbounded preceding and current row
    ) as emptied,
    least(
        s - lag(s, 2) over day,
        lead(s) over day - lag(s) over day,
        lead(s, 2) over day - s
    ) < 60 as dense
from (
    select
        local_date,
        user_id,
        s,
        task,
        scr,
        coalesce(s - e0 > 60, true) as alone,
        act and p and (
            coalesce(s - e0 > 60, true) or task <> task0 or coalesce(scr <> scr0, false)
        ) as switch,
        act and u and coalesce(p0 and s - e0 <= 60, false) as to_unproductive
    from neighbours
)
where alone or switch or to_unproductive
window day as (partition by local_date, user_id order by s);

create table switches as
select
    local_date,
    user_id,
    s,
    task,
    scr,
    greatest(emptied, s - 59) as lo,
    lag(task) over day as task0,
    lag(s) over day as s0,
    lag(s, 4) over day as s4,
    coalesce(
        last_value(case when scr is null then s end) ignore nulls over (
            partition by local_date, user_id order by s rows between unbounded preceding and current row
        ) + 1,
        0
    ) as k
from events
where switch and dense
window day as (partition by local_date, user_id order by s);

create table candidates as
with task_runs as (
    select
        *,
        case when lag(task, 2) over day is distinct from task then lag(s0) over day end as other_end
    from switches
    where task0 is null or task0 <> task
    window day as (partition by local_date, user_id order by s)
),

task_candidates as (
    select local_date, user_id, s, lo, a, 0 as k, -1 as b
    from (
        select
            *,
            last_value(other_end) ignore nulls over (
                partition by local_date, user_id order by s rows between unbounded preceding and current row
            ) as a
        from task_runs
    )
    where a >= lo
),

screens as (
    select here.local_date, here.user_id, here.s, here.lo, here.k, max(there.s) as latest
    from switches as here
    inner join switches as there
        on here.local_date = there.local_date and here.user_id = there.user_id
        and there.s between greatest(here.lo, here.k) and here.s
    where here.s4 >= greatest(here.lo, here.k)
    group by here.local_date, here.user_id, here.s, here.lo, here.k, there.task, there.scr
),

screen_candidates as (
    select local_date, user_id, s, lo, -1 as a, k, latest as b
    from (
        select
            *,
            row_number() over (partition by local_date, user_id, s order by latest desc) as place
        from screens
    )
    where place = 5
),

merged as (
    select local_date, user_id, s, min(lo) as lo, max(a) as a, max(k) as k, max(b) as b
    from (
        select * from task_candidates
        union all
        select * from screen_candidates
    )
    group by local_date, user_id, s
),

chained as (
    select
        *,
        last_value(case when s0 > lo then null else s end) ignore nulls over (
            partition by local_date, user_id order by s rows between unbounded preceding and current row
        ) as chain
    from (
        select *, lag(s) over (partition by local_date, user_id order by s) as s0 from merged
    )
)

select *, row_number() over (partition by local_date, user_id, chain order by s) as place from chained;

create table shifts as
with recursive walk as (
    select
        local_date,
        user_id,
        chain,
        place,
        s,
        case when lo <= a or (lo >= k and lo <= b) then s else 0 end as last
    from candidates
    where place = 1
    union all
    select
        candidates.local_date,
        candidates.user_id,
        candidates.chain,
        candidates.place,
        candidates.s,
        case
            when greatest(candidates.lo, walk.last) <= candidates.a
                or (
                    greatest(candidates.lo, walk.last) >= candidates.k
                    and greatest(candidates.lo, walk.last) <= candidates.b
                )
                then candidates.s
            else walk.last
        end as last
    from walk
    inner join candidates
        on walk.local_date = candidates.local_date and walk.user_id = candidates.user_id
        and walk.chain = candidates.chain and walk.place + 1 = candidates.place
)

select local_date, user_id, s from walk where last = s
union all
select local_date, user_id, s from events where to_unproductive;

create table parts as
with openings as (
    select
        *,
        last_value(case when s <= s0 + 180 then null else s end) ignore nulls over (
            partition by local_date, user_id order by s rows between unbounded preceding and current row
        ) as opened
    from (
        select *, lag(s) over (partition by local_date, user_id order by s) as s0 from shifts
    )
),

slots as (
    select *, unnest(range(opened / 180, (closes - 1) / 180 + 1)) as slot
    from (
        select local_date, user_id, opened, max(s) + 180 as closes
        from openings
        group by local_date, user_id, opened
    )
)

select
    local_date,
    user_id,
    f_run,
    case
        when lead(opened) over (partition by local_date, user_id order by s) = opened then c
        else least(c, 60)
    end as part
from (
    select productive.local_date, productive.user_id, productive.f_run, productive.s, productive.c, slots.opened
    from productive
    inner join slots
        on productive.local_date = slots.local_date and productive.user_id = slots.user_id
        and productive.s / 180 = slots.slot
    where productive.f and productive.act
        and productive.s >= slots.opened and productive.s < slots.closes
);

with sums as (
    select
        local_date,
        user_id,
        count(*) as n,
        count(*) filter (where p) as n_p,
        count(*) filter (where u) as n_u,
        count(*) filter (where k) as n_k,
        coalesce(sum(c) filter (where k), 0) as c_k,
        sum(c) as c_all,
        coalesce(sum(c) filter (where act), 0) as c_act,
        coalesce(sum(c) filter (where p and act), 0) as c_p_act,
        coalesce(sum(c) filter (where p and not act), 0) as c_p_pas,
        coalesce(sum(c) filter (where u and act), 0) as c_u_act,
        coalesce(sum(c) filter (where u and not act), 0) as c_u_pas,
        min(s) as first_s,
        max(s + c) as last_e,
        count(*) filter (where s - e0 > 300 and s - e0 <= 14400) as n_break,
        coalesce(sum(least(s - e0, 7200)) filter (where s - e0 > 300 and s - e0 <= 14400), 0) as c_break
    from neighbours
    group by local_date, user_id
),

productive_sessions as (
    select local_date, user_id, count(*) as n, sum(seconds) as c
    from (
        select local_date, user_id, sum(c) as seconds
        from productive
        group by local_date, user_id, p_run
        having sum(c) >= 60
    )
    group by local_date, user_id
),

shift_counts as (
    select local_date, user_id, count(*) as n from shifts group by local_date, user_id
),

multitasking as (
    select local_date, user_id, sum(part) as c from parts group by local_date, user_id
),

focused_sessions as (
    select local_date, user_id, count(*) as n, sum(seconds) as c
    from (
        select local_date, user_id, sum(c) as seconds
        from (
            select local_date, user_id, f_run, c from productive where f
            union all
            select local_date, user_id, f_run, -part from parts
        )
        group by local_date, user_id, f_run
        having sum(c) >= 60
    )
    group by local_date, user_id
)

select
    sums.user_id,
    sums.local_date,
    sums.n as total_activity_count,
    sums.n_p as productive_activity_count,
    sums.n_u as unproductive_activity_count,
    sums.n - sums.n_p - sums.n_u as undefined_activity_count,
    sums.n_k as collaboration_activity_count,
    sums.c_k as collaboration_duration_seconds,
    sums.c_act as active_duration_seconds,
    sums.c_all as total_duration_seconds,
    sums.c_p_act as productive_active_duration_seconds,
    sums.c_p_pas as productive_passive_duration_seconds,
    sums.c_u_act as unproductive_active_duration_seconds,
    sums.c_u_pas as unproductive_passive_duration_seconds,
    sums.c_act - sums.c_p_act - sums.c_u_act as undefined_active_duration_seconds,
    sums.c_all - sums.c_act - sums.c_p_pas - sums.c_u_pas as undefined_passive_duration_seconds,
    arrow_cast(sums.first_s * 1000000, 'Timestamp(Microsecond, Some("UTC"))') as first_activity_datetime,
    arrow_cast(sums.last_e * 1000000, 'Timestamp(Microsecond, Some("UTC"))') as last_activity_datetime,
    coalesce(productive_sessions.n, 0) as productive_session_count,
    coalesce(productive_sessions.c, 0) as productive_session_duration_seconds,
    coalesce(shift_counts.n, 0) as attention_shift_activity_count,
    coalesce(multitasking.c, 0) as multitasking_duration_seconds,
    sums.c_p_act + sums.c_p_pas - sums.c_k - coalesce(multitasking.c, 0) as focused_duration_seconds,
    coalesce(focused_sessions.n, 0) as focused_session_count,
    coalesce(focused_sessions.c, 0) as focused_session_duration_seconds,
    sums.n_break as break_count,
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
