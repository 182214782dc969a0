#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Images per second of training on a GPU: `lorae train` beside a plain PyTorch loop, in float32 and bfloat16.

Both train every weight of the same network on the same random pictures of 224 x 224 pixels, which lie in memory: what
is measured is the device, not the disk. In turn, ROUNDS times; the best of each counts. TF32 is off in both. Ends with
status 1 if ours is slower than 0.95 of PyTorch.

    python3 bench/gpu_training.py --lorae build/gpu/bin/lorae --out build/gpu_training
"""

import argparse
import json
import pathlib
import shutil
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

from programs import run
from yolov8 import C2f, Conv

IMAGES, SIDE, CLASSES, BATCH = 2048, 224, 10, 64
LEAST_RATIO = .95


class Yolov8nCls(nn.Module):
    """The classifier of the YOLOv8n family: its backbone, a 1x1 convolution to 1280, a pool and a linear layer."""

    def __init__(self):
        super().__init__()
        widths, repeats = (16, 32, 64, 128, 256), (1, 2, 2, 1)
        layers = [Conv(1, widths[0], 3, 2)]
        for before, after, count in zip(widths, widths[1:], repeats):
            layers += [Conv(before, after, 3, 2), C2f(after, after, count, True)]
        self.body = nn.Sequential(*layers, Conv(widths[-1], 1280))
        self.linear = nn.Linear(1280, CLASSES)

    def forward(self, x):
        return self.linear(self.body(x).mean((2, 3)))


def resnet18():
    import torchvision
    model = torchvision.models.resnet18(num_classes=CLASSES)
    model.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    return model


MODELS = {"resnet18": resnet18, "yolov8n-cls": Yolov8nCls}


def write_pictures(folder):
    """IDX files: `lorae train` holds them in memory."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(0)
    for prefix, count in (("train", IMAGES), ("t10k", BATCH)):
        images = torch.randint(0, 256, (count, SIDE, SIDE), dtype=torch.uint8, generator=generator)
        labels = torch.arange(count).remainder(CLASSES).to(torch.uint8)
        for name, magic, array in (("images-idx3", 0x803, images), ("labels-idx1", 0x801, labels)):
            header = magic.to_bytes(4, "big") + b"".join(size.to_bytes(4, "big") for size in array.shape)
            (folder / f"{prefix}-{name}-ubyte").write_bytes(header + array.numpy().tobytes())


def steady_rate(images, epochs, train):
    """Images per second without a device's start, which two lengths of the same training share.

    train(epochs): its JSON, of which images_per_second counts from the first step.
    """
    few, many = epochs, 3 * epochs
    seconds = [epochs * images / train(epochs)["images_per_second"] for epochs in (few, many)]
    return (many - few) * images / (seconds[1] - seconds[0])


def ours(lorae, data, out, model, precision):
    keys = [f"train.precision={precision}", f"train.batch_size={BATCH}", "model.stem=standard", "train.workers=2"]
    def train(epochs):
        shutil.rmtree(out, ignore_errors=True)
        said, _ = run(lorae, "train", data, "--model", model, "--kind", "full", "--epochs", epochs, "--device", "cuda:0",
                      "--augment", "none", "--out", out, "--json", *[p for key in keys for p in ("--set", key)],
                      strict_float32=True)
        return json.loads(said)

    return steady_rate(IMAGES, 2, train)


def theirs(model_name, precision):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    model = MODELS[model_name]().cuda()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    images = torch.randint(0, 256, (IMAGES, 1, SIDE, SIDE), dtype=torch.uint8).pin_memory()
    labels = torch.arange(IMAGES).remainder(CLASSES).pin_memory()

    def epoch():
        order = torch.randperm(IMAGES)
        for first in range(0, IMAGES, BATCH):
            chosen = order[first:first + BATCH]
            x = (images[chosen].pin_memory().cuda(non_blocking=True).float() / 255 - 0.286) / 0.353
            y = labels[chosen].cuda(non_blocking=True)
            with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bfloat16"):
                loss = F.cross_entropy(model(x), y)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
        torch.cuda.synchronize()

    epoch()
    start = time.perf_counter()
    for _ in range(3):
        epoch()
    return 3 * IMAGES / (time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lorae", required=True)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    write_pictures(arguments.out / "data")
    met = True
    for model in MODELS:
        for precision in ("float32", "bfloat16"):
            own = peer = 0
            for _ in range(arguments.rounds):
                peer = max(peer, theirs(model, precision))
                own = max(own, ours(arguments.lorae, str(arguments.out / "data"), str(arguments.out / "run"), model,
                                    precision))
            print(f"{model} {precision}: lorae {own:.0f}, PyTorch {peer:.0f} images/s, ratio {own / peer:.2f}, wanted "
                  f"{LEAST_RATIO}", flush=True)
            met = met and own >= LEAST_RATIO * peer
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
