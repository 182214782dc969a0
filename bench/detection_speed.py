#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fast a YOLOv8n trains and is judged beside plain PyTorch, in one run, alternating, two threads.

Usage: detection_speed.py [step lorae loader val memory] [--rounds 5] --out DIR

step    a training step of every weight, 320 x 320, batch 8, batches in memory: network, loss, backward, clipping,
        Adam; ours by bench_detection_step, PyTorch's by yolov8.py and detection_loss.py
lorae   the same of LoRAE, rank 8, over full
loader  the same while two threads make the batches, mosaic on, over batches made beforehand
val     `lorae val` at 640 pixels over PyTorch's network, norms folded, and the same rules of NMS (torchvision's),
        on the same pictures, reading them included
memory  most memory of `lorae train --kind lorae`, 320 pixels, batch 4, on 24 pictures (a set's pictures are held,
        decoded, up to 96 MiB of them, beside it)

Ratios are medians over the rounds. Row 7 of issue 13 has the goals. DIR keeps pictures and weights for the next
time. Needs: apt-get install python3-torch python3-torchvision python3-opencv; the benchmarks
(-DLORAE_BUILD_BENCH=ON), a quiet machine.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import cv2
import numpy as np
import torch
import torchvision

import safetensors_file
from detection_data import Scenes, letterboxed
from detection_loss import detection_loss
from detection_twin import BETAS, CLIP, gathered_targets
from programs import run
from yolov8 import Yolov8, fold_norms

SIDE, BATCH, WARM_UP = 320, 8, 3
VAL_SIDE, CONFIDENCE, OVERLAP, CANDIDATES, MOST, APART = 640, .001, .7, 30000, 300, 7680
GOALS = {"step": 1, "lorae": .70, "loader": .9, "val": 1, "memory": 400}


def program(*command):
    return run(*command)[0]


def made(options, name, side, train, val):
    folder = options.out / f"{name}-{side}"
    if not folder.exists():
        program(options.lorae, "data", "scenes", folder, "--images", train, "--val", val, "--image-size", side)
    return folder


def ours(options, data, kind, source):
    return json.loads(program(options.bench, data, kind, source, options.steps, SIDE, BATCH, options.threads))["ms"]


class Peer:
    """A training step of PyTorch's."""

    def __init__(self, data, steps):
        scenes = Scenes(data, "train", SIDE)
        self.batches = []
        for first in range(0, len(scenes.files) // BATCH * BATCH, BATCH):
            pictures, rows = zip(*(scenes.plain(i) for i in range(first, first + BATCH)))
            pixels = np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2))
            self.batches.append((torch.from_numpy(pixels), gathered_targets(rows)))
        torch.manual_seed(1)
        self.model = Yolov8("n", scenes.classes).train()
        for box, score, stride in zip(self.model.model[-1].cv2, self.model.model[-1].cv3, (8, 16, 32)):
            torch.nn.init.constant_(box[-1].bias, 1)
            torch.nn.init.constant_(score[-1].bias, np.log(5 / scenes.classes / (640 / stride) ** 2))
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.Adam(self.parameters, lr=1e-9, betas=BETAS, weight_decay=5e-4, foreach=True)
        self.steps, self.next = steps, 0

    def step(self):
        images, targets = self.batches[self.next % len(self.batches)]
        self.next += 1
        self.optimiser.zero_grad(set_to_none=True)
        detection_loss(self.model.raw(images.float() / 255), targets)[0].backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, CLIP)
        self.optimiser.step()

    def milliseconds(self):
        for _ in range(WARM_UP):
            self.step()
        start = time.perf_counter()
        for _ in range(self.steps):
            self.step()
        return 1e3 * (time.perf_counter() - start) / self.steps


def alternated(options, measures):
    """Milliseconds of each, round by round."""
    rows = {name: [] for name in measures}
    for number in range(options.rounds):
        for name, measure in measures.items():
            rows[name].append(measure())
        print(f"  round {number + 1}: " + ", ".join(f"{name} {values[-1]:.1f}" for name, values in rows.items()),
              flush=True)
    return rows


def report(name, ratio, faster_is_more=False):
    goal = GOALS[name]
    met = ratio >= goal if faster_is_more else ratio <= goal
    print(f"{name}: {ratio:.3f}, wanted {'at least' if faster_is_more else 'at most'} {goal:g}: "
          + ("met" if met else "NOT MET"), flush=True)
    return met


def ratio_of(rows, above, below):
    return statistics.median(a / b for a, b in zip(rows[above], rows[below]))


def compare_step(options):
    data = made(options, "train", SIDE, 96, 8)
    peer = Peer(data, options.steps)
    rows = alternated(options, {"lorae full ms": lambda: ours(options, data, "full", "memory"),
                                "PyTorch ms": peer.milliseconds})
    return [report("step", ratio_of(rows, *rows))]


def compare_lorae(options):
    data = made(options, "train", SIDE, 96, 8)
    rows = alternated(options, {f"{kind} ms": lambda kind=kind: ours(options, data, kind, "memory")
                                for kind in ("lorae", "full")})
    return [report("lorae", ratio_of(rows, *rows))]


def compare_loader(options):
    data = made(options, "train", SIDE, 96, 8)
    met = []
    for kind in ("full", "lorae"):
        rows = alternated(options, {f"{kind}, made beforehand ms": lambda: ours(options, data, kind, "changed"),
                                    f"{kind}, with the loader ms": lambda: ours(options, data, kind, "loader")})
        met.append(report("loader", ratio_of(rows, *rows), faster_is_more=True))
    return met


