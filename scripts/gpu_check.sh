#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What only a machine with a GPU can show, in at most 8 minutes, without a network: builds against python3's torch with
# CUDA, runs the tests that need a GPU, and measures throughput beside PyTorch in Python, in the same run.
# Usage: scripts/gpu_check.sh [--only build|tests|classification|federation] [OUT]
#   DEPS (default build-deps): what scripts/gpu_deps.sh packed, if the machine lacks the libraries.
set -euo pipefail
cd "$(dirname "$0")/.."
only=
if [ "${1:-}" = --only ]; then
  only=${2:-}
  shift
  [ $# = 0 ] || shift
  case $only in
    build | tests | classification | federation) ;;
    *) echo "--only: expected build, tests, classification or federation, got '$only'" >&2; exit 64 ;;
  esac
fi
out=${1:-build/gpu_check}
deps=$PWD/${DEPS:-build-deps}
build=$PWD/build/gpu
mkdir -p "$out"
wanted() { [ -z "$only" ] || [ "$only" = "$1" ]; }

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
    "$build"/bin/$test --gtest_brief=1 2>&1 | tee -a "$out/tests.log"
  done
fi
if wanted classification; then
  python3 bench/gpu_training.py --lorae "$build/bin/lorae" --out "$out/training" | tee "$out/training.log"
fi
if wanted federation; then
  python3 bench/gpu_federation.py --simulate "$build/bin/lorae-simulate" --out "$out/federation" | tee "$out/federation.log"
fi
