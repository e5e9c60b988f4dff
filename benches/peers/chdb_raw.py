#!/usr/bin/env python3
"""Peer of row B: ClickHouse, in this process (chDB), from raw events (layout: reference_raw.py).

    chdb_raw.py --input DIR --output FILE.parquet --threads N --zone America/New_York

Runs chdb_analysis.sql over what chdb_raw.sql makes of the events: assign, clip, classify, analyse. Prints
one line of JSON as chdb_analysis.py does.
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
arguments.add_argument("--zone", default="UTC")
given = arguments.parse_args()

began = time.perf_counter()
spent = time.process_time()
here = Path(__file__).parent
folder = os.path.abspath(given.input).replace("'", "''")
# Ids of events are text, such as `aw:laptop:17`. They only decide between events of one user with the same
# start, state and computer; next to carrying none at all, carrying them takes a twentieth of the time.
structures = {
    "events/**/*.parquet": "event_id String, agent_id Int64, computer_id Int64, start DateTime64(6, \\'UTC\\'), "
    "duration_sec Int64, state String, app_key Int64, screen_hash Nullable(Int64)",
    "agents.parquet": "agent_id Int64, user_id Int64",
    "apps.parquet": "app_key Int64, category Nullable(String), productivity String",
}
activity = (here / "chdb_raw.sql").read_text().replace("{zone}", given.zone.replace("'", "''"))
for (path, structure), reader in zip(
    structures.items(), ("from events as", "inner join agents as", "left join apps as")
):
    *join, _, _ = reader.split()
    source = f"file('{folder}/{path}', Parquet, '{structure}')"
    activity = activity.replace(reader, f"{' '.join(join)} {source} as")
activity = f"({activity})"
output = os.path.abspath(given.output).replace("'", "''")
statement = (here / "chdb_analysis.sql").read_text()
chdb.query(
    f"""
    insert into function file('{output}', Parquet)
    {statement.replace("from activity", f"from {activity}")}
    settings
        max_threads = {given.threads},
        use_hive_partitioning = 0,
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
