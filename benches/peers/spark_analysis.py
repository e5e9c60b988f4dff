#!/usr/bin/env python3
"""Peer: PySpark, local mode. Runs spark_analysis.sql over a folder of Parquet files by local day.

    spark_analysis.py --input DIR --output FILE.parquet --threads N [--memory 8g]

Needs Java 17 or newer. Prints one line of JSON: wall seconds of computing and writing (the session
exists then: starting the JVM takes seconds that a cluster has long spent; `start_s` tells them), and
the peak resident memory of the JVM plus this process.
"""

import argparse
import json
import resource
import shutil
import sys
import time
from pathlib import Path

from pyspark import __version__
from pyspark.sql import SparkSession

arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
arguments.add_argument("--input", required=True)
arguments.add_argument("--output", required=True)
arguments.add_argument("--threads", type=int, default=2)
arguments.add_argument("--memory", default="8g")
given = arguments.parse_args()

began = time.perf_counter()
spark = (
    SparkSession.builder.master(f"local[{given.threads}]")
    .config("spark.driver.memory", given.memory)
    # On two cores the default collector's concurrent threads take more than they give.
    .config("spark.driver.extraJavaOptions", "-XX:+UseParallelGC")
    .config("spark.ui.enabled", "false")
    .config("spark.log.level", "ERROR")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.sql.session.timeZone", "UTC")
    # One partition of work per core and wave: 200 small ones would cost more than they compute.
    .config("spark.sql.shuffle.partitions", str(4 * given.threads))
    .config("spark.sql.adaptive.enabled", "true")
    .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    .config("spark.sql.ansi.enabled", "false")
    .getOrCreate()
)
spark.sql("select 1").collect()
started = time.perf_counter()
spark.read.parquet(given.input).createOrReplaceTempView("files")
spark.sql(
    """
    create temporary view activity as
    select
        cast(local_date as date) as local_date,
        user_id,
        unix_seconds(start) as s,
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
)
text = (Path(__file__).parent / "spark_analysis.sql").read_text()
# Comments go first: one of them has a semicolon.
text = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
*steps, answer = text.split(";")
for step in steps:
    spark.sql(step)
folder = f"{given.output}.parts"
spark.sql(answer).coalesce(1).write.mode("overwrite").parquet(folder)
(part,) = Path(folder).glob("part-*.parquet")
shutil.move(part, given.output)
shutil.rmtree(folder)
ended = time.perf_counter()

# The JVM is not a child that has been waited for: the kernel's own record of it, before it stops.
jvm = spark.sparkContext._gateway.proc.pid
peak_kb = 0
try:
    for process in Path("/proc").glob("[0-9]*/status"):
        lines = dict(line.split(":", 1) for line in process.read_text().splitlines() if ":" in line)
        if process.parent.name == str(jvm) or lines.get("PPid", "").strip() == str(jvm):
            peak_kb = max(peak_kb, int(lines.get("VmHWM", "0 kB").split()[0]))
except OSError:
    peak_kb = 0
spark.stop()
print(
    json.dumps(
        {
            "engine": f"pyspark {__version__}",
            "wall_s": round(ended - started, 4),
            "start_s": round(started - began, 4),
            "peak_rss_mb": round((peak_kb + resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024, 1),
        }
    )
)
sys.stdout.flush()
