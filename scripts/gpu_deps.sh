#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Packs what the build needs beside LibTorch and CUDA into a folder, for a machine with a GPU and without a network:
# unpacked Debian packages with all that they depend on, C library aside. Usage: scripts/gpu_deps.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-build-deps}
mkdir -p "$folder/packages"

# LibTorch, compilers and the C library are the other machine's own.
skip='^(libtorch.*|libopenblas.*|clang.*|libclang.*|libllvm.*|gcc.*|g\+\+.*|cpp.*|build-essential|cmake.*|ninja-build|git.*|python3.*|libpython3.*|ccache|ca-certificates|libc6.*|libc-.*|libgcc.*|libstdc\+\+.*|perl.*|libperl.*|dpkg.*|debconf|binutils.*|systemd.*|libsystemd.*|udev|linux-.*|nvidia-.*)$'
wanted=$(grep -v '^#' scripts/packages.txt | grep -vE "$skip")
closure=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
  --no-enhances $wanted | grep -E '^[a-z0-9]' | sort -u | grep -vE "$skip")
for package in $closure; do
  (cd "$folder/packages" && ls "${package}"_*.deb >/dev/null 2>&1 || apt-get download -q "$package" >/dev/null 2>&1 || true)
done
for file in "$folder"/packages/*.deb; do
  dpkg-deb -x "$file" "$folder"
done
rm -rf "$folder/packages" "$folder/usr/share/doc" "$folder/usr/share/man"
du -sh "$folder"
