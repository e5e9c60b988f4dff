#!/usr/bin/env python3
"""Peer: ClickHouse, in this process (chDB). Runs chdb_analysis.sql over a folder of Parquet files by local day.

    chdb_analysis.py --input DIR --output FILE.parquet --threads N

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

import chdb

arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
arguments.add_argument("--input", required=True)
arguments.add_argument("--output", required=True)
arguments.add_argument("--threads", type=int, default=2)
given = arguments.parse_args()

began = time.perf_counter()
spent = time.process_time()
files = f"{os.path.abspath(given.input)}/local_date=*/*.parquet".replace("'", "''")
output = os.path.abspath(given.output).replace("'", "''")
statement = (Path(__file__).parent / "chdb_analysis.sql").read_text()
# Told the types, ClickHouse does not drag NULL maps of columns that have no NULL through every lambda.
structure = (
    "user_id Int64, start DateTime64(6, \\'UTC\\'), counted_sec Int64, state String, task_id Int64, "
    "screen_hash Nullable(Int64), category Nullable(String), productivity String"
)
activity = f"""
    (
        select
            local_date,
            user_id,
            intDiv(toUnixTimestamp64Micro(start), 1000000) as s,
            counted_sec as c,
            toUInt8(
                (state = 'Active') + 2 * (productivity = 'Productive') + 4 * (productivity = 'Unproductive')
                + 8 * (productivity = 'Productive' and ifNull(category in ('Chat & Messaging', 'Meeting Software'), 0))
                + 16 * (screen_hash is not null)
            ) as flags,
            task_id as task,
            ifNull(screen_hash, 0) as screen
        from file('{files}', Parquet, '{structure}')
    )
"""
chdb.query(
    f"""
    insert into function file('{output}', Parquet)
    {statement.replace("from activity", f"from {activity}")}
    settings
        max_threads = {given.threads},
        use_hive_partitioning = 1,
        engine_file_truncate_on_insert = 1,
        output_format_parquet_datetime_as_uint32 = 0
    """
)
print(
    json.dumps(
        {
            "engine": f"chdb {version('chdb')}",
            "wall_s": round(time.perf_counter() - began, 4),
            "cpu_s": round(time.process_time() - spent, 4),
            "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        }
    )
)
