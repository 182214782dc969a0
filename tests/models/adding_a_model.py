#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Follows docs/adding_a_model.md: writes the new file and the changed registry.

Usage: adding_a_model.py ROOT OUT
OUT/models/nets/tiny.h is the page's first block of code, OUT/registry.cpp our registry with the second
and the third put where the page says.
"""
import pathlib
import re
import sys
import textwrap


def main():
    root, out = map(pathlib.Path, sys.argv[1:3])
    page = (root / "docs/adding_a_model.md").read_text()
    blocks = [textwrap.dedent(b) for b in re.findall(r"^ *```cpp\n(.*?)^ *```", page, re.M | re.S)]
    network, include, line = blocks
    registry = (root / "models/registry.cpp").read_text()
    last_include = registry.rindex('#include "models/nets/')
    registry = registry[:last_include] + include + registry[last_include:]
    families = "families() {\n  static const std::vector<Family> all = {\n"
    assert families in registry
    registry = registry.replace(families, families + line)
    (out / "models/nets").mkdir(parents=True, exist_ok=True)
    (out / "models/nets/tiny.h").write_text(network)
    (out / "registry.cpp").write_text(registry)


main()
