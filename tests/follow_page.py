#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Follows a page of docs/ that tells how to add a line to a table: the new file and the changed table.

Usage: follow_page.py ROOT OUT PAGE TABLE MARKER FILE
The page's first block of code becomes OUT/FILE. The second, an include, goes before the last include of
FILE's folder in TABLE; the third, a line, to the end of the table that begins with MARKER. The result is
OUT/TABLE's name.
"""
import pathlib
import re
import sys
import textwrap


def main():
    root, out, page, table, marker, file = sys.argv[1:7]
    root, out = pathlib.Path(root), pathlib.Path(out)
    text = (root / page).read_text()
    blocks = [textwrap.dedent(b) for b in re.findall(r"^ *```cpp\n(.*?)^ *```", text, re.M | re.S)]
    source, include, line = blocks
    changed = (root / table).read_text()
    place = changed.rindex(f'#include "{pathlib.Path(file).parent}/')
    changed = changed[:place] + include + changed[place:]
    end = changed.index("};", changed.index(marker))
    place = changed.rindex("\n", 0, end) + 1
    changed = changed[:place] + line + changed[place:]
    (out / file).parent.mkdir(parents=True, exist_ok=True)
    (out / file).write_text(source)
    (out / pathlib.Path(table).name).write_text(changed)


main()