def kept(output):
    """torchvision's NMS by the rules of `lorae val`: boxes and classes above CONFIDENCE, class by class."""
    found = []
    for boxes, scores in zip(output[:, :4].transpose(1, 2), output[:, 4:].transpose(1, 2)):
        anchors, labels = (scores > CONFIDENCE).nonzero(as_tuple=True)
        sure = scores[anchors, labels]
        best = sure.argsort(descending=True)[:CANDIDATES]
        centres, sizes = boxes[anchors[best]].chunk(2, 1)
        corners = torch.cat((centres - sizes / 2, centres + sizes / 2), 1)
        stay = torchvision.ops.nms(corners + labels[best, None] * APART, sure[best], OVERLAP)[:MOST]
        found.append((corners[stay], sure[best][stay], labels[best][stay]))
    return found


def val_weights(options):
    if options.weights:
        return options.weights
    folder = options.out / "weights"
    if not (folder / "last.safetensors").exists():
        program(options.lorae, "train", made(options, "weights", 160, 150, 20), "--out", folder, "--model", "yolov8n",
                "--kind", "full", "--image-size", 160, "--epochs", 12, "--batch", 8, "--set", "augment.mosaic=0",
                "--set", "train.nominal_batch=8", "--set", "train.average_decay=0")
    return folder / "last.safetensors"


@torch.inference_mode()
def judge_with_pytorch(options):
    """Prints seconds and boxes of one pass over the pictures, from the first on, as `lorae val` counts."""
    tensors, _ = safetensors_file.read(options.weights)
    model = Yolov8("n", tensors["model.22.cv3.0.2.bias"].shape[0])
    model.load_state_dict(tensors, strict=False)
    model = fold_norms(model.eval())

    def read(file):
        picture = cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB)
        return letterboxed(picture, VAL_SIDE)[0].transpose(2, 0, 1)

    files = sorted((options.judge / "images" / "val").iterdir())
    start, boxes = time.perf_counter(), 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        ahead = pool.map(read, files)
        for _ in range(0, len(files), BATCH):
            images = [picture for _, picture in zip(range(BATCH), ahead)]
            pixels = torch.from_numpy(np.ascontiguousarray(np.stack(images)))
            boxes += sum(len(one[1]) for one in kept(model(pixels.float() / 255)))
    print(json.dumps({"seconds": time.perf_counter() - start, "boxes": boxes}))
    return 0


def compare_val(options):
    data, weights = made(options, "val", VAL_SIDE, 2, options.pictures), val_weights(options)
    results = options.out / "results.json"

    def of_lorae(*extra):
        text = program(options.lorae, "val", data, "--weights", weights, "--model", "yolov8n", "--image-size", VAL_SIDE,
                       "--no-rect", "--batch", BATCH, "--set", f"threads={options.threads}", "--json", *extra)
        return json.loads(text)["seconds"] * 1e3 / options.pictures

    def of_pytorch(what="seconds"):
        said = json.loads(program(sys.executable, __file__, "--judge", data, "--weights", weights, "--threads",
                                  options.threads, "--out", options.out))
        return said["seconds"] * 1e3 / options.pictures if what == "seconds" else said[what]

    of_lorae("--save-json", results)
    print(f"  found: lorae {len(json.loads(results.read_text()))}, PyTorch {of_pytorch('boxes')} boxes in "
          f"{options.pictures} pictures")
    rows = alternated(options, {"lorae val ms a picture": of_lorae, "PyTorch ms a picture": of_pytorch})
    return [report("val", ratio_of(rows, *rows))]


def measure_memory(options):
    data = made(options, "memory", SIDE, 24, 4)
    out = options.out / "memory"
    subprocess.run(["rm", "-rf", out], check=True)
    command = [options.lorae, "train", data, "--out", out, "--model", "yolov8n", "--kind", "lorae", "--rank", 8,
               "--weights", val_weights(options), "--image-size", SIDE, "--batch", 4, "--steps", 24, "--json"]
    # Through a shell that stays: a process's peak is also that of whoever turned into it, and we are large.
    said = program("sh", "-c", '"$@"; exit $?', "sh", *command)
    return [report("memory", json.loads(said)["peak_memory_mb"])]


ROWS = {"step": compare_step, "lorae": compare_lorae, "loader": compare_loader, "val": compare_val,
        "memory": measure_memory}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="default: all", metavar="ROW")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=12, help="of each round")
    parser.add_argument("--pictures", type=int, default=48, help="to judge")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--weights", type=pathlib.Path, help="of a yolov8n; default: trained for two minutes")
    parser.add_argument("--judge", type=pathlib.Path, help=argparse.SUPPRESS)  # what a process of PyTorch's does
    parser.add_argument("--lorae", default="build/release/bin/lorae")
    parser.add_argument("--bench", default="build/release/bin/bench_detection_step")
    options = parser.parse_args()
    unknown = set(options.what) - set(ROWS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(ROWS)}")
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    if options.judge:
        return judge_with_pytorch(options)
    print(f"PyTorch {torch.__version__}, {options.threads} threads, load {os.getloadavg()[0]:.1f}")
    met = [one for row in options.what or ROWS for one in ROWS[row](options)]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
