#!/usr/bin/env python3
"""Peer: Polars. The daily sequence analysis in Polars expressions, day by day; oracle: reference.py.

    polars_analysis.py --input DIR --output FILE.parquet --threads N

Prints one line of JSON: wall seconds of reading, computing and writing, and this process's peak
resident memory. Importing the library is not timed.

How it is fast: the input promises no order inside a day, but a day's file nearly always has that of
(user_id, start), so this is looked at and only what is out of order gets sorted. Then no `over` is
needed: every instant gets the user's number in the day in front (`g`), which makes time ascend through
the whole file and puts any two users far apart. Then neighbours are `shift`, runs are `cum_sum`, the
last of something is `forward_fill`. Days are independent: as many are in work as there are threads.

Attention shifts are the one sequential rule: after a shift the list starts anew. Only candidates, the
places that could be shifts, need it:
  * `lo`  earliest start still in the list if no shift intervened (60 s, or the last reset);
  * `a`   latest p such that the switches in [p, here] hold three tasks: the end of the latest earlier
          run of equal tasks whose task is neither this run's nor the one before it;
  * `k`   the instant after the last switch with an unknown screen;
  * `b`   latest p such that the switches in [p, here] hold five screens.
With `last` = the last shift, a candidate fires if p = max(lo, last) has p <= a or k <= p <= b. A
candidate whose `lo` is not before the candidate in front of it opens a chain that nothing earlier can
influence. All chains advance together, one candidate a round, and most are one or two long: whole
columns a round, no Python per row.

Tried: all days in one frame, or four at a time, instead of one by one: the same processor time, half as
long again by the clock and more memory.
"""

import argparse
import json
import os
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
arguments.add_argument("--input", required=True)
arguments.add_argument("--output", required=True)
arguments.add_argument("--threads", type=int, default=2)
# polars_raw.py imports this file and has options of its own.
given, more = arguments.parse_known_args()
if more and __name__ == "__main__":
    arguments.error(f"what is {more[0]}?")
os.environ["POLARS_MAX_THREADS"] = str(given.threads)

import polars as pl  # noqa: E402  (reads the variable above when it is loaded)

sys.path.insert(0, str(Path(__file__).parent))
from reference import COLUMNS  # noqa: E402

USER_STEP = 1 << 34  # more seconds than any instant has
FAR = 1 << 62
col = pl.col


def resolve(candidates):
    """The instants of the candidates that fire, chain by chain."""
    opens = (col("g").shift(1) <= col("lo")).fill_null(True)
    row = pl.int_range(pl.len())
    chained = candidates.with_columns(
        chain=opens.cum_sum(), place=row - pl.when(opens).then(row).forward_fill()
    )
    longest = chained["place"].max()
    rounds = [chained] if longest == 0 else chained.partition_by("place", maintain_order=True)
    at = pl.max_horizontal("lo", "last")
    fires = (at <= col("a")) | ((at >= col("k")) & (at <= col("b")))
    last = None
    fired = []
    for now in rounds:
        if last is None:
            now = now.with_columns(last=pl.lit(-FAR, dtype=pl.Int64))
        else:
            # Chains are in ascending order in every round.
            now = now.join(last, on="chain", how="left", maintain_order="left")
        now = now.with_columns(fires=fires)
        fired.append(now.filter("fires")["g"])
        last = now.select("chain", last=pl.when("fires").then("g").otherwise("last"))
    return pl.concat(fired)


