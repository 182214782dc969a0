#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: check_format.sh ROOT    lists files that clang-format would change
set -euo pipefail
cd "$1"
find . -path './build*' -prune -o -path './.*' -prune -o \
  \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' \) -print0 |
  xargs -0 clang-format --dry-run --Werror
