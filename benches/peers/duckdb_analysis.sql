-- The daily sequence analysis as one DuckDB statement; rules: semantics, section 5; oracle: reference.py.
--
-- Input is the view `activity` that duckdb_analysis.py makes over the Parquet files. Seconds since the
-- epoch identify an activity within its user-day, because the starts of a user are distinct.
--
-- Attention shifts are the one sequential rule: after a shift the list starts anew. Here only places
-- that could be shifts see a sequential step:
--   * `lo`  earliest start still in the list if no shift intervened (60 s, or the last reset);
--   * `a`   latest p such that the switches in [p, here] hold three tasks: the end of the latest earlier
--           run of equal tasks whose task is neither this run's nor the one before it;
--   * `c`   the instant after the last switch with an unknown screen;
--   * `b`   latest p such that the switches in [p, here] hold five screens.
-- With `last` = start of the last shift, a candidate fires if p = max(lo, last) has p <= a or c <= p <= b.
-- Candidates whose `lo` is not before the candidate in front of them cannot be influenced by it and open a
-- chain; chains (mostly of one to three) are folded by list_reduce.
--
-- Windows over all rows go by day and look for the user's first row themselves, which is a little faster
-- than going by user and day; `dense` may then hold too much at the ends of a user, not too little.
-- Tried and slower: lag() over () in file order (it streams, but on one thread), running max() and count()
-- instead of last_value(ignore nulls), the switch windows over all switches instead of the dense ones.
with

neighbours as materialized (
    select
        *,
        p and not k as f,
        case when lag(user_id) over day = user_id then s - lag(s + c) over day end as gap,
        lag(task) over day as task0,
        lag(scr) over day as scr0,
        lag(p) over day as p0,
        lag(p and not k) over day as f0
    from activity
    window day as (partition by local_date order by user_id, s)
),

sums as (
    select
        local_date,
        user_id,
        count(*) as n,
        count(*) filter (p) as n_p,
        count(*) filter (u) as n_u,
        count(*) filter (k) as n_k,
        sum(c) filter (k) as c_k,
        sum(c) as c_all,
        sum(c) filter (act) as c_act,
        sum(c) filter (p and act) as c_p_act,
        sum(c) filter (p and not act) as c_p_pas,
        sum(c) filter (u and act) as c_u_act,
        sum(c) filter (u and not act) as c_u_pas,
        min(s) as first_s,
        max(s + c) as last_e,
        count(*) filter (gap > 300 and gap <= 14400) as n_break,
        sum(least(gap, 7200)) filter (gap > 300 and gap <= 14400) as c_break
    from neighbours
    group by local_date, user_id
),

