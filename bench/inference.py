#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same models in PyTorch and in ours, one image on one thread, in turn.

Usage: inference.py [--bench build/dev/bin/bench_inference] [--lorae build/dev/bin/lorae]
                    [MODEL ...]

ResNet-50 is torchvision's, YOLOv8n is yolov8.py. For each:
1. `lorae weights convert` writes weights that PyTorch loads strictly, and `lorae forward` gives
   with them what each variant in PyTorch gives, to 1e-4 of the largest coordinate, score or logit;
2. the variants in PyTorch and `bench_inference`, whose norms are folded too, run in turn. The best
   time of each counts; a ratio is our time over theirs.
Needs torch, torchvision and safetensors. Exit status 1 if outputs differ; then nothing is timed.
"""
import argparse
import copy
import math
import pathlib
import re
import subprocess
import sys
import tempfile
import time

try:
    import torch
    import torchvision
    from safetensors.torch import load_file, save_file
except ImportError as error:
    sys.exit(f"inference: {error}; pip install torch torchvision safetensors")

from interop import Lorae, difference, prepare
from yolov8 import Yolov8, fold_norms

TOLERANCE = 1e-4
CLASSES = 80
MODELS = {  # and the side of the image
    "yolov8n": (lambda: Yolov8("n", CLASSES), 640),
    "resnet50": (lambda: torchvision.models.resnet50(num_classes=CLASSES), 224),
}


def parts(output):
    """Tensors to compare apart: boxes are in pixels, scores are at most 1."""
    return [output[:, :4], output[:, 4:]] if output.dim() == 3 else [output]


def exchange(program, name, model, images):
    """Loads into `model` what lorae writes of it, and gives lorae's output for it."""
    with tempfile.TemporaryDirectory() as folder:
        lorae = Lorae(program, pathlib.Path(folder), name, CLASSES)
        save_file(model.state_dict(), lorae.path("theirs"))
        save_file({"input": images}, lorae.path("input"))
        lorae.run("weights", "convert", lorae.path("theirs"), "--model", name, "--classes",
                  str(CLASSES), "--output", lorae.path("weights"))
        model.load_state_dict(load_file(lorae.path("weights")), strict=True)
        return lorae.forward("weights")[0]


def fastest(run, repeats=15):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def ours(bench, name, side):
    text = subprocess.run([bench, name, str(side)], check=True, stdout=subprocess.PIPE,
                          text=True).stdout
    print(" ", text.strip(), flush=True)
    return float(re.search(r"backbone ([\d.]+) ms", text)[1])


def compare(arguments, name):
    make, side = MODELS[name]
    torch.manual_seed(0)
    images = torch.rand(1, 3, side, side)
    model = prepare(make(), images)
    expected = parts(exchange(arguments.lorae, name, model, images))
    folded = fold_norms(copy.deepcopy(model))
    variants = {
        "plain": model,
        "norms folded": folded,
        "folded, channels_last": copy.deepcopy(folded).to(memory_format=torch.channels_last),
    }
    print(f"{name} {side}, PyTorch {torch.__version__}")
    for label, variant in variants.items():
        worst = difference(parts(variant(images)), expected)
        print(f"  {label}: largest difference {worst:.1e}", flush=True)
        if not worst < TOLERANCE:
            return False
    best = dict.fromkeys(variants, math.inf)
    best_of_ours = math.inf
    for _ in range(arguments.rounds):
        for label, variant in variants.items():
            best[label] = min(best[label], fastest(lambda: variant(images)))
        best_of_ours = min(best_of_ours, ours(arguments.bench, name, side))
    for label, milliseconds in best.items():
        print(f"  {label}: {milliseconds:.1f} ms, ours {best_of_ours:.1f} ms, "
              f"ratio {best_of_ours / milliseconds:.2f}", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help=", ".join(MODELS))
    parser.add_argument("--bench", default="build/dev/bin/bench_inference", help="the benchmark")
    parser.add_argument("--lorae", default="build/dev/bin/lorae", help="the program")
    parser.add_argument("--rounds", type=int, default=2, help="of 15 runs of each")
    arguments = parser.parse_args()
    unknown = set(arguments.models) - set(MODELS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(MODELS)}")
    torch.set_num_threads(1)
    with torch.inference_mode():
        results = [compare(arguments, name) for name in arguments.models or MODELS]
    sys.exit(0 if all(results) else 1)


main()
