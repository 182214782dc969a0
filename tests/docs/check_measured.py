#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every measured number in the documents says how it came about.

Usage: check_measured.py ROOT
In the pages below, a section (what is between two headings) with a number of a measured kind has a line
<!-- COMMAND | DATE | PROCESSOR --> before it. Exit status 1 if one has none; all are named.
"""
import pathlib
import re
import sys

PAGES = ["README.md", "docs/measurements.md", "docs/choosing.md", *[f"docs/decisions/{name}" for name in (
    "0002-forms-of-an-adapted-convolution.md", "0004-memory-of-a-training-step.md", "0005-winograd-in-training.md",
    "0006-exact-order-free-sum.md")]]
MEASURED = re.compile(r"\d (?:ms|MB|MiB|GB|kB|GB/s|GFLOP/s|images/s|trainings/s|times|%)(?![\w/])|\d\.\de-\d\d")
SOURCE = re.compile(r"^<!-- [^|]+ \| \d{4}-\d\d-\d\d \| [^|]+ -->$")


def problems(page, text):
    heading, sourced, told = "its beginning", False, False
    in_code = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            in_code = not in_code
        if in_code:
            continue
        if line.startswith("#"):
            heading, sourced, told = line.lstrip("# "), False, False
        elif SOURCE.match(line):
            sourced = True
        elif MEASURED.search(line) and not sourced and not told:
            told = True
            yield f"{page}:{number}: a measured number in '{heading}' without <!-- COMMAND | DATE | PROCESSOR --> above it"


def main():
    root = pathlib.Path(sys.argv[1])
    if not any(True for _ in problems("", "# a\n\n| 3 ms |\n")) or any(True for _ in problems(
            "", "# a\n<!-- bench | 2026-01-02 | a processor -->\n| 3 ms |\n")):
        sys.exit("this check is broken")
    found = [problem for page in PAGES for problem in problems(page, (root / page).read_text())]
    print("\n".join(found))
    sys.exit(1 if found else 0)


main()
