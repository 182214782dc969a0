#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What only a machine with a GPU can show, without a network: builds against python3's torch with CUDA, runs the tests
# that need a GPU, and measures the device beside the CPU and beside PyTorch in Python, in the same run. Names each goal
# that is missed, goes on, and ends with 1; ends with 124 after LIMIT seconds (default 480).
# Usage: scripts/gpu_check.sh [--only build|tests|classification|detection|federation] [OUT]
#   DEPS (default build-deps): what scripts/gpu_deps.sh packed, if the machine lacks the libraries.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${GPU_CHECK_LIMITED:-}" ]; then
  GPU_CHECK_LIMITED=1 timeout "${LIMIT:-480}" scripts/gpu_check.sh "$@" &
  limited=$!
  trap 'kill $limited' INT TERM
  status=0
  wait "$limited" || status=$?
  [ $status != 124 ] || echo "gpu_check: not done after ${LIMIT:-480} s; --only runs one part" >&2
  exit $status
fi
only=
if [ "${1:-}" = --only ]; then
  only=${2:-}
  shift
  [ $# = 0 ] || shift
  case $only in
    build | tests | classification | detection | federation) ;;
    *) echo "--only: expected build, tests, classification, detection or federation, got '$only'" >&2; exit 64 ;;
  esac
fi
out=${1:-build/gpu_check}
deps=$PWD/${DEPS:-build-deps}
build=$PWD/build/gpu
missed=0
mkdir -p "$out"
wanted() { [ -z "$only" ] || [ "$only" = "$1" ]; }
# measure NAME COMMAND...: its output is kept and shown; a status other than 0 is a goal that is missed.
measure() { "${@:2}" 2>&1 | tee "$out/$1.log" || { missed=1; echo "gpu_check: MISSED $1" >&2; }; }

torch=$(python3 -c 'import os, torch; print(os.path.dirname(torch.__file__))')
libraries=$deps/usr/lib/x86_64-linux-gnu
if [ -d "$deps/usr" ]; then
  export PKG_CONFIG_PATH=$libraries/pkgconfig:$deps/usr/share/pkgconfig PKG_CONFIG_SYSROOT_DIR=$deps
  export CMAKE_PREFIX_PATH=$torch:$deps/usr CPATH=$deps/usr/include LIBRARY_PATH=$libraries
  export LD_LIBRARY_PATH=$libraries:$libraries/hdf5/serial:${LD_LIBRARY_PATH:-}
fi
export CMAKE_PREFIX_PATH=${CMAKE_PREFIX_PATH:-$torch}

if wanted build || [ ! -x "$build/bin/lorae" ]; then
  cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DLORAE_CUDA=ON >"$out/configure.log"
  cmake --build "$build" --parallel "$(nproc)" --target lorae lorae-simulate test_models test_training test_aggregation \
    test_exact_sum test_tensors >"$out/build.log" || { tail -30 "$out/build.log"; exit 1; }
fi

if wanted tests; then
  for test in "test_models --gtest_filter=*Gpu*" "test_training --gtest_filter=OnAGpu*" "test_aggregation" \
    "test_exact_sum --gtest_filter=*Cuda*" "test_tensors --gtest_filter=Device*"; do
    # shellcheck disable=SC2086
    measure "${test%% *}" "$build"/bin/$test --gtest_brief=1
  done
fi
if wanted classification; then
  measure classification python3 bench/gpu_training.py --lorae "$build/bin/lorae" --out "$out/training"
fi
if wanted detection; then
  measure detection python3 bench/gpu_detection.py --lorae "$build/bin/lorae" --out "$out/detection"
fi
if wanted federation; then
  measure federation python3 bench/gpu_federation.py --simulate "$build/bin/lorae-simulate" --out "$out/federation"
fi
exit "$missed"
