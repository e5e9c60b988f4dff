#!/usr/bin/env python3
"""The benchmark next to the peers: interleaved rounds, medians, ratios, and the same answers or nothing.

    compare.py --input DIR --activlake 'CMD' [--rounds 5] [--threads 2] [--peers polars,chdb,duckdb]
               [--suite analysis|raw] [--python PYTHON] [--cpus 0,1] [--work DIR] [--timeout 3600] [--zone UTC]

`CMD` computes the same table; `{input}`, `{output}` (a Parquet file to write), `{threads}`, `{zone}` in it
are replaced; it is split as a shell would split it, but no shell runs. Without `--activlake` the peers are
compared among themselves, the fastest being 1.

Measured is the whole process from start to exit by the wall clock, and the peak resident memory of it
and all processes below it, sampled, or what it tells if that is more. Peers also tell their own seconds (without importing the
library or starting a JVM): that column is `own`, and ratios are of `own` for peers that tell it, which
favours them. If activlake's last line of output is JSON with `wall_s`, that is its `own` too.

Each round runs everybody once, in an order that turns by one every round, so that drift of the machine
hits all alike. All are bound to the CPUs given (default: the first `--threads` of those allowed), and
the usual thread variables are set. At the end all answers of the last round are compared: as sets of
rows by (user_id, local_date), every value exactly. Exit code 1 if any differs or fails.

The Python that runs the peers needs peers/requirements.txt; this script itself only pyarrow.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import date, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUITES = {
    "analysis": ["duckdb", "polars", "chdb", "chdbwindow", "spark", "datafusion"],
    "raw": ["duckdb", "polars", "chdb"],
}


def parse():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--input", required=True)
    arguments.add_argument("--activlake", help="command with {input}, {output}, {threads}")
    arguments.add_argument("--suite", choices=sorted(SUITES), default="analysis")
    arguments.add_argument("--peers", help="comma-separated; default: all of the suite")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--cpus", help="comma-separated CPU numbers")
    arguments.add_argument("--python", default=sys.executable)
    arguments.add_argument("--work", help="folder for the answers; default: a temporary one")
    arguments.add_argument("--timeout", type=float, default=3600.0, help="seconds a run")
    arguments.add_argument("--zone", default="UTC", help="suite raw: the zone of local days, {zone} in CMD")
    given = arguments.parse_args()
    if given.rounds < 1 or given.threads < 1:
        arguments.error("--rounds and --threads are at least 1")
    return given


def resident_kb(root):
    """Resident memory of a process and all below it, now."""
    parents, sizes = {}, {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except (OSError, ValueError):
            continue
        number = int(status.parent.name)
        parents[number] = int(lines.get("PPid", "0"))
        sizes[number] = int(lines.get("VmRSS", "0 kB").split()[0])
    family, grew = {root}, True
    while grew:
        more = {number for number, parent in parents.items() if parent in family} - family
        family |= more
        grew = bool(more)
    return sum(sizes.get(number, 0) for number in family)


def run(name, command, given, cpus):
    """One run: seconds by the clock, the run's own seconds if told, peak resident MB."""
    threads = str(given.threads)
    environment = {
        **os.environ,
        "POLARS_MAX_THREADS": threads,
        "RAYON_NUM_THREADS": threads,
        "TOKIO_WORKER_THREADS": threads,
        "OMP_NUM_THREADS": threads,
    }
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cpus),
    )
    peak, over = [0], threading.Event()

    def watch():
        # Sampled: a JVM below the run is seen too, which the kernel's record of the child is not.
        while not over.wait(0.05):
            peak[0] = max(peak[0], resident_kb(process.pid))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        output, errors = process.communicate(timeout=given.timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        errors += f"\nno answer within {given.timeout} s"
    wall = time.perf_counter() - began
    over.set()
    watcher.join()
    if process.returncode != 0:
        raise RuntimeError(f"{name}: exit code {process.returncode}\n{errors[-2000:]}")
    told = {}
    lines = output.strip().splitlines()
    if lines:
        try:
            told = json.loads("{" + lines[-1].partition("{")[2])
        except ValueError:
            told = {}
    own = told.get("wall_s", wall)
    # The run's own record misses nothing between two samples.
    peak_mb = max(peak[0] / 1024, told.get("peak_rss_mb", 0.0))
    return wall, own, peak_mb, told.get("engine", name)


def plain(value):
    """Equal instants and numbers compare equal whatever type the engine stored them as."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, date):
        return value.isoformat()
    return value


def answer(path, columns=None):
    """Rows by key, values in the order of `columns` (default: the file's)."""
    import pyarrow.parquet

    table = pyarrow.parquet.ParquetFile(path).read()
    names = columns or table.column_names
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise RuntimeError(f"{path}: no column {', '.join(missing)}")
    values = [[plain(value) for value in table[name].to_pylist()] for name in names]
    keys = zip(values[names.index("user_id")], values[names.index("local_date")])
    rows = dict(zip(keys, zip(*values)))
    if len(rows) != table.num_rows:
        raise RuntimeError(f"{path}: {table.num_rows - len(rows)} rows have a key that another has")
    return names, rows


def differences(first, other):
    """What differs between two answers, in words; None if nothing."""
    columns, expected = answer(first)
    _, found = answer(other, columns)
    if expected.keys() != found.keys():
        return (
            f"{len(expected.keys() - found.keys())} rows missing, "
            f"{len(found.keys() - expected.keys())} rows more"
        )
    wrong = [key for key, row in expected.items() if row != found[key]]
    if not wrong:
        return None
    key = min(wrong)
    cells = [
        f"{name}: {one} or {two}"
        for name, one, two in zip(columns, expected[key], found[key])
        if one != two
    ]
    return f"{len(wrong)} of {len(expected)} rows, first {key}: {'; '.join(cells)}"


def main():
    given = parse()
    names = given.peers.split(",") if given.peers else SUITES[given.suite]
    unknown = set(names) - set(SUITES[given.suite])
    if unknown:
        sys.exit(f"no such peer in suite {given.suite}: {', '.join(sorted(unknown))}")
    allowed = sorted(os.sched_getaffinity(0))
    cpus = [int(cpu) for cpu in given.cpus.split(",")] if given.cpus else allowed[: given.threads]
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(given.work or temporary)
        work.mkdir(parents=True, exist_ok=True)
        outputs = {name: work / f"{name}.parquet" for name in names}
        commands = {
            name: [
                given.python,
                str(HERE / "peers" / f"{name}_{given.suite}.py"),
                "--input",
                given.input,
                "--output",
                str(outputs[name]),
                "--threads",
                str(given.threads),
                *(["--zone", given.zone] if given.suite == "raw" else []),
            ]
            for name in names
        }
        if given.activlake:
            outputs["activlake"] = work / "activlake.parquet"
            texts = {
                "input": given.input,
                "output": str(outputs["activlake"]),
                "threads": str(given.threads),
                "zone": given.zone,
            }
            command = []
            for part in shlex.split(given.activlake):
                for key, text in texts.items():
                    part = part.replace("{" + key + "}", text)
                command.append(part)
            commands = {"activlake": command, **commands}
        order = list(commands)
        results = {name: [] for name in order}
        failed = {}
        for number in range(given.rounds):
            turn = number % len(order)
            for name in order[turn:] + order[:turn]:
                if name in failed:
                    continue
                outputs[name].unlink(missing_ok=True)
                try:
                    results[name].append(run(name, commands[name], given, cpus))
                except (RuntimeError, OSError) as error:
                    failed[name] = str(error)
                    print(f"{name} failed: {error}", file=sys.stderr)
                    continue
                wall, own, peak, _ = results[name][-1]
                print(f"round {number + 1} {name}: {wall:.2f} s, own {own:.2f} s, {peak:.0f} MB", file=sys.stderr)
        done = [name for name in order if name not in failed]
        if not done:
            sys.exit("nothing ran")
        own = {name: statistics.median(result[1] for result in results[name]) for name in done}
        base = "activlake" if "activlake" in done else min(own, key=own.get)
        print(f"| {given.suite} | own s (range) | wall s | peak MB | ÷ {base} |")
        print("|---|---|---|---|---|")
        for name in sorted(done, key=own.get):
            mine = results[name]
            least, most = min(result[1] for result in mine), max(result[1] for result in mine)
            # Ratios within a round, then their median: what slows a whole round cancels.
            ratio = statistics.median(
                result[1] / other[1] for result, other in zip(mine, results[base])
            )
            print(
                f"| {mine[-1][3]} | {own[name]:.2f} ({least:.2f}–{most:.2f}) "
                f"| {statistics.median(result[0] for result in mine):.2f} "
                f"| {statistics.median(result[2] for result in mine):.0f} | {ratio:.2f} |"
            )
        print(f"\n{given.rounds} rounds, interleaved; {given.threads} threads on CPUs {cpus}.")
        same = not failed
        for name in done:
            if name == base:
                continue
            try:
                found = differences(outputs[base], outputs[name])
            except (RuntimeError, OSError) as error:
                found = str(error)
            if found:
                same = False
                print(f"DIFFERENT: {name} from {base}: {found}")
        rows = len(answer(outputs[base])[1])
        print(f"Answers: {'all the same' if same else 'NOT the same'}, {rows} rows of {base}.")
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
