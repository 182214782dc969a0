#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Client trainings per second of the quickstart: our simulator beside a plain PyTorch loop, one
# after the other in one run, both with two threads of work and 200 images per client. Prints the
# ratio, then how we scale.
# Usage: bench/compare_pytorch.sh PYTHON    a Python that can import torch (CPU)
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:?usage: bench/compare_pytorch.sh PYTHON}
rounds=${ROUNDS:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ours() {  # METHOD THREADS -> trainings per second
  rm -rf "$work/out"
  build/release/bin/lorae-simulate configs/quickstart.toml --home "$work/home" --out "$work/out" \
    --set federation.rounds="$rounds" --set simulation.threads="$2" --set simulation.baseline="$1" \
    --set data.partition=iid --method "$1" 2>"$work/log" >/dev/null
  sed -n 's/.*run.speed.* per_second=\([0-9.]*\).*/\1/p' "$work/log"
}

theirs() {  # METHOD WORKERS -> trainings per second
  "$python" bench/pytorch_loop.py --method "$1" --workers "$2" --rounds "$rounds" --dirichlet 1e6 |
    sed -n 's/.*"trainings_per_second": \([0-9.]*\).*/\1/p'
}

echo "load before: $(cut -d' ' -f1-3 /proc/loadavg); cores: $(nproc); rounds: $rounds"
ours lorae 2 >/dev/null  # makes the backbone, warms the caches
for method in lorae full; do
  first=$(ours "$method" 2)
  peer=$(theirs "$method" 2)
  second=$(ours "$method" 2)
  echo "$method: ours $first and $second, PyTorch $peer trainings/s with 2 workers;" \
    "ratio $(awk "BEGIN { printf \"%.2f\", ($first + $second) / 2 / $peer }")"
done
for threads in 1 2; do
  echo "lorae with $threads thread(s): $(ours lorae "$threads") trainings/s"
done
echo "load after: $(cut -d' ' -f1-3 /proc/loadavg)"
