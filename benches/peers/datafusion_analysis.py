#!/usr/bin/env python3
"""Peer: DataFusion's own SQL, without functions of ours. Runs datafusion_analysis.sql over a folder of
Parquet files by local day.

    datafusion_analysis.py --input DIR --output FILE.parquet --threads N

Prints one line of JSON: wall seconds of computing and writing, and this process's peak resident
memory. Importing the library is not timed.
"""

import argparse
import json
import resource
import time
from pathlib import Path

import datafusion
import pyarrow.parquet
from datafusion import SessionConfig, SessionContext

arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
arguments.add_argument("--input", required=True)
arguments.add_argument("--output", required=True)
arguments.add_argument("--threads", type=int, default=2)
given = arguments.parse_args()

began = time.perf_counter()
spent = time.process_time()
engine = SessionContext(SessionConfig().with_target_partitions(given.threads))
folder = given.input.rstrip("/").replace("'", "''")
engine.sql(
    f"""
    create external table files
    stored as parquet
    partitioned by (local_date)
    location '{folder}/'
    """
).collect()
engine.sql(
    """
    create view activity as
    select
        cast(local_date as date) as local_date,
        user_id,
        arrow_cast(start, 'Int64') / 1000000 as s,
        counted_sec as c,
        state = 'Active' as act,
        task_id as task,
        screen_hash as scr,
        productivity = 'Productive' as p,
        productivity = 'Unproductive' as u,
        productivity = 'Productive'
            and coalesce(category in ('Chat & Messaging', 'Meeting Software'), false) as k
    from files
    """
).collect()
text = (Path(__file__).parent / "datafusion_analysis.sql").read_text()
text = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
*steps, answer = text.split(";")
for step in steps:
    engine.sql(step).collect()
pyarrow.parquet.write_table(engine.sql(answer).to_arrow_table(), given.output)
print(
    json.dumps(
        {
            "engine": f"datafusion {datafusion.__version__}",
            "wall_s": round(time.perf_counter() - began, 4),
            "cpu_s": round(time.process_time() - spent, 4),
            "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        }
    )
)
