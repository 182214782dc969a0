#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The coordinator of this tree beside that of an earlier commit, in turn, five times each; prints medians.
# Usage: bench/coordinator.sh [EARLIER]     default: f389ead, the last one that averaged in order
set -euo pipefail
cd "$(dirname "$0")/.."
earlier=${1:-f389ead}
work=$PWD/build/bench_coordinator
mkdir -p "$work"
cmake --preset dev >/dev/null
cmake --build --preset dev --parallel "$(nproc)" --target bench_coordinator >"$work/build.log"
if [ ! -x "$work/before/build/dev/bin/bench_coordinator" ]; then
  rm -rf "$work/before"
  git clone -q . "$work/before"
  git -C "$work/before" checkout -q "$earlier"
  cp bench/coordinator.cpp "$work/before/bench/"
  cat >>"$work/before/bench/CMakeLists.txt" <<'CMAKE'
add_executable(bench_coordinator coordinator.cpp)
target_link_libraries(bench_coordinator PRIVATE lorae::coordinator lorae_warnings)
lorae_use_torch(bench_coordinator PRIVATE)
lorae_use_allocator(bench_coordinator)
CMAKE
  (cd "$work/before" && cmake --preset dev >/dev/null &&
    cmake --build --preset dev --parallel "$(nproc)" --target bench_coordinator) >"$work/before.log"
fi
for i in 1 2 3 4 5; do
  "$work/before/build/dev/bin/bench_coordinator" "$work" | sed "s/^/before /"
  build/dev/bin/bench_coordinator "$work" | sed "s/^/now /"
done | tee "$work/runs.txt" | python3 -c '
import statistics, sys
values = {}
for line in sys.stdin:
    tree, name, value = line.split()
    values.setdefault((tree, name), []).append(float(value))
median = {key: statistics.median(v) for key, v in values.items()}
for key, value in median.items():
    print(*key, f"{value:.1f}")
ratio = median["now", "update_us"] / median["before", "update_us"]
print(f"update: now / before {ratio:.2f}")
for tree in ("before", "now"):
    ratio = median[tree, "bookkeeping_late_us"] / median[tree, "bookkeeping_early_us"]
    print(f"bookkeeping of rounds 191 to 200 / 2 to 11, {tree}: {ratio:.2f}")
'
