#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs, builds, lets clang-tidy read what is free of LibTorch, and runs every test. Usage: scripts/test.sh [PRESET] [CTEST ARGUMENTS...]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-ci}

scripts/build.sh "$preset"
cmake --build --preset "$preset" --parallel "$(nproc)" --target tidy
ctest --preset "$preset" --parallel "$(nproc)" "${@:2}"
