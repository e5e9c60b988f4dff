#!/usr/bin/env python3
"""Row E: time and memory of `run --full-refresh` at several sizes, with the memory limit at its default.

    sizes.py --activlake activlake --dir DIR --sizes 50x10,100x10,200x20 [--rounds 1] [--threads 2]
             [--cpus 0,1] [--keep]

A size is users x days of the demo company, made in DIR/USERSxDAYS by `activlake demo`, and kept for the
next time with `--keep`. Measured is the whole process from start to exit, twice a round:

  * from nothing: what is computed is removed from the lake first, so that all of it is written;
  * again: everything is computed and compared with what is there, and nothing is written.

Peak memory is the process's greatest resident set. Several rounds: the median of the seconds, the most of
the memory. Exit code 1 if anything fails or a run of the second kind wrote something.
"""

import argparse
import os
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def parse():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--activlake", required=True, help="the program; settings come from the demo")
    arguments.add_argument("--dir", required=True, help="folder for the demo lakes")
    arguments.add_argument("--sizes", required=True, help="comma-separated USERSxDAYS")
    arguments.add_argument("--rounds", type=int, default=1)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--cpus", help="comma-separated CPU numbers; default: the first of those allowed")
    arguments.add_argument("--keep", action="store_true", help="do not remove the lakes afterwards")
    given = arguments.parse_args()
    if given.rounds < 1 or given.threads < 1:
        arguments.error("--rounds and --threads are at least 1")
    given.sizes = given.sizes.split(",")
    for size in given.sizes:
        if not re.fullmatch(r"[1-9]\d*x[1-9]\d*", size):
            arguments.error(f"a size is USERSxDAYS, not {size!r}")
    return given


def call(command):
    """Standard output of a run; its errors if it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


def measured(command, environment):
    """Seconds, peak resident MB and output of a run."""
    with tempfile.TemporaryFile("w+") as output:
        began = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        # The kernel's record of the one process there is: sampling, as compare.py needs it, would miss peaks.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {process.returncode}\n{text[-2000:]}")
    return seconds, usage.ru_maxrss / 1024, text


def main():
    given = parse()
    allowed = sorted(os.sched_getaffinity(0))
    cpus = [int(cpu) for cpu in given.cpus.split(",")] if given.cpus else allowed[: given.threads]
    os.sched_setaffinity(0, cpus)
    environment = {**os.environ, "TOKIO_WORKER_THREADS": str(given.threads)}
    activlake = shlex.split(given.activlake)
    lines, failed, limit = [], [], "limits.memory not known"
    for size in given.sizes:
        folder = Path(given.dir) / size
        users, days = size.split("x")
        lake = [*activlake, "--config", str(folder / "activlake.toml"), "--lake", str(folder / "lake")]
        runs = {"nothing": [], "again": []}
        try:
            call([*activlake, "demo", "--users", users, "--days", days, "--no-serve", "--dir", str(folder)])
            settings = call([*lake, "config", "show"])
            limit = " ".join(re.search(r"^limits\.memory = .*", settings, re.MULTILINE)[0].split())
            counted = call([*lake, "sql", "-c", "select count(*) as events from events", "--format", "csv"])
            events = int(counted.split()[-1])
            for number in range(given.rounds):
                for kind in runs:
                    if kind == "nothing":
                        shutil.rmtree(folder / "lake" / "models")
                    threads = ["--set", f"limits.threads={given.threads}"]
                    run = measured([*lake, *threads, "run", "--full-refresh"], environment)
                    runs[kind].append(run)
                    print(f"{size} round {number + 1} {kind}: {run[0]:.2f} s, {run[1]:.0f} MB", file=sys.stderr)
                    wrote = "nothing was written" not in run[2]
                    if wrote != (kind == "nothing"):
                        raise RuntimeError(f"{size}, {kind}: wrote {'something' if wrote else 'nothing'}\n{run[2]}")
        except (RuntimeError, OSError) as error:
            failed.append(f"{size}: {error}")
            print(f"{size} failed: {error}", file=sys.stderr)
            continue
        finally:
            if not given.keep:
                shutil.rmtree(folder, ignore_errors=True)
        cells = [f"{users} × {days}", f"{events:,}"]
        for done in runs.values():
            seconds = statistics.median(run[0] for run in done)
            peak = max(run[1] for run in done)
            cells += [f"{seconds:.2f}", f"{events / seconds:,.0f}", f"{peak:.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    print("| users × days | events | from nothing s | events/s | peak MB | again s | events/s | peak MB |")
    print("|---|---|---|---|---|---|---|---|")
    print("\n".join(lines))
    print(f"\n{given.rounds} rounds; {given.threads} threads on CPUs {cpus}; {limit}.")
    for why in failed:
        print(f"FAILED: {why.splitlines()[0]}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
