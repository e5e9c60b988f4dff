#!/usr/bin/env python3
"""Peer of row B: Polars from raw events (layout: reference_raw.py): assign, clip, classify, analyse.

    polars_raw.py --input DIR --output FILE.parquet --threads N --zone America/New_York

One sort by agent for rule 0 of the clipping, one by user for the other rules; the rules are `shift`s and
fills then, kept apart at the edges of a user by moving every user's time far from the others'. The days
go to the same code as polars_analysis.py, some users at a time, on as many threads as given. Prints one
line of JSON as polars_analysis.py does.
"""

import argparse
import json
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from polars_analysis import given, more, pl, summarise

arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
arguments.add_argument("--zone", default="UTC")
zone = arguments.parse_args(more).zone

MICROS = 1_000_000
USER_STEP = 1 << 34
CHUNK_ROWS = 500_000
col = pl.col


def clipped(folder):
    """All activities, by user and start."""
    agents = pl.scan_parquet(folder / "agents.parquet")
    apps = pl.scan_parquet(folder / "apps.parquet").select(
        "app_key",
        ignored=(col("category") == "Ignore").fill_null(False),
        p=col("productivity") == "Productive",
        u=col("productivity") == "Unproductive",
        talk=((col("category") == "Chat & Messaging") | (col("category") == "Meeting Software")).fill_null(False),
    )
    other_agent = (col("agent_id") != col("agent_id").shift(-1)).fill_null(True)
    later = (
        # The next different start of the agent; without one, far away.
        pl.when(other_agent)
        .then(pl.lit(1 << 62))
        .when(col("start").shift(-1) > col("start"))
        .then(col("start").shift(-1))
        .backward_fill()
    )
    # Every user's seconds start far from the others', so that no cut reaches over.
    person = (col("user_id") != col("user_id").shift(1)).fill_null(False).cum_sum().cast(pl.Int64) * USER_STEP
    return (
        pl.scan_parquet(folder / "events" / "**" / "*.parquet", hive_partitioning=False)
        .filter((col("duration_sec") > 0) | (col("state") == "Passive Locked"))
        .select(
            "event_id",
            "agent_id",
            "computer_id",
            "duration_sec",
            "app_key",
            "screen_hash",
            start=col("start").cast(pl.Int64),
            idle=col("state") != "Active",
            locked=col("state") == "Passive Locked",
        )
        .join(agents, on="agent_id")
        .join(apps, on="app_key", how="left")
        .filter(~col("ignored").fill_null(False))
        .sort("agent_id", "start")
        .with_columns(
            e=pl.min_horizontal(col("start") // MICROS + col("duration_sec"), later // MICROS),
            p=col("p").fill_null(False),
            u=col("u").fill_null(False),
            talk=col("talk").fill_null(False),
        )
        .filter(~col("locked"))
        .sort("user_id", "start", "idle", "computer_id", "event_id", "agent_id")
        .with_columns(person=person)
        .with_columns(g=col("person") + col("start") // MICROS, e=col("person") + col("e"))
        .with_columns(
            e=pl.min_horizontal(
                "e",
                pl.when("idle")
                .then(col("g").shift(-1))
                .otherwise(pl.when(~col("idle")).then("g").shift(-1).backward_fill()),
            )
        )
        .with_columns(
            g=pl.when("idle")
            .then(pl.max_horizontal("g", pl.when(~col("idle")).then("e").forward_fill()))
            .otherwise("g")
        )
        .filter(col("e") > col("g"))
        .select(
            "user_id",
            s=col("g") - col("person"),
            c=col("e") - col("g"),
            act=~col("idle"),
            task="app_key",
            screen="screen_hash",
            p="p",
            u="u",
            talk="talk",
            local_date=col("start").cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(zone).dt.date(),
        )
        .collect()
    )


def main():
    began = time.perf_counter()
    spent = time.process_time()
    rows = clipped(Path(given.input))
    # Slices of whole users.
    firsts = (
        rows.lazy()
        .select("user_id", row=pl.int_range(pl.len()))
        .filter((col("user_id") != col("user_id").shift(1)).fill_null(True))
        .collect()["row"]
        .to_list()
    )
    edges = [0]
    for first in firsts:
        if first - edges[-1] >= CHUNK_ROWS:
            edges.append(first)
    edges.append(rows.height)
    slices = [rows.slice(one, other - one) for one, other in zip(edges, edges[1:])]
    with ThreadPoolExecutor(given.threads) as workers:
        answers = list(workers.map(lambda part: summarise(part.lazy()), slices))
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
