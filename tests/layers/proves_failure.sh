#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Proves that check_layers.py can fail: plants one violation at a time in a copy of the headers.
# Usage: proves_failure.sh ROOT
set -euo pipefail
root=$1
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy/tests"
cp -r "$root/tests/layers" "$copy/tests/layers"
for room in base wire codec runs tensors aggregation client coordinator models; do
  for header in "$root/$room"/*.h "$root/$room"/*/*.h; do
    [ -e "$header" ] || continue
    mkdir -p "$copy/$(dirname "${header#"$root"/}")"
    cp "$header" "$copy/${header#"$root"/}"
  done
done

expect_failure() {  # MESSAGE FILE TEXT
  printf '%s\n' "$3" > "$copy/$2"
  if output=$(python3 "$copy/tests/layers/check_layers.py" "$copy"); then
    echo "not noticed: $2: $3" >&2; exit 1
  fi
  grep -qF "$1" <<<"$output" || { echo "wrong message for $2: $output" >&2; exit 1; }
  rm "${copy:?}/$2"
}

python3 "$copy/tests/layers/check_layers.py" "$copy" >/dev/null
expect_failure 'base may not include wire' base/upward.h '#include "wire/frame.h"'
expect_failure 'client may not include coordinator' client/sideways.h '#include "coordinator/round.h"'
expect_failure 'no LibTorch here' codec/torch.h '#include <ATen/core/Tensor.h>'
expect_failure 'no LibTorch here' client/session.cpp '#include <ATen/core/Tensor.h>'
expect_failure 'is not known to be without' coordinator/round.cpp '#include "coordinator/global_model.h"'
expect_failure 'models/layers may not include models/nets' models/layers/up.h '#include "models/nets/resnet.h"'
expect_failure 'only tensors/torch.h includes' aggregation/front.h '#include <torch/nn.h>'
expect_failure 'headers include <ATen/core/Tensor.h>' aggregation/door.h '#include "tensors/torch.h"'
expect_failure '401 lines, at most 400' wire/long.h "$(yes '//' | head -401)"
mkdir "$copy/extra"
expect_failure 'extra/: not in tests/layers/layers.txt' extra/room.h '#pragma once'
rules=$(cat "$copy/tests/layers/layers.txt")
expect_failure 'is in a cycle' tests/layers/layers.txt "${rules/base:/base: wire}"
echo "check_layers.py notices each of 11 planted violations"