-- Sessions: each productive activity with the start of its productive and of its focused run.
productive as materialized (
    select
        local_date,
        user_id,
        s,
        c,
        act,
        f,
        last_value(case when p0 and gap <= 60 then null else s end ignore nulls) over day as p_run,
        last_value(case when f0 and f and task = task0 and gap <= 60 then null when f then s end ignore nulls)
            over day as f_run
    from neighbours
    where p
    window day as (partition by local_date order by user_id, s rows unbounded preceding)
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

-- Attention shifts: switches, and what empties the list.
marks as (
    select
        local_date,
        user_id,
        s,
        task,
        scr,
        coalesce(gap > 60, true) as alone,
        act and p and (
            coalesce(gap > 60, true) or task <> task0 or coalesce(scr <> scr0, false)
        ) as switch,
        act and u and coalesce(p0 and gap <= 60, false) as to_unproductive
    from neighbours
),

events as materialized (
    select
        local_date,
        user_id,
        s,
        task,
        scr,
        switch,
        to_unproductive,
        last_value(case when alone or to_unproductive then s end ignore nulls)
            over (day rows unbounded preceding) as emptied,
        least(
            s - lag(s, 2) over day,
            lead(s) over day - lag(s) over day,
            lead(s, 2) over day - s
        ) < 60 as dense
    from marks
    where alone or switch or to_unproductive
    window day as (partition by local_date order by user_id, s)
),

switches as materialized (
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
        coalesce(last_value(case when scr is null then s end ignore nulls) over (day rows unbounded preceding) + 1, 0) as c
    from events
    where switch and dense
    window day as (partition by local_date, user_id order by s)
),

task_runs as (
    select
        *,
        case when lag(task, 2) over day is distinct from task then lag(s0) over day end as other_end
    from switches
    where task0 is null or task0 <> task
    window day as (partition by local_date, user_id order by s)
),

task_candidates as (
    select * from (
        select
            local_date,
            user_id,
            s,
            lo,
            last_value(other_end ignore nulls) over (partition by local_date, user_id order by s rows unbounded preceding) as a
        from task_runs
    )
    where a >= lo
),

screen_candidates as (
    select local_date, user_id, s, lo, c, list(latest order by latest desc)[5] as b
    from (
        select here.local_date, here.user_id, here.s, here.lo, here.c, max(there.s) as latest
        from switches as here
        inner join switches as there
            on here.local_date = there.local_date and here.user_id = there.user_id
            and there.s between greatest(here.lo, here.c) and here.s
        where here.s4 >= greatest(here.lo, here.c)
        group by here.local_date, here.user_id, here.s, here.lo, here.c, there.task, there.scr
    )
    group by local_date, user_id, s, lo, c
    having count(*) >= 5
),

candidates as (
    select local_date, user_id, s, any_value(lo) as lo, max(a) as a, max(c) as c, max(b) as b
    from (
        select local_date, user_id, s, lo, a, 0 as c, -1 as b from task_candidates
        union all
        select local_date, user_id, s, lo, -1, c, b from screen_candidates
    )
    group by local_date, user_id, s
),

chained as (
    select *, last_value(case when s0 > lo then null else s end ignore nulls) over (
        partition by local_date, user_id order by s rows unbounded preceding
    ) as chain
    from (
        select *, lag(s) over (partition by local_date, user_id order by s) as s0
        from candidates
    )
),

shifts as materialized (
    select local_date, user_id, unnest(fired[2:]) as s
    from (
        select
            local_date,
            user_id,
            list_reduce(
                list([s, lo, a, c, b] order by s),
                lambda fired, x: case
                    when greatest(x[2], fired[-1]) <= x[3]
                        or (greatest(x[2], fired[-1]) >= x[4] and greatest(x[2], fired[-1]) <= x[5])
                        then list_append(fired, x[1])
                    else fired
                end,
                [0::bigint]
            ) as fired
        from chained
        group by local_date, user_id, chain
    )
    union all
    select local_date, user_id, s from events where to_unproductive
),

-- Multitasking: merged windows, found by the 180-second slots they touch.
windows as (
    select local_date, user_id, opened, max(s) + 180 as closes
    from (
        select *, last_value(case when s <= s0 + 180 then null else s end ignore nulls) over (
            partition by local_date, user_id order by s rows unbounded preceding
        ) as opened
        from (
            select *, lag(s) over (partition by local_date, user_id order by s) as s0 from shifts
        )
    )
    group by local_date, user_id, opened
),

slots as (
    select *, unnest(range(opened // 180, (closes - 1) // 180 + 1)) as slot from windows
),

parts as materialized (
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
            and productive.s // 180 = slots.slot
        where productive.f and productive.act
            and productive.s >= slots.opened and productive.s < slots.closes
    )
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
),

shift_counts as (
    select local_date, user_id, count(*) as n from shifts group by local_date, user_id
)

select
    sums.user_id,
    sums.local_date,
    sums.n as total_activity_count,
    sums.n_p as productive_activity_count,
    sums.n_u as unproductive_activity_count,
    sums.n - sums.n_p - sums.n_u as undefined_activity_count,
    sums.n_k as collaboration_activity_count,
    coalesce(sums.c_k, 0)::bigint as collaboration_duration_seconds,
    coalesce(sums.c_act, 0)::bigint as active_duration_seconds,
    sums.c_all::bigint as total_duration_seconds,
    coalesce(sums.c_p_act, 0)::bigint as productive_active_duration_seconds,
    coalesce(sums.c_p_pas, 0)::bigint as productive_passive_duration_seconds,
    coalesce(sums.c_u_act, 0)::bigint as unproductive_active_duration_seconds,
    coalesce(sums.c_u_pas, 0)::bigint as unproductive_passive_duration_seconds,
    (coalesce(sums.c_act, 0) - coalesce(sums.c_p_act, 0) - coalesce(sums.c_u_act, 0))::bigint
        as undefined_active_duration_seconds,
    (sums.c_all - coalesce(sums.c_act, 0) - coalesce(sums.c_p_pas, 0) - coalesce(sums.c_u_pas, 0))::bigint
        as undefined_passive_duration_seconds,
    make_timestamp(sums.first_s * 1000000) at time zone 'UTC' as first_activity_datetime,
    make_timestamp(sums.last_e * 1000000) at time zone 'UTC' as last_activity_datetime,
    coalesce(productive_sessions.n, 0) as productive_session_count,
    coalesce(productive_sessions.c, 0)::bigint as productive_session_duration_seconds,
    coalesce(shift_counts.n, 0) as attention_shift_activity_count,
    coalesce(multitasking.c, 0)::bigint as multitasking_duration_seconds,
    (
        coalesce(sums.c_p_act, 0) + coalesce(sums.c_p_pas, 0)
        - coalesce(sums.c_k, 0) - coalesce(multitasking.c, 0)
    )::bigint as focused_duration_seconds,
    coalesce(focused_sessions.n, 0) as focused_session_count,
    coalesce(focused_sessions.c, 0)::bigint as focused_session_duration_seconds,
    sums.n_break as break_count,
    coalesce(sums.c_break, 0)::bigint as break_duration_seconds
from sums
left join productive_sessions using (local_date, user_id)
left join shift_counts using (local_date, user_id)
left join multitasking using (local_date, user_id)
left join focused_sessions using (local_date, user_id)
