#!/usr/bin/env python3
"""The daily sequence analysis in slow, obvious, plain Python: what every peer must answer.

In:  a folder of Parquet files `local_date=YYYY-MM-DD/*.parquet` with one row per activity
     (user_id, start, counted_sec, state, task_id, screen_hash, category, productivity), in any order.
Out: one row per (user_id, local_date), columns as in COLUMNS, sorted by both.

The rules are section 5 of the semantics page, one function a rule, with no cleverness shared with
the peers: days are walked activity by activity, lists are lists, windows are intervals.
Starts are whole seconds, activities of a user never overlap, starts are distinct.

    reference.py --input DIR --output FILE.parquet
"""

import argparse
import json
import time
from datetime import datetime, timezone
from pathlib import Path

SHIFT_WINDOW = 60
SHIFT_APPS = 2
SHIFT_SCREENS = 4
RESIDUE = 180
LAST_CAP = 60
BRIDGE = 60
SESSION_MIN = 60
BREAK_MIN = 300
BREAK_MAX_GAP = 14400
BREAK_CAP = 7200
COLLABORATION = ("Chat & Messaging", "Meeting Software")

# Order and names of every peer's output. All are Int64 and never NULL except the date (date32) and
# the two datetimes (timestamp in microseconds, UTC).
COLUMNS = [
    "user_id",
    "local_date",
    "total_activity_count",
    "productive_activity_count",
    "unproductive_activity_count",
    "undefined_activity_count",
    "collaboration_activity_count",
    "collaboration_duration_seconds",
    "active_duration_seconds",
    "total_duration_seconds",
    "productive_active_duration_seconds",
    "productive_passive_duration_seconds",
    "unproductive_active_duration_seconds",
    "unproductive_passive_duration_seconds",
    "undefined_active_duration_seconds",
    "undefined_passive_duration_seconds",
    "first_activity_datetime",
    "last_activity_datetime",
    "productive_session_count",
    "productive_session_duration_seconds",
    "attention_shift_activity_count",
    "multitasking_duration_seconds",
    "focused_duration_seconds",
    "focused_session_count",
    "focused_session_duration_seconds",
    "break_count",
    "break_duration_seconds",
]


class Activity:
    """One row: `[start, end)` in whole seconds since the epoch."""

    def __init__(self, start, seconds, state, task, title, category, productivity):
        self.start = start
        self.seconds = seconds
        self.end = start + seconds
        self.active = state == "Active"
        self.task = task
        self.screen = None if title is None else (task, title)
        self.productivity = productivity
        self.productive = productivity == "Productive"
        self.unproductive = productivity == "Unproductive"
        self.collaboration = self.productive and category in COLLABORATION


def attention_shifts(day):
    """Instants of the day's shifts, ascending."""
    shifts = []
    recent = []  # (start, task, screen) of the switches that count
    last = None
    for activity in day:
        before = last
        last = activity
        if before is None or activity.start - before.end > SHIFT_WINDOW:
            recent = []
            before = None
        if not activity.active:
            continue
        if activity.productive:
            switched = (
                before is None
                or before.task != activity.task
                or (
                    before.screen is not None
                    and activity.screen is not None
                    and before.screen != activity.screen
                )
            )
            if switched:
                recent = [entry for entry in recent if entry[0] > activity.start - SHIFT_WINDOW]
                recent.append((activity.start, activity.task, activity.screen))
                tasks = {task for _, task, _ in recent}
                screens = {screen for _, _, screen in recent}
                all_known = None not in screens
                if len(tasks) > SHIFT_APPS or (all_known and len(screens) > SHIFT_SCREENS):
                    shifts.append(activity.start)
                    recent = [recent[-1]]
        elif activity.unproductive and before is not None and before.productive:
            shifts.append(activity.start)
            recent = []
    return shifts


def merged_windows(shifts):
    """`[shift, shift + residue)`, merged where they overlap or touch."""
    windows = []
    for shift in shifts:
        if windows and shift <= windows[-1][1]:
            windows[-1][1] = shift + RESIDUE
        else:
            windows.append([shift, shift + RESIDUE])
    return windows


def multitasking_parts(day, shifts):
    """How many seconds of each activity of the day are multitasking."""
    parts = [0] * len(day)
    for begin, end in merged_windows(shifts):
        inside = [
            place
            for place, activity in enumerate(day)
            if activity.active
            and activity.productive
            and not activity.collaboration
            and begin <= activity.start < end
        ]
        for place in inside:
            parts[place] = day[place].seconds
        if inside:
            parts[inside[-1]] = min(day[inside[-1]].seconds, LAST_CAP)
    return parts


