#!/usr/bin/env python3
"""Row F: a client's queries over the views, served by activlake, and in DuckDB over the same rows.

    clients.py --activlake 'activlake --config D/activlake.toml --lake D/lake' --rows DIR
               [--rounds 5] [--threads 2] [--cpus 0,1] [--queries scan,top] [--export]
               [--email admin@example.com] [--password-file FILE]

The views are exported to DIR, one Parquet file each in the view's own order, unless they are there
already (`--export`: again, as after a change of the lake; without it the answers would differ).
`activlake serve` is started on a free port with the threads given and asked over Arrow Flight SQL with
the ADBC driver; DuckDB lies in this process and reads the files. So what is measured on the one side
includes the wire and not on the other, which favours DuckDB; and both keep what they keep between
queries, being warm: a first round is not counted.

For the login `--email` of consumers.csv gets a new random password in the lake, so give a copy or a demo,
or a `--password-file` with the one it has.

A query's time goes from sending it to holding its last row, as an Arrow table. Each round asks each query
of both, in an order that turns. In every round the answers are compared, every value exactly: as sets with
repetition, and as lists where the query orders them. Exit code 1 if any differs, fails or is empty.

Needs adbc-driver-flightsql, adbc-driver-manager, duckdb and pyarrow, see peers/requirements.txt.
"""

import argparse
import os
import re
import secrets
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from contextlib import contextmanager
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

VIEWS = ["events", "daily_application_summary", "daily_user_summary"]

# {day}: the date with the most events; {user}: who has the most on it. Where a query orders and cuts, it
# orders by all that it selects, so that there is one right answer.
QUERIES = {
    "scan": """
        select
            count(*) as events,
            sum(duration_sec) as seconds,
            sum(case when active_state = 'Active' then duration_sec end) as active_seconds,
            count(category) as with_category,
            min(utc_timestamp) as earliest,
            max(utc_timestamp) as latest
        from events
    """,
    "by application or site": """
        select application_or_site, count(*) as events, sum(duration_sec) as seconds
        from events
        group by application_or_site
    """,
    "by user and day": """
        select
            user_id,
            local_date,
            count(*) as events,
            sum(duration_sec) as seconds,
            min(local_datetime) as earliest,
            max(local_datetime) as latest
        from events
        group by user_id, local_date
    """,
    "top 100 by duration": """
        select duration_sec, utc_timestamp, user_id, user_name, application_or_site
        from events
        order by duration_sec desc, utc_timestamp, user_id, user_name, application_or_site
        limit 100
    """,
    "a week by category": """
        select local_date, category, productivity, count(*) as events, sum(duration_sec) as seconds
        from events
        where local_date between date '{day}' - interval '3' day and date '{day}' + interval '3' day
        group by local_date, category, productivity
    """,
    "a person's day, all columns": """
        select *
        from events
        where user_id = {user} and local_date = date '{day}'
    """,
    "daily applications, by site": """
        select
            application_or_site,
            productivity,
            count(distinct user_id) as users,
            sum(duration_seconds) as seconds,
            sum(activity_count) as activities
        from daily_application_summary
        group by application_or_site, productivity
    """,
    "daily applications, top 20": """
        select sum(duration_seconds) as seconds, user_name, application_or_site
        from daily_application_summary
        group by user_name, application_or_site
        order by seconds desc, user_name, application_or_site
        limit 20
    """,
    "daily users, by week": """
        select
            activity_week,
            day_type,
            count(*) as days,
            sum(total_duration_seconds) as seconds,
            sum(focused_duration_seconds) as focused,
            sum(multitasking_duration_seconds) as multitasking,
            avg(productive_session_count) as sessions
        from daily_user_summary
        group by activity_week, day_type
    """,
    "daily users, by user": """
        select
            user_id,
            user_name,
            sum(active_day_count) as days,
            sum(productive_active_duration_seconds) as productive,
            sum(attention_shift_activity_count) as shifts,
            max(last_activity_minutes_in_day) as latest
        from daily_user_summary
        group by user_id, user_name
    """,
}


