#!/bin/sh
# Row B by the product's own path: `run` from the raw events on, with everything it stores on the way
# (events by local day, activities, the analysis) and the checks; only that is timed. Days are counted
# in the account's zone, as the peers count them. The answers are then exported for the comparison.
#   raw.sh ACTIVLAKE LAKE AS_OF OUTPUT THREADS
set -eu
here=$(dirname "$0")
activlake="$1 --lake $2 --as-of $3 --set limits.threads=$5 --set account.timezone_mode=account"
rm -rf "$2/models"
before=$(date +%s.%N)
$activlake run --select int_analysed_days >/dev/null
after=$(date +%s.%N)
$activlake sql -f "$here/analysis.sql" --format parquet -o "$4" >/dev/null
echo "{\"wall_s\": $(echo "$after - $before" | bc)}"
