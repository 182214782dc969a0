#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs, builds and runs every test. Usage: scripts/test.sh [PRESET] [CTEST ARGUMENTS...]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-ci}

scripts/build.sh "$preset"
ctest --preset "$preset" --parallel "$(nproc)" "${@:2}"
