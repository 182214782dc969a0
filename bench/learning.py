#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does `lorae train` learn as well as PyTorch? Both train Fashion-MNIST by one recipe, beside each other.

The peer is what a practitioner would write: nn.Modules, a plain loop, torch.optim.SGD. Both see the images of
the training half in their own random order, flipped at random, and are measured on the test half after the last
epoch. A folder holds what is done already, so that a stopped comparison goes on.

    apt-get install python3-torch python3-torchvision
    python3 bench/learning.py --model resnet8 --epochs 10 --out build/learning/resnet8
    python3 bench/learning.py --model resnet18 --epochs 5 --out build/learning/resnet18
    python3 bench/learning.py --kinds --out build/learning/kinds      # lorae, full and head on another domain
"""

import argparse
import gzip
import json
import math
import pathlib
import subprocess
import sys

MEAN, DEVIATION = 0.2860, 0.3530
RECIPE = {"batch_size": 64, "learning_rate": 0.05, "momentum": 0.9, "weight_decay": 5e-4, "warmup_epochs": 0.5,
          "final_fraction": 0.01}
DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")
# How `lorae train` is asked for the same networks and pictures.
OURS = {"resnet8": [], "resnet18": ["model.stem=standard", "model.height=32", "model.width=32"]}


def read_idx(path):
    import torch
    raw = gzip.decompress(path.read_bytes())
    shape = [int.from_bytes(raw[4 + 4 * i:8 + 4 * i], "big") for i in range(raw[3])]
    return torch.frombuffer(bytearray(raw[4 + 4 * raw[3]:]), dtype=torch.uint8).reshape(shape)


def resnet8():
    """32-64-128 channels, one residual block each, a 3x3 stem."""
    from torch import nn
    from torchvision.models.resnet import BasicBlock, conv1x1

    class ResNet8(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Sequential(nn.Conv2d(1, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU())
            blocks, width = [], 32
            for planes, stride in ((32, 1), (64, 2), (128, 2)):
                shortcut = None if stride == 1 else nn.Sequential(conv1x1(width, planes, stride),
                                                                  nn.BatchNorm2d(planes))
                blocks.append(BasicBlock(width, planes, stride, shortcut))
                width = planes
            self.blocks = nn.Sequential(*blocks)
            self.fc = nn.Linear(128, 10)
            for module in self.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

        def forward(self, x):
            return self.fc(self.blocks(self.stem(x)).mean((2, 3)))

    return ResNet8()


def resnet18():
    import torchvision
    from torch import nn
    model = torchvision.models.resnet18(num_classes=10)
    model.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    nn.init.kaiming_normal_(model.conv1.weight, mode="fan_out", nonlinearity="relu")
    return model


def theirs(model_name, epochs, seed, kept):
    """PyTorch's accuracy on the test half. `kept` holds the state after an epoch, so that a stopped run goes on."""
    import torch
    import torch.nn.functional as F
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    side = 32 if model_name == "resnet18" else 28

    def half(prefix):
        images = read_idx(DATA / f"{prefix}-images-idx3-ubyte.gz")[:, None].float()
        if side != 28:
            images = F.interpolate(images, (side, side), mode="bilinear", align_corners=False).round()
        labels = read_idx(DATA / f"{prefix}-labels-idx1-ubyte.gz").long()
        return (images / 255 - MEAN) / DEVIATION, labels

    images, labels = half("train")
    model = {"resnet8": resnet8, "resnet18": resnet18}[model_name]()
    optimiser = torch.optim.SGD(model.parameters(), lr=RECIPE["learning_rate"], momentum=RECIPE["momentum"],
                                weight_decay=RECIPE["weight_decay"])
    batch, begin = RECIPE["batch_size"], 0
    if kept.exists():
        state = torch.load(kept)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["random"])
        begin = state["epochs"]
    for epoch in range(begin, epochs):
        model.train()
        order = torch.randperm(len(images))
        for first in range(0, len(images), batch):
            progress, warm = epoch + first / len(images), RECIPE["warmup_epochs"]
            fall = (1 + math.cos(math.pi * (progress - warm) / (epochs - warm))) / 2
            factor = max(progress / warm, 1e-3) if progress < warm else \
                RECIPE["final_fraction"] + (1 - RECIPE["final_fraction"]) * fall
            optimiser.param_groups[0]["lr"] = RECIPE["learning_rate"] * factor
            chosen = order[first:first + batch]
            x = images[chosen]
            flipped = torch.rand(len(x)) < 0.5
            x[flipped] = x[flipped].flip(3)
            optimiser.zero_grad(set_to_none=True)
            F.cross_entropy(model(x), labels[chosen]).backward()
            optimiser.step()
        part = kept.with_suffix(".part")
        torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict(),
                    "random": torch.get_rng_state(), "epochs": epoch + 1}, part)
        part.replace(kept)
    model.eval()
    images, labels = half("t10k")
    with torch.no_grad():
        right = sum((model(images[i:i + 500]).argmax(1) == labels[i:i + 500]).sum().item()
                    for i in range(0, len(images), 500))
    return right / len(images)