def screen_candidates(switches):
    """Switches where the list may hold five known screens, with `b`."""
    here = switches.filter(col("g4") >= pl.max_horizontal("lo", "k"))
    if here.is_empty():
        return None
    found = (
        here.select("g", "lo", "k", first=pl.max_horizontal("lo", "k"))
        .with_columns(slot=pl.int_ranges(col("first") // 60, col("g") // 60 + 1))
        .explode("slot")
        .join(
            switches.select(there="g", slot=col("g") // 60, task="task", screen="screen"),
            on="slot",
        )
        .filter(col("there").is_between(col("first"), col("g")))
        .group_by("g", "lo", "k", "task", "screen")
        .agg(col("there").max())
        .group_by("g", "lo", "k")
        .agg(b=col("there").top_k(5).min(), screens=pl.len())
        .filter(col("screens") >= 5)
    )
    return found.select("g", "lo", "k", "b")


def attention_shifts(rows):
    """`g` of every shift, ascending."""
    alone = ~col("near")
    switch = (
        col("act") & col("p") & (alone | (col("task") != col("task0")) | (col("screen") != col("screen0")).fill_null(False))
    )
    to_unproductive = col("act") & col("u") & col("p0") & col("near")
    marks = (
        rows.lazy()
        .select("g", "task", "screen", switch=switch, alone=alone, to_unproductive=to_unproductive)
        .filter(col("switch") | col("alone") | col("to_unproductive"))
        .with_columns(
            emptied=pl.when(col("alone") | col("to_unproductive")).then("g").forward_fill(),
            # Three marks within 60 s: no other place can be a shift.
            dense=pl.min_horizontal(
                col("g") - col("g").shift(2),
                col("g").shift(-1) - col("g").shift(1),
                col("g").shift(-2) - col("g"),
            )
            < 60,
        )
        .filter((col("switch") & col("dense")) | col("to_unproductive"))
        .collect()
    )
    plain = marks.filter("to_unproductive")["g"]
    switches = (
        marks.lazy()
        .filter("switch", "dense")
        .select(
            "g",
            "task",
            "screen",
            lo=pl.max_horizontal("emptied", col("g") - 59),
            g0=col("g").shift(1),
            g4=col("g").shift(4),
            k=pl.when(col("screen").is_null()).then(col("g") + 1).forward_fill().fill_null(-FAR),
            turn=(col("task") != col("task").shift(1)).fill_null(True),
        )
        .collect()
    )
    by_task = (
        switches.lazy()
        .filter("turn")
        .with_columns(
            a=pl.when((col("task") != col("task").shift(2)).fill_null(True))
            .then(col("g0").shift(1))
            .forward_fill()
        )
        .filter(col("a") >= col("lo"))
        .select("g", "lo", "a", k=pl.lit(FAR), b=pl.lit(-FAR))
        .collect()
    )
    by_screen = screen_candidates(switches)
    candidates = by_task
    if by_screen is not None and not by_screen.is_empty():
        candidates = (
            pl.concat([by_task, by_screen.select("g", "lo", a=pl.lit(-FAR), k="k", b="b")], how="vertical_relaxed")
            .group_by("g")
            .agg(
                col("lo").first(),
                col("a").max(),
                # At most one of the two rows of an instant has these.
                col("k").min(),
                col("b").max(),
            )
            .sort("g")
        )
    if candidates.is_empty():
        return plain
    return pl.concat([resolve(candidates), plain]).sort()


def sum_of(seconds, *conditions):
    """A sum over rows where all hold, as plain arithmetic: cheaper than a filter in every group."""
    kept = conditions[0]
    for condition in conditions[1:]:
        kept = kept & condition
    return pl.when(kept).then(seconds).otherwise(0).sum()


def activities(paths):
    """One local day's rows, in order, with the columns that `summarise` wants."""
    rows = (
        pl.scan_parquet(paths, hive_partitioning=False)
        .select(
            "user_id",
            s=col("start").cast(pl.Int64) // 1_000_000,
            c="counted_sec",
            act=col("state") == "Active",
            task="task_id",
            screen="screen_hash",
            p=col("productivity") == "Productive",
            u=col("productivity") == "Unproductive",
            talk=((col("category") == "Chat & Messaging") | (col("category") == "Meeting Software")).fill_null(False),
        )
        .collect()
    )
    # The input promises a day's rows and no two of a user with the same start, but no order: a partitioned
    # COPY of more than one thread puts a day's batches down as they come, and a day may have many files.
    user, start = col("user_id"), col("s")
    descends = (user < user.shift(1)) | ((user == user.shift(1)) & (start < start.shift(1)))
    if rows.select(descends.any()).item():
        rows = rows.sort("user_id", "s")
    return rows.lazy()


def summarise(source, local_date=None):
    """All rows of the answer for activities sorted by user and start; without `local_date` they have
    their own column of it, ascending within a user."""
    act, p, u, k, c, gap = (col(name) for name in ("act", "p", "u", "k", "c", "gap"))
    other_day = col("user_id") != col("user_id").shift(1)
    if local_date is None:
        other_day = other_day | (col("local_date") != col("local_date").shift(1))
        keys = ["user_id", "local_date"]
    else:
        keys = ["user_id"]
    rows = (
        source.with_columns(
            g=other_day.fill_null(False).cum_sum().cast(pl.Int64) * USER_STEP
            + col("s"),
            k=col("p") & col("talk"),
            f=col("p") & ~col("talk"),
            p0=col("p").shift(1).fill_null(False),
            task0=col("task").shift(1),
            screen0=col("screen").shift(1),
        )
        .with_columns(gap=(col("g") - (col("g") + col("c")).shift(1)).fill_null(FAR))
        .with_columns(near=col("gap") <= 60, f0=col("f").shift(1).fill_null(False))
        .with_columns(
            p_run=(~(col("p0") & col("near"))).cum_sum(),
            f_run=(~(col("f0") & col("near") & (col("task") == col("task0")))).cum_sum(),
        )
        .collect()
    )
    is_break = (gap > 300) & (gap <= 14400)
    sums = rows.lazy().group_by(keys).agg(
        pl.len().alias("total_activity_count"),
        p.sum().alias("productive_activity_count"),
        u.sum().alias("unproductive_activity_count"),
        (~p & ~u).sum().alias("undefined_activity_count"),
        k.sum().alias("collaboration_activity_count"),
        sum_of(c, k).alias("collaboration_duration_seconds"),
        sum_of(c, act).alias("active_duration_seconds"),
        c.sum().alias("total_duration_seconds"),
        sum_of(c, p, act).alias("productive_active_duration_seconds"),
        sum_of(c, p, ~act).alias("productive_passive_duration_seconds"),
        sum_of(c, u, act).alias("unproductive_active_duration_seconds"),
        sum_of(c, u, ~act).alias("unproductive_passive_duration_seconds"),
        sum_of(c, ~p & ~u, act).alias("undefined_active_duration_seconds"),
        sum_of(c, ~p & ~u, ~act).alias("undefined_passive_duration_seconds"),
        col("s").min().alias("first_s"),
        (col("s") + c).max().alias("last_e"),
        is_break.sum().alias("break_count"),
        pl.when(is_break).then(pl.min_horizontal(gap, pl.lit(7200))).otherwise(0).sum().alias("break_duration_seconds"),
        (col("g").first() // USER_STEP).alias("place"),
    )
    # Runs of other rows have numbers of their own, so productive rows alone tell the runs.
    sessions = (
        rows.lazy()
        .filter("p")
        .group_by("p_run")
        .agg(col("g").first() // USER_STEP, c.sum())
        .filter(c >= 60)
        .group_by(place="g")
        .agg(productive_session_count=pl.len(), productive_session_duration_seconds=c.sum())
    )
    shifts = attention_shifts(rows)
    focus = rows.lazy().filter("f").select("g", "c", "act", "f_run")
    opening = (col("g") > col("g").shift(1) + 180).fill_null(True)
    windows = (
        shifts.to_frame("g")
        .with_columns(window=opening.cum_sum())
        .group_by("window", maintain_order=True)
        .agg(opens=col("g").first(), closes=col("g").last() + 180)
        .set_sorted("opens")
    )
    inside = (
        focus.filter("act")
        .set_sorted("g")
        .join_asof(windows.lazy(), left_on="g", right_on="opens", strategy="backward")
        .filter(col("g") < col("closes"))
        .select(
            "g",
            "f_run",
            part=pl.when((col("window") != col("window").shift(-1)).fill_null(True))
            .then(pl.min_horizontal(c, pl.lit(60)))
            .otherwise(c),
        )
        .collect()
    )
    multitasking = (
        inside.lazy().group_by(place=col("g") // USER_STEP).agg(multitasking_duration_seconds=col("part").sum())
    )
    focused = (
        pl.concat([focus.select("f_run", "g", "c"), inside.lazy().select("f_run", "g", c=-col("part"))])
        .group_by("f_run")
        .agg(col("g").first() // USER_STEP, c.sum())
        .filter(c >= 60)
        .group_by(place="g")
        .agg(focused_session_count=pl.len(), focused_session_duration_seconds=c.sum())
    )
    shifted = shifts.to_frame("g").lazy().group_by(place=col("g") // USER_STEP).agg(
        attention_shift_activity_count=pl.len()
    )
    answer = sums
    for part in (sessions, shifted, multitasking, focused):
        answer = answer.join(part, on="place", how="left")
    instant = pl.Datetime("us", "UTC")
    if local_date is not None:
        answer = answer.with_columns(pl.lit(local_date).alias("local_date"))
    return (
        answer.with_columns(
            (col("first_s") * 1_000_000).cast(instant).alias("first_activity_datetime"),
            (col("last_e") * 1_000_000).cast(instant).alias("last_activity_datetime"),
        )
        .with_columns(col(name).fill_null(0) for name in COLUMNS if "session" in name or "shift" in name or "multi" in name)
        .with_columns(
            focused_duration_seconds=col("productive_active_duration_seconds")
            + col("productive_passive_duration_seconds")
            - col("collaboration_duration_seconds")
            - col("multitasking_duration_seconds")
        )
        .select(
            col(name) if name == "local_date" or name.endswith("datetime") else col(name).cast(pl.Int64)
            for name in COLUMNS
        )
        .collect()
    )


def main():
    began = time.perf_counter()
    spent = time.process_time()
    days = []
    for folder in sorted(Path(given.input).glob("local_date=*")):
        days.append((date.fromisoformat(folder.name.split("=")[1]), sorted(folder.glob("*.parquet"))))
    with ThreadPoolExecutor(given.threads) as workers:
        answers = list(workers.map(lambda day: summarise(activities(day[1]), day[0]), days))
    pl.concat(answers).write_parquet(given.output)
    print(
        json.dumps(
            {
                "engine": f"polars {pl.__version__}",
                "wall_s": round(time.perf_counter() - began, 4),
                "cpu_s": round(time.process_time() - spent, 4),
                "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
