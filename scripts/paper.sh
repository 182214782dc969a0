#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The paper's tables 2 to 7 with the data sets that lie under ROOT; goes on where it stopped.
# Usage: paper.sh ROOT [ARGUMENTS OF lorae sweep...]
#        paper.sh --small [ARGUMENTS...]    the same on sets that this machine composes, small models
# LORAE_BIN: the folder of built programs, else they are built. Results: build/paper/NAME/sweep.html.
set -euo pipefail
root=${1:-}
[ -z "$root" ] || [ "$root" = --small ] || root=$(realpath -m "$root")
self=$(realpath "$0")
[ -z "${LORAE_BIN:-}" ] || LORAE_BIN=$(realpath "$LORAE_BIN")
cd "$(dirname "$self")/.."
bin=${LORAE_BIN:-$PWD/build/release/bin}
out=$PWD/build/paper

how() {
  cat <<'END'
The sets lie under ROOT, any of them, as docs/data_formats.md describes their files:
  ROOT/cifar-100-binary   CIFAR-100, binary version           tables 2 and 5
  ROOT/VOCdevkit          VOC2007 and VOC2012 with test.txt   tables 3 and 6
  ROOT/GlobalWheat2020    images/ethz_1 and so on             tables 3 and 6
  ROOT/crack-seg          YOLO format, one class              tables 4 and 7
  ROOT/carparts-seg       YOLO format, 23 classes             tables 4 and 7
  ROOT/weights            NAME.safetensors for each model, such as yolo11n.safetensors
                          (scripts/export_weights.py, lorae weights convert)
docs/paper.md says where they come from.
END
}

build() {
  [ -n "${LORAE_BIN:-}" ] || LORAE_PROGRAMS_ONLY=1 scripts/build.sh release
}

# A model in full on pictures of another domain: what the small sweep starts from.
backbone() {  # MODEL DATA ARGUMENTS...
  local to=$out/small-data/backbones/$1 resume=()
  [ -e "$out/small-data/weights/$1.safetensors" ] && return
  [ ! -e "$to/config.toml" ] || resume=(--resume)
  "$bin/lorae" train "$2" --model "$1" --kind full --out "$to" "${@:3}" "${resume[@]}"
  cp "$to/best.safetensors" "$to/copied" && mv "$to/copied" "$out/small-data/weights/$1.safetensors"
}

# What was interrupted has no README yet.
scenes() {  # FOLDER ARGUMENTS...
  [ -e "$1/README.txt" ] || { rm -rf "$1" && "$bin/lorae" data scenes "$@"; }
}

small() {
  local data=$out/small-data model
  mkdir -p "$data/weights"
  scenes "$data/public" --images 400 --val 60 --image-size 128 --seed 1
  scenes "$data/scenes" --images 100 --val 60 --image-size 128 --domain 2 --seed 2
  [ -e "$data/pictures" ] || { rm -rf "$data/part" && scripts/small_pictures.py "$data/part" 100 && mv "$data/part" "$data/pictures"; }
  for model in yolov8n yolo11n yolov8n-seg yolo11n-seg; do
    backbone "$model" "$data/public" --image-size 128 --epochs 20 --batch 16 --set train.nominal_batch=16
  done
  for model in yolov8n-cls yolo11n-cls; do
    backbone "$model" /usr/share/datasets/fashion-mnist --recipe paper-cls --epochs 1 --steps 300 --batch 64
  done
  "$bin/lorae" sweep configs/paper/small.toml --data "$data" --out "$out/small" "$@"
}

if [ -z "$root" ] || { [ "$root" != --small ] && [ ! -d "$root" ]; }; then
  [ -z "$root" ] || echo "no folder '$root'" >&2
  sed -n '3,6s/^# //p' "$self" >&2
  how >&2
  exit 64
fi
shift
if [ "$root" = --small ]; then
  build
  small "$@"
  exit
fi

declare -A there=()
for set in classification:cifar-100-binary detection:VOCdevkit detection:GlobalWheat2020 segmentation:crack-seg \
  segmentation:carparts-seg; do
  if [ -e "$root/${set#*:}" ]; then
    echo "found    $root/${set#*:}"
    there[${set%%:*}]=1
  else
    echo "missing  $root/${set#*:}"
  fi
done
if [ ${#there[@]} = 0 ]; then
  how >&2
  exit 78
fi
build
status=0
for name in classification detection segmentation; do
  [ -n "${there[$name]:-}" ] || continue
  echo
  echo "== $name =="
  one=0
  "$bin/lorae" sweep "configs/paper/$name.toml" --data "$root" --out "$out/$name" --skip-missing "$@" || one=$?
  [ "$one" != 130 ] || exit 130
  [ "$one" = 0 ] || status=$one
done
exit "$status"
