#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The main job on real data: a deployment on this machine (one coordinator, four clients,
# encrypted), then a simulation that compares LoRAE with full-parameter federated training.
set -euo pipefail
cd "$(dirname "$0")/.."

LORAE_PROGRAMS_ONLY=1 scripts/build.sh release
bin=$PWD/build/release/bin
work=$PWD/build/demo
mkdir -p "$work"
export LORAE_HOME=$work/home
rounds=3
endpoint=tcp://127.0.0.1:7227

echo
echo "== 1. a deployment on loopback: one coordinator, four clients, $rounds rounds =="
pids=()
stop() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; }
trap stop EXIT
for name in a b c d; do
  "$bin/lorae-client" --name "$name" --coordinator "$endpoint" 2>"$work/client-$name.log" &
  pids+=($!)
done
"$bin/lorae-coordinator" --config configs/quickstart.toml --bind "$endpoint" --rounds "$rounds" \
  --min-clients 4 --set federation.cohort=4 --fresh
for pid in "${pids[@]}"; do wait "$pid"; done
pids=()
echo "clients' logs: $work/client-*.log"

echo
echo "== 2. a simulation: 20 clients, LoRAE beside full-parameter training =="
rm -rf "$work/quickstart"
"$bin/lorae-simulate" configs/quickstart.toml --out "$work/quickstart"
