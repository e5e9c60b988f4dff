#!/usr/bin/env python3
"""Peer of row B: DuckDB from raw events (layout: reference_raw.py): assign, clip, classify, analyse.

    duckdb_raw.py --input DIR --output FILE.parquet --threads N --zone America/New_York

Runs duckdb_raw.sql into a table in memory, then duckdb_analysis.sql over it. Prints one line of JSON as
duckdb_analysis.py does.
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
arguments.add_argument("--zone", default="UTC")
given = arguments.parse_args()

began = time.perf_counter()
spent = time.process_time()
here = Path(__file__).parent
engine = duckdb.connect()
engine.execute(f"set threads = {given.threads}")
engine.execute("set preserve_insertion_order = false")
engine.execute("set variable zone = ?", [given.zone])
folder = given.input.replace("'", "''")
engine.execute(
    f"""
    create temp view events as
    select * from read_parquet('{folder}/events/**/*.parquet', hive_partitioning = false)
    """
)
engine.execute(f"create temp view agents as select * from read_parquet('{folder}/agents.parquet')")
engine.execute(f"create temp view apps as select * from read_parquet('{folder}/apps.parquet')")
engine.execute(f"create temp table activity as {(here / 'duckdb_raw.sql').read_text()}")
output = given.output.replace("'", "''")
engine.execute(f"copy ({(here / 'duckdb_analysis.sql').read_text()}) to '{output}' (format parquet)")
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
