-- The daily sequence analysis as Spark SQL statements; rules: semantics, section 5; oracle: reference.py.
-- spark_analysis.py makes the view `activity` and runs the statements; the last one is the answer.
--
-- What several steps read is cached: Spark would inline it and sort everything again for each. All windows
-- have the same partitioning, so that there is one shuffle of the whole data.
--
-- Attention shifts are the one sequential rule: after a shift the list starts anew. Only candidates, the
-- places that could be shifts, see the fold (`aggregate`), which Spark interprets:
--   lo  earliest start still in the list if no shift intervened (60 s, or the last reset);
--   a   latest p such that the switches in [p, here] hold three tasks: the end of the latest earlier run
--       of equal tasks whose task is neither this run's nor the one before it (-1: none);
--   k   the instant after the last switch with an unknown screen;
--   b   latest p such that the switches in [p, here] hold five screens (-1: none).
-- With `last` = start of the last shift, a candidate fires if p = max(lo, last) has p <= a or k <= p <= b.

cache lazy table neighbours as
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

cache lazy table productive as
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

cache lazy table events as
select
    *,
    last_value(case when alone or to_unproductive then s end) ignore nulls over (
        partition by local_date, user_id order by s rows between unbounded preceding and current row
    ) as emptied,
    coalesce(
        least(
            s - lag(s, 2) over day,
            (lead(s) over day) - (lag(s) over day),
            (lead(s, 2) over day) - s
        ) < 60,
        false
    ) as dense
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

cache lazy table switches as
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

cache lazy table shifts as
with task_runs as (
    select
        *,
        case when not (lag(task, 2) over day <=> task) then lag(s0) over day end as other_end
    from switches
    where task0 is null or task0 <> task
    window day as (partition by local_date, user_id order by s)
),

task_candidates as (
    select local_date, user_id, s, lo, a, cast(0 as bigint) as k, cast(-1 as bigint) as b
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

screen_candidates as (
    select local_date, user_id, s, lo, cast(-1 as bigint) as a, k, sort_array(collect_list(latest), false)[4] as b
    from (
        select here.local_date, here.user_id, here.s, here.lo, here.k, max(there.s) as latest
        from switches as here
        inner join switches as there
            on here.local_date = there.local_date and here.user_id = there.user_id
            and there.s between greatest(here.lo, here.k) and here.s
        where here.s4 >= greatest(here.lo, here.k)
        group by here.local_date, here.user_id, here.s, here.lo, here.k, there.task, there.scr
    )
    group by local_date, user_id, s, lo, k
    having count(*) >= 5
)

select local_date, user_id, explode(fired) as s
from (
    select
        local_date,
        user_id,
        aggregate(
            array_sort(collect_list(struct(s, lo, a, k, b))),
            array(cast(0 as bigint)),
            (fired, x) -> case
                when greatest(x.lo, element_at(fired, -1)) <= x.a
                    or greatest(x.lo, element_at(fired, -1)) between x.k and x.b
                    then array_append(fired, x.s)
                else fired
            end,
            fired -> slice(fired, 2, size(fired))
        ) as fired
    from (
        select * from task_candidates
        union all
        select * from screen_candidates
    )
    group by local_date, user_id
)
union all
select local_date, user_id, s from events where to_unproductive;

cache lazy table parts as
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
    select *, explode(sequence(opened div 180, (closes - 1) div 180)) as slot
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
        and productive.s div 180 = slots.slot
    where productive.f and productive.act
        and productive.s >= slots.opened and productive.s < slots.closes
);

with sums as (
    select
        local_date,
        user_id,
        count(*) as n,
        count_if(p) as n_p,
        count_if(u) as n_u,
        count_if(k) as n_k,
        sum(if(k, c, 0)) as c_k,
        sum(c) as c_all,
        sum(if(act, c, 0)) as c_act,
        sum(if(p and act, c, 0)) as c_p_act,
        sum(if(p and not act, c, 0)) as c_p_pas,
        sum(if(u and act, c, 0)) as c_u_act,
        sum(if(u and not act, c, 0)) as c_u_pas,
        min(s) as first_s,
        max(s + c) as last_e,
        count_if(s - e0 > 300 and s - e0 <= 14400) as n_break,
        sum(if(s - e0 > 300 and s - e0 <= 14400, least(s - e0, 7200), 0)) as c_break
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
    timestamp_seconds(sums.first_s) as first_activity_datetime,
    timestamp_seconds(sums.last_e) as last_activity_datetime,
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
left join productive_sessions using (local_date, user_id)
left join shift_counts using (local_date, user_id)
left join multitasking using (local_date, user_id)
left join focused_sessions using (local_date, user_id)
