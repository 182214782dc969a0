#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Detectors on a GPU beside the CPU and beside PyTorch, on random pictures that lie in memory.

First the parts of the first step's loss: the GPU's within 1e-4 of the CPU's, in float32 without TF32. Then what a
detector that learned for a moment finds: `lorae predict`, suppression and RoIAlign included, has the CPU's objects. Then
images per second of training every weight of a yolov8n at 640 pixels, in float32 and bfloat16, in turn with PyTorch,
whose batches are made and pinned beforehand; the best of each counts. Ends with status 1 if a goal is missed.

    python3 bench/gpu_detection.py --lorae build/gpu/bin/lorae --out build/gpu_detection
"""

import argparse
import json
import math
import pathlib
import random
import shutil
import sys
import time

import torch

from detection_loss import detection_loss
from gpu_training import steady_rate
from programs import run
from yolov8 import Yolov8

CLASSES, OBJECTS, BATCH = 10, 7, 16
NETWORKS = {"yolov8n": 20, "yolo11n-seg": 20, "fasterrcnn_resnet50_fpn": 4}  # epochs until there is much to find
LEAST_RATIO, MOST_OFF = .95, 1e-4
BETAS, CLIP = (.937, .999), 10


def write_set(folder, side, images):
    """PPM pictures of noise and YOLO outlines of random boxes."""
    draw = random.Random(0)
    noise = torch.Generator().manual_seed(0)
    for half, count in (("train", images), ("val", 4)):
        for part in ("images", "labels"):
            (folder / part / half).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            pixels = torch.randint(0, 256, (side, side, 3), dtype=torch.uint8, generator=noise)
            (folder / "images" / half / f"{i}.ppm").write_bytes(f"P6 {side} {side} 255\n".encode()
                                                                + pixels.numpy().tobytes())
            rows = []
            for _ in range(OBJECTS):
                x, y, width, height = (draw.uniform(*span) for span in ((0, .6), (0, .6), (.1, .4), (.1, .4)))
                corners = (x, y, x + width, y, x + width, y + height, x, y + height)
                rows.append(" ".join(map(str, (draw.randrange(CLASSES), *corners))))
            (folder / "labels" / half / f"{i}.txt").write_text("\n".join(rows) + "\n")
    (folder / "data.yaml").write_text(f"train: images/train\nval: images/val\nnc: {CLASSES}\n"
                                      f"names: [{', '.join(f'c{k}' for k in range(CLASSES))}]\n")


def train(options, out, device, side, *arguments, keys=()):
    shutil.rmtree(out, ignore_errors=True)
    flags = [part for key in keys for part in ("--set", key)]
    said, _ = run(options.lorae, "train", options.out / f"set-{side}", "--kind", "full", "--image-size", side, "--device",
                  device, "--augment", "none", "--out", out, "--json", *arguments, *flags, strict_float32=True)
    return json.loads(said)


def compare_first_loss(options, network):
    parts = {}
    for device in ("cpu", options.device):
        log = options.out / "steps.jsonl"
        log.unlink(missing_ok=True)
        train(options, options.out / "step", device, options.small, "--model", network, "--batch", "4", "--steps", "1",
              "--no-shuffle", "--log-steps", log)
        step = json.loads(log.read_text().splitlines()[0])
        parts[device] = {name: value for name, value in step.items() if name.startswith("loss")}
    off = max(abs(value - parts[options.device][name]) / max(abs(value), 1) for name, value in parts["cpu"].items())
    print(f"{network}: first step's loss {parts['cpu']['loss']:.4f}, the device is off by {off:.1e}", flush=True)
    return off <= MOST_OFF


def found(options, network, device):
    said, _ = run(options.lorae, "predict", options.out / f"set-{options.small}" / "images" / "val", "--model", network,
                  "--weights", options.out / "learned" / "last.safetensors", "--image-size", options.small, "--device",
                  device, "--json", "--conf", ".001", strict_float32=True)
    return [json.loads(line)["objects"] for line in said.splitlines() if line.startswith("{")]


def same_object(a, b):
    return (a["name"] == b["name"] and math.isclose(a["score"], b["score"], rel_tol=.01)
            and max(abs(x - y) for x, y in zip(a["box"], b["box"])) < .5)


def compare_found(options, network):
    """Objects of one device that the other has, too: rounding may lose a few of those that nearly overlap enough."""
    train(options, options.out / "learned", options.device, options.small, "--model", network, "--batch", "4",
          "--epochs", NETWORKS[network], keys=["train.warmup_epochs=0", "train.nominal_batch=4", "train.average_decay=0",
                                               "train.learning_rate=0.01"])
    cpu, device = found(options, network, "cpu"), found(options, network, options.device)
    total = same = 0
    for ours, theirs in zip(cpu, device):
        total += max(len(ours), len(theirs))
        for one in ours:
            match = next((other for other in theirs if same_object(one, other)), None)
            if match:
                theirs.remove(match)
                same += 1
    print(f"{network}: {same} of {total} objects are found by both", flush=True)
    return len(cpu) == len(device) and 0 < total and same >= .98 * total


def ours(options, precision):
    keys = [f"train.precision={precision}", "train.workers=2", "train.nominal_batch=16", "train.average_decay=0"]
    return steady_rate(options.images, options.epochs, lambda epochs: train(
        options, options.out / "run", options.device, options.side, "--model", "yolov8n", "--batch", BATCH, "--epochs",
        epochs, keys=keys))


def theirs(options, precision):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    device, on_gpu = torch.device(options.device), options.device != "cpu"
    torch.manual_seed(1)
    model = Yolov8("n", CLASSES).train().to(device)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(parameters, lr=1e-4, betas=BETAS, weight_decay=5e-4)
    draw = random.Random(0)
    batches = []
    for _ in range(0, options.images, BATCH):
        pictures = torch.randint(0, 256, (BATCH, 3, options.side, options.side), dtype=torch.uint8)
        corners = [(i, draw.random() * .6, draw.random() * .6) for i in range(BATCH) for _ in range(OBJECTS)]
        rows = [(i, draw.randrange(CLASSES), *(options.side * v for v in (x, y, x + .3, y + .3))) for i, x, y in corners]
        batches.append((pictures.pin_memory() if on_gpu else pictures, rows))

    def epoch():
        for pictures, targets in batches:
            x = pictures.to(device, non_blocking=True).float() / 255
            with torch.autocast(device.type, torch.bfloat16, enabled=on_gpu and precision == "bfloat16"):
                maps = model.raw(x)
            optimiser.zero_grad(set_to_none=True)
            detection_loss([map_.float() for map_ in maps], targets)[0].backward()
            torch.nn.utils.clip_grad_norm_(parameters, CLIP)
            optimiser.step()
        if on_gpu:
            torch.cuda.synchronize(device)

    epoch()
    start = time.perf_counter()
    for _ in range(options.epochs):
        epoch()
    return options.epochs * len(batches) * BATCH / (time.perf_counter() - start)


def compare_speed(options, precision):
    own = peer = 0
    for _ in range(options.rounds):
        peer = max(peer, theirs(options, precision))
        own = max(own, ours(options, precision))
    print(f"yolov8n {options.side} {precision}: lorae {own:.0f}, PyTorch {peer:.0f} images/s, ratio {own / peer:.2f}, "
          f"wanted {LEAST_RATIO}", flush=True)
    return own >= LEAST_RATIO * peer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lorae", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--side", type=int, default=640)
    parser.add_argument("--small", type=int, default=128, help="side of the pictures that the CPU sees, too")
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    for side, images in ((options.side, options.images), (options.small, 8)):
        write_set(options.out / f"set-{side}", side, images)
    met = []
    for network in NETWORKS:
        met.append(compare_first_loss(options, network))
        met.append(compare_found(options, network))
    met += [compare_speed(options, precision) for precision in ("float32", "bfloat16")]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
