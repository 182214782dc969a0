#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the tests that train under three roundings: as a processor without AVX2 would compute, as one
# with AVX2, and as this one does by itself. Processors differ in the last bits of every training;
# no test may depend on them. Build first: scripts/test.sh, or scripts/build.sh ci.
# Usage: scripts/test_roundings.sh [REPETITIONS] [CTEST ARGUMENTS...]
#   scripts/test_roundings.sh                              each test once
#   scripts/test_roundings.sh 20 -R '^(simulation|client)'  20 times, until one fails
set -euo pipefail
cd "$(dirname "$0")/.."
repetitions=${1:-1}
which=("${@:2}")
if [ ${#which[@]} -eq 0 ]; then
  which=(-R '^(tasks|training|experiment|simulation|client|coordinator|integration)')
fi

under() {  # NAME VARIABLE=VALUE...
  echo
  echo "== $1: ${*:2} =="
  env "${@:2}" ctest --preset ci --parallel "$(nproc)" --repeat "until-fail:$repetitions" "${which[@]}"
}

under "without AVX2" LORAE_CPU=any ATEN_CPU_CAPABILITY=default DNNL_MAX_CPU_ISA=SSE41 \
  OPENBLAS_CORETYPE=Nehalem
if grep -qw avx2 /proc/cpuinfo; then
  under "AVX2" LORAE_CPU=avx2 ATEN_CPU_CAPABILITY=avx2 DNNL_MAX_CPU_ISA=AVX2 OPENBLAS_CORETYPE=Haswell
fi
under "this processor" LORAE_CPU=
echo "the same under three roundings"