def parse():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--activlake", required=True, help="the program with its settings and lake")
    arguments.add_argument("--rows", required=True, help="folder for the exported views")
    arguments.add_argument("--export", action="store_true", help="export them even if they are there")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--cpus", help="comma-separated CPU numbers; default: the first of those allowed")
    arguments.add_argument("--queries", help="comma-separated starts of names; default: all")
    arguments.add_argument("--email", default="admin@example.com")
    arguments.add_argument("--password-file", help="password of --email; without it, it gets a new one")
    given = arguments.parse_args()
    if given.rounds < 1 or given.threads < 1:
        arguments.error("--rounds and --threads are at least 1")
    if given.queries:
        starts = given.queries.split(",")
        for start in starts:
            if not any(name.startswith(start) for name in QUERIES):
                arguments.error(f"no query starts with {start!r}: {', '.join(QUERIES)}")
        given.names = [name for name in QUERIES if name.startswith(tuple(starts))]
    else:
        given.names = list(QUERIES)
    return given


def export(activlake, folder, again):
    """One Parquet file a view."""
    folder.mkdir(parents=True, exist_ok=True)
    for view in VIEWS:
        path = folder / f"{view}.parquet"
        if path.exists() and not again:
            print(f"{path.name} is there already: not exported", file=sys.stderr)
            continue
        # One thread: several would mix the order of the view. Renamed when whole: half a file is none.
        partial = path.with_suffix(".partial")
        question = ["sql", "-c", f"select * from {view}", "--format", "parquet", "-o", str(partial)]
        subprocess.run([*activlake, "--set", "limits.threads=1", *question], check=True)
        partial.rename(path)


@contextmanager
def served(activlake, given, environment):
    """The address of a running server, which is stopped afterwards."""
    command = [*activlake, "--set", f"limits.threads={given.threads}", "serve", "--port", "0"]
    with tempfile.NamedTemporaryFile("w+") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            until = time.monotonic() + 60
            while not (found := re.search(r"grpc://[\d.:]+", Path(log.name).read_text())):
                if server.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"the server did not start:\n{Path(log.name).read_text()}")
                time.sleep(0.05)
            yield found[0]
        finally:
            server.terminate()
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def password_of(activlake, given):
    if given.password_file:
        return Path(given.password_file).read_text().splitlines()[0]
    password = secrets.token_urlsafe(18)
    command = [*activlake, "consumer", "password", given.email]
    done = subprocess.run(command, input=password + "\n", text=True, capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"no password for {given.email}:\n{done.stderr}")
    return password


def plain(value):
    """Equal numbers and instants are equal whatever type the engine gives them."""
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(timezone.utc)
    return value


def differences(query, one, other):
    """What differs between two answers, in words; None if nothing."""
    if one.column_names != other.column_names:
        return f"columns {one.column_names} or {other.column_names}"
    if one.num_rows != other.num_rows:
        return f"{one.num_rows} or {other.num_rows} rows"
    if one.num_rows == 0:
        return "no rows, so nothing was measured"
    ours, theirs = (
        list(zip(*([plain(value) for value in column.to_pylist()] for column in table.columns)))
        for table in (one, other)
    )
    if " order by " in " ".join(query.split()):
        wrong = [(left, right) for left, right in zip(ours, theirs) if left != right]
        return f"{len(wrong)} rows, first {wrong[0][0]} or {wrong[0][1]}" if wrong else None
    left, right = Counter(ours) - Counter(theirs), Counter(theirs) - Counter(ours)
    if not left:
        return None
    # The rows that look most alike, if keys come first.
    return f"{left.total()} rows, first {min(left, key=str)} or {min(right, key=str)}"


def shown(seconds):
    """Milliseconds: median and range."""
    least, most = min(seconds) * 1000, max(seconds) * 1000
    return f"{statistics.median(seconds) * 1000:.1f} ({least:.1f}–{most:.1f})"


