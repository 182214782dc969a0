#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Shows that commits named "move:" move code and nothing else: the digests of every run of a 3-round
# quickstart before and after each of them are equal.
# Usage: scripts/same_digest.sh FROM..TO [FOLDER]    FOLDER: for clones and results; default: build/same_digest
set -euo pipefail
cd "$(dirname "$0")/.."
range=${1:?usage: scripts/same_digest.sh FROM..TO [FOLDER]}
work=${2:-build/same_digest}
mkdir -p "$work"
work=$(cd "$work" && pwd)

digests() {  # COMMIT: leaves "method seed digest" lines in its folder
  local out=$work/$1
  if [ ! -e "$out/digests" ]; then
    rm -rf "$work/tree" "$out"
    git clone -q --no-checkout . "$work/tree"
    git -C "$work/tree" checkout -q "$1"
    (cd "$work/tree" && LORAE_PROGRAMS_ONLY=1 scripts/build.sh release) >"$work/build.log" 2>&1 ||
      { tail -20 "$work/build.log" >&2; exit 1; }
    "$work/tree/build/release/bin/lorae-simulate" "$work/tree/configs/quickstart.toml" --home "$work/home" --out "$out" \
      --set federation.rounds=3 --set data.test_images=200 >"$work/run.log" 2>&1 || { tail -20 "$work/run.log" >&2; exit 1; }
    python3 -c 'import json, sys
for run in json.load(open(sys.argv[1]))["runs"]: print(run["name"], run["seed"], run["digest"])' \
      "$out/comparison.json" >"$out/digests"
  fi
}

moves=$(git log --reverse --format=%H --grep='^move:' "$range")
[ -n "$moves" ] || { echo "no commit named move: in $range"; exit 0; }
failed=0
for commit in $moves; do
  before=$(git rev-parse "$commit^")
  digests "$before"  # one after the other: they share a tree
  digests "$commit"
  if diff "$work/$before/digests" "$work/$commit/digests" >"$work/difference"; then
    echo "same       $(git log -1 --format='%h %s' "$commit")"
  else
    echo "DIFFERENT  $(git log -1 --format='%h %s' "$commit")"
    cat "$work/difference"
    failed=1
  fi
done
exit $failed
