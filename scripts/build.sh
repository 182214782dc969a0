#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: scripts/build.sh [PRESET]    programs go to build/PRESET/bin; default: release
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}

scripts/install.sh
targets=()
if [ "${LORAE_PROGRAMS_ONLY:-}" = 1 ]; then
  targets=(--target lorae lorae-coordinator lorae-client lorae-simulate)
fi
cmake --preset "$preset"
cmake --build --preset "$preset" --parallel "$(nproc)" "${targets[@]}"
