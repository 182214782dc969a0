#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the fuzz targets with clang and runs each. Usage: scripts/fuzz.sh [SECONDS_PER_TARGET]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-600}

scripts/install.sh clang
cmake --preset fuzz
cmake --build --preset fuzz
for target in build/fuzz/bin/fuzz_*; do
  name=$(basename "$target")
  corpus=build/fuzz/corpus/${name#fuzz_}
  mkdir -p "$corpus"
  cp -n fuzz/seeds/"${name#fuzz_}"/* "$corpus"/
  echo "== $name, $seconds s"
  "$target" -max_total_time="$seconds" -max_len=4096 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/$name-" "$corpus" 2>&1 | tail -12
done
