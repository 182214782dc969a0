#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# scripts/paper.sh says what is missing and how sets must lie, and sweeps what is there. Usage: paper_test.sh ROOT
set -euo pipefail
script=$1/scripts/paper.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/sets"
printf '#!/bin/sh\necho "$@" >> "%s/said"\nexit "$(cat "%s/status")"\n' "$work" "$work" >"$work/bin/lorae"
chmod +x "$work/bin/lorae"
export LORAE_BIN=$work/bin

expect() {  # STATUS TEXT COMMAND...
  local status=0
  "${@:3}" >"$work/output" 2>&1 || status=$?
  if [ "$status" != "$1" ] || ! grep -qF -- "$2" "$work/output"; then
    echo "${*:3}: expected $1 and '$2', got $status and:"
    cat "$work/output"
    exit 1
  fi
}

expect 64 "Usage: paper.sh ROOT" "$script"
expect 64 "no folder" "$script" "$work/none"
expect 78 "missing  $work/sets/VOCdevkit" "$script" "$work/sets"
grep -q "ROOT/weights" "$work/output"
mkdir "$work/sets/carparts-seg" "$work/sets/cifar-100-binary"
echo 0 >"$work/status"
expect 0 "found    $work/sets/carparts-seg" "$script" "$work/sets" --device cpu
[ "$(cut -d' ' -f1,2,3,4 "$work/said" | tr '\n' ';')" = "sweep configs/paper/classification.toml --data $work/sets;sweep configs/paper/segmentation.toml --data $work/sets;" ]
[ "$(grep -c -- '--skip-missing --device cpu$' "$work/said")" = 2 ]
echo 78 >"$work/status"
rm "$work/said"
expect 78 "== segmentation ==" "$script" "$work/sets"  # the first one's failure does not end it
echo 130 >"$work/status"
rm "$work/said"
expect 130 "== classification ==" "$script" "$work/sets"
[ "$(wc -l <"$work/said")" = 1 ]