def settings(epochs, more=()):
    keys = [f"train.{key}={value}" for key, value in RECIPE.items()]
    keys += ["train.schedule=cosine", f"train.epochs={epochs}", "augment.flip=0.5", *more]
    return [part for key in keys for part in ("--set", key)]


def start_ours(lorae, data, out, arguments):
    """Begins a training, or goes on with it; None if it is done."""
    if (out / "train.json").exists() and not json.loads((out / "train.json").read_text())["stopped"]:
        return None
    resume = ["--resume"] if (out / "config.toml").exists() else []
    return subprocess.Popen([lorae, "train", str(data), "--out", str(out), *arguments, *resume],
                            stdout=subprocess.DEVNULL)


def accuracy_of(out):
    """On the test half, after the last epoch: the best one would have been chosen by looking."""
    head, *rows = (out / "results.csv").read_text().splitlines()
    return float(rows[-1].split(",")[head.split(",").index("val/top1")])


def compare(arguments):
    import statistics
    ours, peers = [], []
    for seed in arguments.seeds:
        out = arguments.out / f"lorae-seed{seed}"
        running = start_ours(arguments.lorae, DATA, out,
                             ["--model", arguments.model, "--kind", "full", "--seed", str(seed),
                              *settings(arguments.epochs, [*OURS[arguments.model], "train.workers=0", "threads=1"])])
        done = arguments.out / f"pytorch-seed{seed}"
        if not done.exists():
            done.parent.mkdir(parents=True, exist_ok=True)
            value = theirs(arguments.model, arguments.epochs, seed, done.with_suffix(".pt"))
            done.write_text(str(value))
        if running is not None and running.wait() != 0:
            sys.exit("lorae train failed")
        ours.append(accuracy_of(out))
        peers.append(float(done.read_text()))
        print(f"seed {seed}: lorae {100 * ours[-1]:.2f} %, PyTorch {100 * peers[-1]:.2f} %", flush=True)
    difference = 100 * (statistics.mean(ours) - statistics.mean(peers))
    print(f"{arguments.model}, {arguments.epochs} epochs, mean of {len(ours)}: lorae {100 * statistics.mean(ours):.2f} %, "
          f"PyTorch {100 * statistics.mean(peers):.2f} %, difference {difference:+.2f} points")


def write_idx(path, magic, array):
    header = magic.to_bytes(4, "big") + b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(gzip.compress(header + array.numpy().tobytes(), 1))


def compare_kinds(arguments):
    """A backbone of Fashion-MNIST, adapted to the same pictures turned and inverted."""
    import torch
    domain = arguments.out / "turned"
    domain.mkdir(parents=True, exist_ok=True)
    for prefix in ("train", "t10k"):
        images = read_idx(DATA / f"{prefix}-images-idx3-ubyte.gz")
        write_idx(domain / f"{prefix}-images-idx3-ubyte.gz", 0x803, (255 - torch.rot90(images, 1, (1, 2))).contiguous())
        (domain / f"{prefix}-labels-idx1-ubyte.gz").write_bytes((DATA / f"{prefix}-labels-idx1-ubyte.gz").read_bytes())
    common = ["--model", arguments.model, "--seed", "0"]
    start = start_ours(arguments.lorae, DATA, arguments.out / "backbone",
                       [*common, "--kind", "full", *settings(3, OURS[arguments.model])])
    if start is not None and start.wait() != 0:
        sys.exit("lorae train failed")
    weights = ["--weights", str(arguments.out / "backbone" / "best.safetensors")]
    accuracy = {}
    for kind in ("lorae", "full", "head"):
        out = arguments.out / kind
        running = start_ours(arguments.lorae, domain, out,
                             [*common, "--kind", kind, "--rank", "8", *weights,
                              *settings(arguments.epochs, OURS[arguments.model])])
        if running is not None and running.wait() != 0:
            sys.exit("lorae train failed")
        accuracy[kind] = 100 * accuracy_of(out)
        print(f"{kind}: {accuracy[kind]:.2f} %", flush=True)
    print(f"lorae against full {accuracy['lorae'] - accuracy['full']:+.2f} points, against head "
          f"{accuracy['lorae'] - accuracy['head']:+.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=sorted(OURS), default="resnet8")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2],
                        help="one at a time keeps a command under an hour; the last call with all of them sums up")
    parser.add_argument("--kinds", action="store_true")
    parser.add_argument("--lorae", default="build/release/bin/lorae")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    (compare_kinds if arguments.kinds else compare)(arguments)


if __name__ == "__main__":
    main()
