#!/usr/bin/env python3
"""Peer: DuckDB. Runs duckdb_analysis.sql over a folder of Parquet files by local day.

    duckdb_analysis.py --input DIR --output FILE.parquet --threads N

Prints one line of JSON: wall seconds of opening, computing and writing, and this process's peak
resident memory. Importing the library is not timed.
"""

import argparse
import json
import resource
import time
from pathlib import Path

import duckdb

arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
arguments.add_argument("--input", required=True)
arguments.add_argument("--output", required=True)
arguments.add_argument("--threads", type=int, default=2)
given = arguments.parse_args()

began = time.perf_counter()
spent = time.process_time()
engine = duckdb.connect()
engine.execute(f"set threads = {given.threads}")
# The rows of the answer need no order, so nothing has to keep one.
engine.execute("set preserve_insertion_order = false")
files = f"{given.input}/local_date=*/*.parquet".replace("'", "''")
engine.execute(
    f"""
    create temp view activity as
    select
        local_date,
        user_id,
        epoch_us("start") // 1000000 as s,
        counted_sec as c,
        state = 'Active' as act,
        task_id as task,
        screen_hash as scr,
        productivity = 'Productive' as p,
        productivity = 'Unproductive' as u,
        productivity = 'Productive'
            and coalesce(category in ('Chat & Messaging', 'Meeting Software'), false) as k
    from read_parquet('{files}', hive_partitioning = true, hive_types = {{'local_date': date}})
    """
)
statement = (Path(__file__).parent / "duckdb_analysis.sql").read_text()
output = given.output.replace("'", "''")
engine.execute(f"copy ({statement}) to '{output}' (format parquet)")
print(
    json.dumps(
        {
            "engine": f"duckdb {duckdb.__version__}",
            "wall_s": round(time.perf_counter() - began, 4),
            "cpu_s": round(time.process_time() - spent, 4),
            "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        }
    )
)
