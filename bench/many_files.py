#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a set of 100,000 pictures on disk costs to open: time and memory, at first and with its index.

Makes a YOLO set of a few composed pictures, linked many times, with labels of their own of seven boxes each, and
opens it by `lorae data show`. `lorae models` beside it says what LibTorch alone takes.

    python3 bench/many_files.py --out build/many_files --lorae build/ci/bin/lorae
"""

import argparse
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

LINKS = 30000  # of one file; file systems allow some ten thousand


def make(lorae, folder, pictures):
    seed = folder / "seed"
    subprocess.run([lorae, "data", "scenes", str(seed), "--images", "40", "--val", "10", "--image-size", "64",
                    "--classes", "10", "--format", "yolo"], check=True, stdout=subprocess.DEVNULL)
    data = folder / "set"
    for part in ("images", "labels"):
        (data / part / "train").mkdir(parents=True)
        shutil.copytree(seed / part / "val", data / part / "val")
    shutil.copy(seed / "data.yaml", data)
    originals = sorted((seed / "images" / "train").iterdir())
    draw = random.Random(1)
    for i in range(pictures):
        original = originals[i % len(originals)]
        name = f"frame_of_camera_{i:07d}"
        place = data / "images" / "train" / (name + original.suffix)
        if i // len(originals) % LINKS == LINKS - 1:
            shutil.copy(original, place)
            originals[i % len(originals)] = place
        else:
            os.link(original, place)
        rows = [f"{draw.randrange(10)} {draw.uniform(.2, .8):.6f} {draw.uniform(.2, .8):.6f} "
                f"{draw.uniform(.05, .3):.6f} {draw.uniform(.05, .3):.6f}\n" for _ in range(7)]
        (data / "labels" / "train" / (name + ".txt")).write_text("".join(rows))
    (folder / "made").touch()


def measured(arguments, cache):
    """Seconds and megabytes of a program."""
    start = time.monotonic()
    program = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, env={**os.environ, "XDG_CACHE_HOME": str(cache)})
    _, status, usage = os.wait4(program.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(arguments)} failed")
    return time.monotonic() - start, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--lorae", default="build/release/bin/lorae")
    parser.add_argument("--pictures", type=int, default=100000)
    arguments = parser.parse_args()
    if not (arguments.out / "made").exists():
        shutil.rmtree(arguments.out, ignore_errors=True)
        arguments.out.mkdir(parents=True)
        make(arguments.lorae, arguments.out, arguments.pictures)
    cache = arguments.out / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    show = [arguments.lorae, "data", "show", str(arguments.out / "set"), "--json"]
    alone = [arguments.lorae, "models"]
    for name, command in (("LibTorch alone", alone), ("first open", show), ("with its index", show)):
        seconds, megabytes = measured(command, cache)
        print(f"{name}: {seconds:.1f} s, {megabytes:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
