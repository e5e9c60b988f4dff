#!/bin/sh
# Row A by the product's own path: `run` computes and stores int_analysed_days from int_activities and
# makes its checks; only that is timed. The answers are then exported for the comparison.
#   analysis.sh ACTIVLAKE LAKE AS_OF OUTPUT THREADS
set -eu
here=$(dirname "$0")
activlake="$1 --lake $2 --as-of $3 --set limits.threads=$5"
rm -rf "$2/models/int_analysed_days"
before=$(date +%s.%N)
$activlake run --select int_analysed_days >/dev/null
after=$(date +%s.%N)
$activlake sql -f "$here/analysis.sql" --format parquet -o "$4" >/dev/null
echo "{\"wall_s\": $(echo "$after - $before" | bc)}"