def main():
    given = parse()
    import adbc_driver_flightsql
    import adbc_driver_flightsql.dbapi
    import duckdb

    # The server has no transactions; the driver says so once for each connection.
    warnings.filterwarnings("ignore", message="Cannot disable autocommit")
    allowed = sorted(os.sched_getaffinity(0))
    cpus = [int(cpu) for cpu in given.cpus.split(",")] if given.cpus else allowed[: given.threads]
    activlake = shlex.split(given.activlake)
    folder = Path(given.rows)
    export(activlake, folder, given.export)
    # Bound from here on: the server, the driver and DuckDB share the same processors.
    os.sched_setaffinity(0, cpus)

    peer = duckdb.connect()
    peer.execute(f"set threads = {given.threads}")
    peer.execute("set timezone = 'UTC'")
    rows = {}
    for view in VIEWS:
        path = str(folder / f"{view}.parquet").replace("'", "''")
        peer.execute(f"create view {view} as select * from read_parquet('{path}')")
        rows[view] = peer.sql(f"select count(*) from {view}").fetchall()[0][0]
    busiest = "select {0} from events where {1} group by {0} order by count(*) desc, {0} limit 1"
    day = peer.sql(busiest.format("local_date", "true")).fetchall()[0][0]
    user = peer.sql(busiest.format("user_id", f"local_date = '{day}'")).fetchall()[0][0]
    queries = {name: QUERIES[name].format(day=day, user=user) for name in given.names}

    environment = {**os.environ, "TOKIO_WORKER_THREADS": str(given.threads)}
    password = password_of(activlake, given)
    failed = {}
    took = {name: ([], []) for name in queries}
    with served(activlake, given, environment) as address:
        login = {"username": given.email, "password": password}
        with adbc_driver_flightsql.dbapi.connect(address, db_kwargs=login, autocommit=True) as connection:

            def ours(query):
                """The answer and its seconds; closing the statement afterwards is not part of them."""
                with connection.cursor() as cursor:
                    began = time.perf_counter()
                    cursor.execute(query)
                    answer = cursor.fetch_arrow_table()
                    return answer, time.perf_counter() - began

            def theirs(query):
                began = time.perf_counter()
                answer = peer.sql(query).to_arrow_table()
                return answer, time.perf_counter() - began

            # Round 0 warms both.
            for number in range(given.rounds + 1):
                for name, query in queries.items():
                    if name in failed:
                        continue
                    answers = {}
                    seconds = {}
                    for ask in (ours, theirs) if number % 2 else (theirs, ours):
                        try:
                            answers[ask], seconds[ask] = ask(query)
                        except Exception as error:
                            side = "activlake" if ask is ours else "DuckDB"
                            failed[name] = f"{side} failed: {error}"
                            break
                    if name not in failed:
                        found = differences(query, answers[ours], answers[theirs])
                        if found:
                            failed[name] = f"activlake or DuckDB: {found}"
                    if name not in failed and number > 0:
                        took[name][0].append(seconds[ours])
                        took[name][1].append(seconds[theirs])
                print(f"round {number} done", file=sys.stderr)

    print("| query | activlake ms (range) | DuckDB ms (range) | ratio |")
    print("|---|---|---|---|")
    for name, (mine, peers) in took.items():
        if name in failed:
            print(f"| {name} | FAILED | | |")
            continue
        # Ratios within a round, then their median: what slows a whole round cancels.
        ratio = statistics.median(one / other for one, other in zip(mine, peers))
        print(f"| {name} | {shown(mine)} | {shown(peers)} | {ratio:.2f} |")
    print(f"\n{given.rounds} rounds, interleaved, after one to warm up; {given.threads} threads on CPUs {cpus}.")
    print(f"DuckDB {duckdb.__version__}, ADBC driver {adbc_driver_flightsql.__version__}, day {day}, user {user}.")
    print("; ".join(f"{view}: {number} rows" for view, number in rows.items()) + ".")
    for name, why in failed.items():
        print(f"FAILED: {name}: {why}")
    print(f"Answers: {'NOT all the same' if failed else 'all the same'}.")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
