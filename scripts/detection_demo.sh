#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Detection end to end on pictures that this machine composes: a backbone on one domain, then ten
# devices that adapt it to another, LoRAE beside full-parameter training. Usage: [EPOCHS [ROUNDS]]
set -euo pipefail
cd "$(dirname "$0")/.."
epochs=${1:-45}
rounds=${2:-20}

LORAE_PROGRAMS_ONLY=1 scripts/build.sh release
bin=$PWD/build/release/bin
work=$PWD/build/detection
mkdir -p "$work"
export LORAE_HOME=$work/home
scenes() {  # FOLDER ARGUMENTS...; what was interrupted has no README yet
  [ -e "$1/README.txt" ] || { rm -rf "$1" && "$bin/lorae" data scenes "$@"; }
}
scenes "$work/public" --images 900 --val 150 --domain 0 --seed 1
scenes "$work/private" --images 400 --val 500 --domain 2 --seed 2

echo
echo "== 1. a backbone: yolov8n on 900 pictures of domain 0, $epochs epochs =="
resume=()
[ ! -e "$work/backbone/config.toml" ] || resume=(--resume)
"$bin/lorae" train "$work/public" --model yolov8n --kind full --image-size 160 --epochs "$epochs" --batch 16 \
  --out "$work/backbone" "${resume[@]}"

echo
echo "== 2. ten devices adapt it to domain 2, $rounds rounds =="
"$bin/lorae" val "$work/private" --weights "$work/backbone/ema.safetensors" | head -4
"$bin/lorae-simulate" configs/detection.toml --set "federation.rounds=$rounds" --out "$work/run" --resume

echo
echo "== 3. what the adapted detector sees =="
"$bin/lorae" predict "$work/private/images/val" --run "$work/run/runs/lorae-r8-seed0" --save "$work/seen" | tail -3
echo "pictures: $work/seen"
