#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the arrows between folders from their #include lines, and the sizes of files.

Usage: check_layers.py ROOT
Fails on an include that layers.txt does not allow, on a LibTorch header where none belongs, on a
folder that is not declared, on a cycle, and on a source file of more than 400 lines.
"""
import functools
import pathlib
import re
import sys

LIMIT = 400
SOURCES = {".h", ".cpp", ".cu"}
# Without LibTorch, so that they compile fast and run under sanitizers: rooms, wings, and files of
# rooms that also hold others. What a free file includes must be free, too.
TORCH_FREE = {"base", "wire", "codec", "codec/coders", "codec/quantisers", "codec/selections", "runs", "report", "transport",
              "ops/loops", "tasks/metrics", "data/scenes"}
TORCH_FREE_FILES = {
    "tensors/safetensors_header", "data/objects", "adapters/description", "adapters/policy",
    "aggregation/exact_sum", "aggregation/fixed_point", "aggregation/sum_loops",
    "client/session", "client/session_messages", "client/download", "client/object_buffer", "client/memory", "client/kept_file", "client/own_state", "client/disk_memory",
    "data/exif", "data/halves", "data/picture_files", "data/picture_head", "data/rle", "data/text_file",
    "data/formats/catalogue", "data/formats/clipping", "data/formats/coco", "data/formats/coco_json",
    "data/formats/half", "data/formats/index_file", "data/formats/items", "data/formats/masks",
    "data/formats/open_options", "data/formats/outline", "data/formats/png_file", "data/formats/problem",
    "data/formats/set_writer", "data/formats/shared_texts", "data/formats/voc", "data/formats/voc_xml", "data/formats/wheat",
    "data/formats/yolo", "data/formats/yolo_rows", "data/formats/yolo_yaml",
    "coordinator/federation_options", "coordinator/improvement", "coordinator/roster", "coordinator/round",
    "coordinator/selection", "coordinator/traffic", "coordinator/uploads"}
NOT_ROOMS = {"tests", "bench", "fuzz"}  # sources, but outside the layers
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def read_rules(path):
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return {name.strip(): set(allowed.split()) for name, _, allowed in (l.partition(":") for l in lines)}


def includes(file):
    for number, line in enumerate(file.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, *match.groups()


def wing_of(path, rules):
    """The longest row that holds `path`: "models/nets", or "models/." for files of the room itself."""
    room, *rest = path.split("/")
    if len(rest) > 1 and f"{room}/{rest[0]}" in rules:
        return f"{room}/{rest[0]}"
    return f"{room}/." if f"{room}/." in rules else room


def is_free(path):
    folder = path.rsplit("/", 1)[0]
    return folder in TORCH_FREE or path.rsplit(".", 1)[0] in TORCH_FREE_FILES


def bad_includes(root, file, rules):
    """Yields what is wrong with the includes of one file of a room; `file` is relative to root."""
    room, path = file.parts[0], file.as_posix()
    wing = wing_of(path, rules)
    free = is_free(path) or file.suffix == ".cu"
    for number, quote, target in includes(root / file):
        place = f"{file}:{number}: "
        other = target.split("/")[0]
        if quote == '"' and other in rules:
            if other != room and other not in rules[room]:
                yield f"{place}{room} may not include {other} ({target})"
            other_wing = wing_of(target, rules)
            if other == room and other_wing != wing and other_wing.split("/")[-1] not in rules[wing]:
                yield f"{place}{wing} may not include {other_wing} ({target})"
            if is_free(path) and not is_free(target):
                yield f"{place}no LibTorch here, and {target} is not known to be without"
        if target.startswith(("torch/", "ATen/", "c10/")) and free:
            yield f"{place}no LibTorch here ({target})"
        if target.startswith("torch/") and path != "tensors/torch.h":
            yield f"{place}only tensors/torch.h includes {target}"
        if target == "tensors/torch.h" and file.suffix == ".h":
            yield f"{place}headers include <ATen/core/Tensor.h> instead"


def cycles(rules):
    """Yields the rows that can reach themselves."""
    def below(row):
        prefix = row.split("/")[0] + "/" if "/" in row else ""
        return [prefix + other for other in rules[row]]

    @functools.lru_cache(None)
    def reaches(row, goal):
        return any(other == goal or (other in rules and reaches(other, goal)) for other in below(row))

    for row in rules:
        try:
            if reaches(row, row):
                yield f"layers.txt: {row} is in a cycle"
        except RecursionError:
            yield f"layers.txt: {row} leads into a cycle"


def check(root):
    rules = read_rules(root / "tests/layers/layers.txt")
    yield from cycles(rules)
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
