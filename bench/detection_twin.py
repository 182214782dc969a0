#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`lorae train` of a YOLOv8n beside a twin in plain PyTorch: network, loss and loop of its own, the same recipe.

Usage: detection_twin.py golden
       detection_twin.py steps [--steps 20] [--dtype float64] --out DIR
       detection_twin.py learn [--epochs 45] [--seeds 0 1 2] [--augment none] [--minutes M] --out DIR

`golden` says how far the twin's loss is off the golden numbers of tests/golden. `steps` compares the parts of the loss of the first steps, pictures as they are and in the order of the set;
exit status 1 if a part differs by more than 1e-4. `learn` trains both for some epochs on the same pictures in
the same order from the same weights, has `lorae val` judge both, and prints mAP50 and mAP50-95. DIR keeps what is done,
after each epoch: the same command goes on. With --minutes it ends after so many, to be called again (exit
status 75). The set is composed if --data is not there.

Needs: apt-get install python3-torch python3-opencv
"""
import argparse
import json
import math
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

import numpy as np
import torch

import safetensors_file
from detection_data import Scenes, batches, order
from detection_loss import detection_loss
from yolov8 import Yolov8

TOLERANCE = 1e-4
UNFINISHED = 75
RATE, BETAS, DECAY, NOMINAL, CLIP = .001, (.937, .999), .0005, 64, 10
WARM_EPOCHS, WARM_LEAST, LAST_RATE = 3, 100, .01
AVERAGE_DECAY, AVERAGE_RAMP, MOSAIC_OFF = .9999, 2000, 10


def lorae(options, *arguments, quiet=True):
    return subprocess.run([options.lorae, *map(str, arguments)], check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL if quiet else None).stdout


def model_flags(options, seed):
    return ["--model", "yolov8n", "--kind", "full", "--image-size", options.side, "--batch", options.batch,
            "--seed", seed, "--set", f"threads={options.threads}"]


def make_data(options):
    if not (options.data / "data.yaml").exists():
        lorae(options, "data", "scenes", options.data, "--images", options.images, "--val", options.val,
              "--image-size", options.side)


def initial(options, seed):
    """Weights as `lorae train` starts with: a step of rate 0 changes only statistics, which start at 0 and 1."""
    folder = options.out / f"initial-seed{seed}"
    file = folder / "last.safetensors"
    if not file.exists():
        lorae(options, "train", options.data, "--out", folder, *model_flags(options, seed), "--steps", 1,
              "--set", "train.learning_rate=0")
    tensors, metadata = safetensors_file.read(file)
    for name, tensor in tensors.items():
        if name.endswith("running_mean"):
            tensor.zero_()
        elif name.endswith("running_var"):
            tensor.fill_(1)
    return tensors, metadata


class Twin:
    def __init__(self, weights, classes, options):
        self.options = options
        self.model = Yolov8("n", classes)
        missing, unknown = self.model.load_state_dict(weights, strict=False)
        if unknown or any(not name.endswith("num_batches_tracked") for name in missing):
            sys.exit(f"detection_twin: the networks differ: {missing} {unknown}")
        self.model.to(getattr(torch, options.dtype)).train()
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.Adam(self.groups(), lr=RATE, betas=BETAS)
        self.average = {name: t.clone() for name, t in self.model.state_dict().items()}
        self.updates = self.steps = self.gathered = self.epoch = 0

    def groups(self):
        named = [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]
        full = max(round(NOMINAL / self.options.batch), 1)
        return [{"params": [p for _, p in named if p.dim() > 1],
                 "weight_decay": DECAY * self.options.batch * full / NOMINAL},
                {"params": [p for name, p in named if p.dim() == 1 and not name.endswith(".bias")]},
                {"params": [p for name, p in named if name.endswith(".bias")]}]

    def step(self, pictures, targets, steps_per_epoch, epochs):
        """One batch; an update once enough of them are gathered, or the epoch ends."""
        images = torch.from_numpy(np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2)))
        loss, parts = detection_loss(self.model.raw(images.to(self.parameters[0].dtype) / 255), targets)
        loss.backward()
        self.gathered += 1
        warm = min(self.steps / max(round(WARM_EPOCHS * steps_per_epoch), WARM_LEAST), 1)
        if self.gathered >= max(round(1 + warm * (NOMINAL / self.options.batch - 1)), 1) or \
                self.steps % steps_per_epoch == steps_per_epoch - 1:
            fall = LAST_RATE + (1 - LAST_RATE) * (1 - (self.steps // steps_per_epoch) / epochs)
            self.update(RATE * warm * fall)
        self.steps += 1
        return {name: part.item() for name, part in parts.items()}

    def update(self, rate):
        torch.nn.utils.clip_grad_norm_(self.parameters, CLIP)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.gathered = 0
        self.updates += 1
        decay = AVERAGE_DECAY * -math.expm1(-self.updates / AVERAGE_RAMP)
        for name, value in self.model.state_dict().items():
            if value.is_floating_point():
                self.average[name].mul_(decay).add_(value, alpha=1 - decay)

    def save(self, path):
        torch.save({"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict(),
                    "average": self.average, "updates": self.updates, "steps": self.steps, "epoch": self.epoch},
                   str(path) + ".new")
        os.replace(str(path) + ".new", path)

    def load(self, path):
        saved = torch.load(path)
        self.model.load_state_dict(saved["model"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.average = saved["average"]
        self.updates, self.steps, self.epoch = saved["updates"], saved["steps"], saved["epoch"]


def gathered_targets(rows):
    return [(i, *row) for i, of_picture in enumerate(rows) for row in of_picture]


def compare_steps(options):
    make_data(options)
    scenes = Scenes(options.data, "train", options.side)
    weights, _ = initial(options, options.seeds[0])
    log, folder = options.out / f"steps-{options.dtype}.jsonl", options.out / f"steps-{options.dtype}"
    subprocess.run(["rm", "-rf", folder], check=True)
    lorae(options, "train", options.data, "--out", folder, *model_flags(options, options.seeds[0]), "--steps",
          options.steps, "--augment", "none", "--no-shuffle", "--log-steps", log, "--dtype", options.dtype,
          "--epochs", options.epochs)
    twin, worst = Twin(weights, scenes.classes, options), {}
    per_epoch = batches(len(scenes.files), options.batch)
    print(f"step{'box':>20}{'class':>20}{'dfl':>20}   lorae, and how far the twin is off")
    for step, line in enumerate(log.read_text().splitlines()):
        first = step % per_epoch * options.batch
        chosen = range(first, min(first + options.batch, len(scenes.files)))
        pictures, rows = zip(*(scenes.plain(i) for i in chosen))
        parts, ours = twin.step(pictures, gathered_targets(rows), per_epoch, options.epochs), json.loads(line)
        for name, value in parts.items():
            worst[name] = max(worst.get(name, 0), abs(value - ours["loss/" + name]))
        print(f"{step + 1:4}" + "".join(f"{ours['loss/' + name]:11.6f} {value - ours['loss/' + name]:+.1e}"
                                        for name, value in parts.items()), flush=True)
    print(f"{options.dtype}, {options.steps} steps: largest differences "
          + ", ".join(f"{name} {value:.1e}" for name, value in worst.items()))
    return 0 if max(worst.values()) <= TOLERANCE else 1


def formula_tensor(name, shape, low, high):
    """What tests/golden fills its maps with: FNV-1a of the name, then a hash of each place."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 & 0xFFFFFFFF
    x = (seed + np.arange(math.prod(shape), dtype=np.uint64) * 0x9E3779B9) & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = ((x ^ x >> np.uint64(shift)) * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
    share = ((x ^ x >> np.uint64(16)) >> np.uint64(8)) * 2.**-24
    return torch.from_numpy((low + (high - low) * share).astype(np.float32).astype(float).reshape(shape))


def check_golden(options):
    worst = 0
    for name, case in json.loads(options.golden.read_text())["cases"].items():
        if not name.startswith("det_"):
            continue
        (h, w), channels = case["imgsz_hw"], 64 + case["nc"]
        maps = [formula_tensor(of, (case["B"], channels, h // s, w // s), *case["feat_lo_hi"]).requires_grad_()
                for of, s in zip(case["feat_names"], (8, 16, 32))]
        rows = [(int(i), int(label), *np.float32([(x - dx / 2) * w, (y - dy / 2) * h, (x + dx / 2) * w,
                                                  (y + dy / 2) * h]).tolist())
                for i, label, x, y, dx, dy in case["targets[batch_idx,cls,cx,cy,w,h normalised]"]]
        total, parts = detection_loss(maps, rows)
        total.backward()
        pairs = [(parts["box"], "box"), (parts["class"], "cls"), (parts["dfl"], "dfl"), (total, "total_times_batch")]
        off = [abs(value.item() - case[key]) for value, key in pairs]
        off += [abs(map_.grad.abs().sum().item() - sum_) for map_, sum_ in zip(maps, case["grad_abs_sum_per_level"])]
        print(f"{name}: off by at most {max(off):.1e}, gradients included")
        worst = max(worst, *off)
    return 0 if worst < 1e-8 else 1


def train_ours(options, seed, folder, deadline):
    """True if it is done."""
    summary = folder / "train.json"
    if summary.exists() and json.loads(summary.read_text())["epochs"] == options.epochs:
        return True
    begun = (folder / "state").exists() or (folder / "config.toml").exists()
    arguments = [options.lorae, "train", options.data, "--out", folder, *model_flags(options, seed), "--epochs",
                 options.epochs, *(["--augment", "none"] if options.augment == "none" else []),
                 *(["--resume"] if begun else [])]
    running = subprocess.Popen([*map(str, arguments)], stdout=subprocess.DEVNULL)
    try:
        status = running.wait(max(deadline - time.monotonic(), 1))
    except subprocess.TimeoutExpired:
        running.send_signal(signal.SIGINT)  # it saves, and goes on the next time
        running.wait()
        return False
    if status != 0:
        sys.exit("detection_twin: lorae train failed")
    return True


def train_twin(options, seed, folder, deadline):
    scenes = Scenes(options.data, "train", options.side)
    weights, metadata = initial(options, seed)
    twin, state = Twin(weights, scenes.classes, options), folder / "state.pt"
    folder.mkdir(parents=True, exist_ok=True)
    if state.exists():
        twin.load(state)
    per_epoch = batches(len(scenes.files), options.batch)
    while twin.epoch < options.epochs:
        start, sums = time.monotonic(), {}
        if start > deadline:
            return False
        shuffled = order(len(scenes.files), seed, twin.epoch)
        for first in range(0, len(shuffled), options.batch):
            chosen = shuffled[first:first + options.batch]
            if options.augment == "none":
                made = [scenes.plain(i) for i in chosen]
            else:
                made = [scenes.changed(i, np.random.default_rng([seed, twin.epoch, i]),
                                       twin.epoch < options.epochs - MOSAIC_OFF) for i in chosen]
            pictures, rows = zip(*made)
            for name, part in twin.step(pictures, gathered_targets(rows), per_epoch, options.epochs).items():
                sums[name] = sums.get(name, 0) + part * len(chosen)
        twin.epoch += 1
        twin.save(state)
        with open(folder / "log.jsonl", "a") as log:
            log.write(json.dumps({"epoch": twin.epoch, "seconds": round(time.monotonic() - start, 1),
                                  **{name: total / len(shuffled) for name, total in sums.items()}}) + "\n")
    kept = {name: t for name, t in twin.average.items() if name in weights}
    safetensors_file.write(folder / "ema.safetensors", kept, metadata)
    return True


def judged(options, file):
    metrics = json.loads(lorae(options, "val", options.data, "--weights", file, "--json"))["metrics"]
    return 100 * metrics["map50"], 100 * metrics["map50_95"]


def learn(options):
    make_data(options)
    deadline = time.monotonic() + 60 * options.minutes if options.minutes else math.inf
    results = []
    for seed in options.seeds:
        name = f"seed{seed}-{options.epochs}" + ("-plain" if options.augment == "none" else "")
        ours, twin = options.out / f"lorae-{name}", options.out / f"pytorch-{name}"
        for train, folder in ((train_ours, ours), (train_twin, twin)):
            if not train(options, seed, folder, deadline):
                print(f"{folder.name} is not done: the same command goes on")
                return UNFINISHED
        results.append((judged(options, ours / "ema.safetensors"), judged(options, twin / "ema.safetensors")))
        (a, b), (c, d) = results[-1]
        print(f"seed {seed}: mAP50 lorae {a:.1f}, PyTorch {c:.1f}; mAP50-95 {b:.1f}, {d:.1f}", flush=True)
    means = [[statistics.mean(one[who][metric] for one in results) for metric in (0, 1)] for who in (0, 1)]
    print(f"{options.epochs} epochs, mean of {len(results)}: mAP50 lorae {means[0][0]:.1f}, PyTorch "
          f"{means[1][0]:.1f}, difference {means[0][0] - means[1][0]:+.1f} points; mAP50-95 {means[0][1]:.1f}, "
          f"{means[1][1]:.1f}")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["golden", "steps", "learn"])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("build/detection_twin"))
    parser.add_argument("--golden", type=pathlib.Path, default=pathlib.Path("tests/golden/vision/losses_yolo.json"))
    parser.add_argument("--data", type=pathlib.Path, help="a YOLO folder of square pictures; default: OUT/set")
    parser.add_argument("--images", type=int, default=900)
    parser.add_argument("--val", type=int, default=150)
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=45)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--augment", choices=["none"])
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--lorae", default="build/release/bin/lorae")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    options.data = options.data or options.out / "set"
    torch.set_num_threads(options.threads)
    return {"golden": check_golden, "steps": compare_steps, "learn": learn}[options.what](options)


if __name__ == "__main__":
    sys.exit(main())
