#!/usr/bin/env python3
"""Row B in slow, obvious, plain Python: raw events, clipped, classified, analysed.

In:  a folder with
       events/**/*.parquet  event_id (text, compared by its bytes), agent_id, computer_id, start
                            (timestamp us, UTC, with fractions), duration_sec, state (Active, Passive,
                            Passive Locked), app_key (Int64), screen_hash (Int64, NULL: unknown); any order
       agents.parquet       agent_id, user_id
       apps.parquet         app_key, category (NULL: none), productivity; keys not in it are Undefined
Out: as reference.py; a day is the local date of the event's start in `--zone`.

The rules are sections 4 and 5 of the semantics page. Nothing is after the as-of instant here.

    reference_raw.py --input DIR --output FILE.parquet --zone America/New_York
"""

import argparse
import json
import time
from pathlib import Path
from zoneinfo import ZoneInfo

from reference import COLUMNS, Activity, analyse


class Event:
    """`micros` keeps the fraction of the start; seconds are whole."""

    def __init__(self, event_id, agent_id, computer_id, start, duration_sec, state, app_key, screen_hash):
        self.event_id = event_id
        self.agent_id = agent_id
        self.computer_id = computer_id
        self.start = start
        self.micros = int(start.timestamp()) * 1_000_000 + start.microsecond
        self.begin = self.micros // 1_000_000
        self.end = self.begin + duration_sec
        self.duration_sec = duration_sec
        self.state = state
        self.app_key = app_key
        self.screen_hash = screen_hash


def clip(events):
    """One user's events to what is left of them, by the order of section 4."""
    agents = {}
    for event in events:
        agents.setdefault(event.agent_id, []).append(event)
    for own in agents.values():
        for event in own:
            later = [other.micros for other in own if other.micros > event.micros]
            if later:
                event.end = min(event.end, min(later) // 1_000_000)
    order = sorted(
        (event for event in events if event.state != "Passive Locked"),
        key=lambda e: (e.micros, e.state != "Active", e.computer_id, e.event_id, e.agent_id),
    )
    for place, event in enumerate(order):
        following = order[place + 1 :]
        if event.state == "Active":
            following = [other for other in following if other.state == "Active"]
        if following:
            event.end = min(event.end, following[0].begin)
    active_end = None
    for event in order:
        if event.state == "Active":
            active_end = event.end
        elif active_end is not None:
            event.begin = max(event.begin, active_end)
    return [event for event in order if event.end > event.begin]


def main():
    import pyarrow as pa
    import pyarrow.parquet as pq

    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--input", required=True)
    arguments.add_argument("--output", required=True)
    arguments.add_argument("--threads", type=int, default=1, help="ignored")
    arguments.add_argument("--zone", default="UTC")
    given = arguments.parse_args()
    zone = ZoneInfo(given.zone)

    began = time.perf_counter()
    folder = Path(given.input)
    users = {row["agent_id"]: row["user_id"] for row in pq.read_table(folder / "agents.parquet").to_pylist()}
    apps = {
        row["app_key"]: (row["category"], row["productivity"])
        for row in pq.read_table(folder / "apps.parquet").to_pylist()
    }
    by_user = {}
    for path in sorted((folder / "events").rglob("*.parquet")):
        for row in pq.ParquetFile(path).read().to_pylist():
            event = Event(**row)
            category, _ = apps.get(event.app_key, (None, "Undefined"))
            if category is not None and category == "Ignore":
                continue
            if event.duration_sec < 1 and event.state != "Passive Locked":
                continue
            by_user.setdefault(users[event.agent_id], []).append(event)
    days = {}
    for user, events in by_user.items():
        for event in clip(events):
            category, productivity = apps.get(event.app_key, (None, "Undefined"))
            local_date = event.start.astimezone(zone).date()
            days.setdefault((user, local_date), []).append(
                Activity(
                    event.begin,
                    event.end - event.begin,
                    event.state,
                    event.app_key,
                    event.screen_hash,
                    category,
                    productivity,
                )
            )
    found = [
        {"user_id": user, "local_date": local_date, **analyse(sorted(day, key=lambda a: a.start))}
        for (user, local_date), day in sorted(days.items(), key=lambda item: item[0])
    ]
    types = {
        "local_date": pa.date32(),
        "first_activity_datetime": pa.timestamp("us", "UTC"),
        "last_activity_datetime": pa.timestamp("us", "UTC"),
    }
    schema = pa.schema([(name, types.get(name, pa.int64())) for name in COLUMNS])
    pq.write_table(pa.Table.from_pylist(found, schema), given.output)
    print(json.dumps({"engine": "reference", "rows": len(found), "wall_s": time.perf_counter() - began}))


if __name__ == "__main__":
    main()
