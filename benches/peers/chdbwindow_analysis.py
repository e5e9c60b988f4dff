#!/usr/bin/env python3
"""Peer: ClickHouse, in this process (chDB), with window functions; chdb_analysis.py is the faster form.

    chdbwindow_analysis.py --input DIR --output FILE.parquet --threads N

Runs chdbwindow_analysis.sql over a folder of Parquet files by local day.
Prints one line of JSON: wall seconds of computing and writing, and this process's peak resident
memory. Importing the library is not timed.
"""

import argparse
import json
import os
import resource
import time
from importlib.metadata import version
from pathlib import Path

from chdb import session

arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
arguments.add_argument("--input", required=True)
arguments.add_argument("--output", required=True)
arguments.add_argument("--threads", type=int, default=2)
given = arguments.parse_args()

began = time.perf_counter()
spent = time.process_time()
files = f"{os.path.abspath(given.input)}/local_date=*/*.parquet".replace("'", "''")
output = os.path.abspath(given.output).replace("'", "''")
# Told the types, ClickHouse does not take every column for one that may have NULLs.
structure = (
    "user_id Int64, start DateTime64(6, \\'UTC\\'), counted_sec Int64, state String, task_id Int64, "
    "screen_hash Nullable(Int64), category Nullable(String), productivity String"
)
engine = session.Session()
for setting in (
    f"max_threads = {given.threads}",
    "use_hive_partitioning = 1",
    "engine_file_truncate_on_insert = 1",
    "output_format_parquet_datetime_as_uint32 = 0",
):
    engine.query(f"set {setting}")
engine.query(
    f"""
    create view activity as
    select
        local_date,
        user_id,
        intDiv(toUnixTimestamp64Micro(start), 1000000) as s,
        counted_sec as c,
        state = 'Active' as act,
        productivity = 'Productive' as p,
        productivity = 'Unproductive' as u,
        productivity = 'Productive' and ifNull(category in ('Chat & Messaging', 'Meeting Software'), 0) as k,
        task_id as task,
        screen_hash is not null as known,
        ifNull(screen_hash, 0) as screen
    from file('{files}', Parquet, '{structure}')
    """
)
*steps, answer = (Path(__file__).parent / "chdbwindow_analysis.sql").read_text().split(";\n\n")
for step in steps:
    engine.query(step)
engine.query(f"insert into function file('{output}', Parquet) {answer}")
print(
    json.dumps(
        {
            "engine": f"chdb {version('chdb')} (windows)",
            "wall_s": round(time.perf_counter() - began, 4),
            "cpu_s": round(time.process_time() - spent, 4),
            "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        }
    )
)
