#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the arrows between folders from their #include lines, and the sizes of files.

Usage: check_layers.py ROOT
Fails on an include that layers.txt does not allow, on a LibTorch header where none belongs, on a
folder that is not declared, and on a source file of more than 400 lines.
"""
import pathlib
import re
import sys

LIMIT = 400
SOURCES = {".h", ".cpp", ".cu"}
TORCH_FREE = {"base", "wire", "codec", "runs", "transport"}  # may run under sanitizers
TORCH_FREE_FILES = {"tensors/safetensors_header", "adapters/description", "adapters/policy"}
NOT_ROOMS = {"tests", "bench", "fuzz"}  # sources, but outside the layers
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def read_rules(path):
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return {name.strip(): set(allowed.split()) for name, _, allowed in (l.partition(":") for l in lines)}


def bad_includes(root, file, rules):
    """Yields what is wrong with the includes of one file of a room; `file` is relative to root."""
    room = file.parts[0]
    rooms = {name for name in rules if "/" not in name}
    allowed = rules.get(file.with_suffix("").as_posix(), rules[room]) | {room}
    for number, line in enumerate((root / file).read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, target = match.groups()
        place = f"{file}:{number}: "
        other = target.split("/")[0]
        if quote == '"' and other in rooms and other not in allowed:
            yield f"{place}{room} may not include {other} ({target})"
        if target.startswith(("torch/", "ATen/", "c10/")) and (
                room in TORCH_FREE or file.suffix == ".cu"
                or file.with_suffix("").as_posix() in TORCH_FREE_FILES):
            yield f"{place}no LibTorch here ({target})"
        if target.startswith("torch/") and file.as_posix() != "tensors/torch.h":
            yield f"{place}only tensors/torch.h includes {target}"
        if target == "tensors/torch.h" and file.suffix == ".h":
            yield f"{place}headers include <ATen/core/Tensor.h> instead"


def check(root):
    rules = read_rules(root / "tests/layers/layers.txt")
    for folder in sorted(p.name for p in root.iterdir() if p.is_dir()):
        if folder.startswith((".", "build")):
            continue
        files = sorted(p.relative_to(root) for p in (root / folder).rglob("*") if p.suffix in SOURCES)
        if files and folder not in rules and folder not in NOT_ROOMS:
            yield f"{folder}/: not in tests/layers/layers.txt"
            continue
        for file in files:
            lines = len((root / file).read_text().splitlines())
            if lines > LIMIT:
                yield f"{file}: {lines} lines, at most {LIMIT}"
            if folder not in NOT_ROOMS:
                yield from bad_includes(root, file, rules)


def main():
    failures = list(check(pathlib.Path(sys.argv[1])))
    print("\n".join(failures) if failures else "layers: every arrow points down, every file fits")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