def runs(day, belongs, continues):
    """Maximal runs of consecutive activities, as lists of places in the day."""
    found = []
    for place, activity in enumerate(day):
        if not belongs(activity):
            continue
        if (
            place > 0
            and belongs(day[place - 1])
            and activity.start - day[place - 1].end <= BRIDGE
            and continues(day[place - 1], activity)
        ):
            found[-1].append(place)
        else:
            found.append([place])
    return found


def analyse(day):
    """All numbers of one user's day, by column name."""
    row = {}
    row["total_activity_count"] = len(day)
    for name in ("Productive", "Unproductive", "Undefined"):
        of_it = [activity for activity in day if activity.productivity == name]
        row[f"{name.lower()}_activity_count"] = len(of_it)
        row[f"{name.lower()}_active_duration_seconds"] = sum(a.seconds for a in of_it if a.active)
        row[f"{name.lower()}_passive_duration_seconds"] = sum(a.seconds for a in of_it if not a.active)
    row["collaboration_activity_count"] = sum(1 for a in day if a.collaboration)
    row["collaboration_duration_seconds"] = sum(a.seconds for a in day if a.collaboration)
    row["active_duration_seconds"] = sum(a.seconds for a in day if a.active)
    row["total_duration_seconds"] = sum(a.seconds for a in day)
    row["first_activity_datetime"] = datetime.fromtimestamp(min(a.start for a in day), timezone.utc)
    row["last_activity_datetime"] = datetime.fromtimestamp(max(a.end for a in day), timezone.utc)

    sessions = [
        seconds
        for run in runs(day, lambda a: a.productive, lambda one, other: True)
        if (seconds := sum(day[place].seconds for place in run)) >= SESSION_MIN
    ]
    row["productive_session_count"] = len(sessions)
    row["productive_session_duration_seconds"] = sum(sessions)

    shifts = attention_shifts(day)
    parts = multitasking_parts(day, shifts)
    row["attention_shift_activity_count"] = len(shifts)
    row["multitasking_duration_seconds"] = sum(parts)
    row["focused_duration_seconds"] = (
        sum(a.seconds for a in day if a.productive)
        - row["collaboration_duration_seconds"]
        - row["multitasking_duration_seconds"]
    )

    focused = [
        seconds
        for run in runs(
            day,
            lambda a: a.productive and not a.collaboration,
            lambda one, other: one.task == other.task,
        )
        if (seconds := sum(day[place].seconds - parts[place] for place in run)) >= SESSION_MIN
    ]
    row["focused_session_count"] = len(focused)
    row["focused_session_duration_seconds"] = sum(focused)

    gaps = [other.start - one.end for one, other in zip(day, day[1:])]
    breaks = [gap for gap in gaps if BREAK_MIN < gap <= BREAK_MAX_GAP]
    row["break_count"] = len(breaks)
    row["break_duration_seconds"] = sum(min(gap, BREAK_CAP) for gap in breaks)
    return row


def worked_examples():
    """Examples 2 and 3 of section 12."""

    def day(*rows):
        return [
            Activity(s, e - s, "Active", task, None, category, "Productive")
            for task, s, e, category in rows
        ]

    two = analyse(day(("mail", 0, 20, None), ("slides", 20, 40, None), ("editor", 40, 300, None)))
    assert two["attention_shift_activity_count"] == 1
    assert two["multitasking_duration_seconds"] == 60
    assert two["focused_duration_seconds"] == 240
    three = analyse(
        day(
            ("mail", 0, 20, None),
            ("slides", 20, 40, None),
            ("chat", 40, 100, "Chat & Messaging"),
            ("sheet", 100, 130, None),
            ("doc", 130, 400, None),
        )
    )
    assert three["attention_shift_activity_count"] == 1
    assert three["multitasking_duration_seconds"] == 90
    assert three["collaboration_duration_seconds"] == 60
    assert three["focused_duration_seconds"] == 250


def main():
    import pyarrow as pa
    import pyarrow.parquet as pq

    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--input", required=True)
    arguments.add_argument("--output", required=True)
    arguments.add_argument("--threads", type=int, default=1, help="ignored")
    given = arguments.parse_args()

    worked_examples()
    began = time.perf_counter()
    days = {}
    for path in sorted(Path(given.input).glob("local_date=*/*.parquet")):
        local_date = datetime.strptime(path.parent.name.split("=")[1], "%Y-%m-%d").date()
        table = pq.ParquetFile(path).read()
        starts = table["start"].cast(pa.int64()).to_pylist()
        columns = ("user_id", "counted_sec", "state", "task_id", "screen_hash", "category", "productivity")
        values = [table[name].to_pylist() for name in columns]
        for start, user, *rest in zip(starts, *values):
            activity = Activity(start // 1_000_000, *rest)
            days.setdefault((user, local_date), []).append(activity)
    found = []
    for (user, local_date), day in sorted(days.items(), key=lambda item: item[0]):
        day.sort(key=lambda activity: activity.start)
        found.append({"user_id": user, "local_date": local_date, **analyse(day)})
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
