#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs a build into a folder of its own, then configures, builds and runs an outside project
# that only knows find_package(lorae). Usage: find_package.sh SOURCE BUILD [CMAKE ARGUMENTS...]
set -euo pipefail
source=$1 build=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake --install "$build" --prefix "$folder/installed" >/dev/null
"$folder/installed/bin/lorae-coordinator" --help >/dev/null
cmake -S "$source/tests/install/project" -B "$folder/outside" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_PREFIX_PATH="$folder/installed;${3:-}" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
cmake --build "$folder/outside"
"$folder/outside/outside"
