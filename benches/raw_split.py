#!/usr/bin/env python3
"""Cuts the export of raw_events.sql into the folder that the peers of suite `raw` read.

    raw_split.py EXPORT.parquet FOLDER
"""

import os
import sys

import duckdb

export, folder = (text.replace("'", "''") for text in sys.argv[1:3])
os.makedirs(f"{folder}/events", exist_ok=True)
engine = duckdb.connect()
for query, file in [
    ("select distinct app_key, category, productivity from export", "apps.parquet"),
    ("select distinct agent_id, user_id from export", "agents.parquet"),
    (
        "select event_id, agent_id, computer_id, start, duration_sec, state, app_key, screen_hash "
        "from export order by start",
        "events/events.parquet",
    ),
]:
    query = query.replace("export", f"read_parquet('{export}')")
    engine.execute(f"copy ({query}) to '{folder}/{file}' (format parquet, compression zstd)")
