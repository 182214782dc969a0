#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Client trainings per second of the simulator on one GPU, with 1, 4 and 8 clients at once; and whether their number
changes the result when the device is deterministic. Ends with status 1 if it does, or if 8 are not twice as fast as 1.

    python3 bench/gpu_federation.py --simulate build/gpu/bin/lorae-simulate --out build/gpu_federation
"""

import argparse
import json
import pathlib
import re
import shutil
import sys

from gpu_training import write_pictures
from programs import run as run_program

CONFIG = """deterministic = {deterministic}
device = "cuda:0"
[model]
height = 28
width = 28
[data]
path = "{data}"
public_images = 500
private_images = 1500
test_images = 60
partition = "iid"
[pretraining]
epochs = 1
[federation]
rounds = {rounds}
clients = 16
cohort = 16
[simulation]
per_device = {per_device}
[[methods]]
name = "lorae-r8"
"""


def run(arguments, per_device, deterministic, rounds):
    out = arguments.out / "run"
    shutil.rmtree(out, ignore_errors=True)
    config = arguments.out / "run.toml"
    config.write_text(CONFIG.format(data=(arguments.out / "data").absolute(), per_device=per_device, rounds=rounds,
                                    deterministic=str(deterministic).lower()))
    _, log = run_program(arguments.simulate, config, "--home", arguments.out / "home", "--out", out)
    rate = re.search(r"run\.speed.* per_second=([0-9.]+)", log)
    digest = json.loads((out / "comparison.json").read_text())["runs"][0]["digest"]
    return float(rate.group(1)), digest


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulate", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    write_pictures(arguments.out / "data")
    run(arguments, 1, False, 1)  # makes the backbone
    rates = {}
    for per_device in (1, 4, 8):
        rates[per_device], _ = run(arguments, per_device, False, 5)
        print(f"{per_device} at once: {rates[per_device]:.1f} trainings/s, {rates[per_device] / rates[1]:.2f} times one",
              flush=True)
    digests = {run(arguments, per_device, True, 2)[1] for per_device in (1, 4)}
    print("deterministic: one digest for 1 and 4" if len(digests) == 1 else "deterministic: the digests DIFFER")
    return 0 if len(digests) == 1 and rates[8] >= 2 * rates[1] else 1


if __name__ == "__main__":
    sys.exit(main())
