#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Condenses descriptions of the reference models to a line each.

Usage: architectures.py FOLDER > architectures.tsv

FOLDER holds one JSON file per model and class count with "model", "nc", "params_total" and
"tensors" ([{"name", "shape"}], in the order of the reference's state dict). A line: model, classes,
parameters, tensors, sha256 over the lines "name:shape" (sizes joined by commas) without a last
newline.
"""
import hashlib
import json
import pathlib
import sys

print("# model\tclasses\tparameters\ttensors\tsha256 of names and shapes; by architectures.py")
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
    if path.name == "index.json":
        continue
    model = json.loads(path.read_text())
    lines = [f"{t['name']}:{','.join(map(str, t['shape']))}" for t in model["tensors"]]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    print(path.stem, model["nc"], model["params_total"], len(lines), digest, sep="\t")
