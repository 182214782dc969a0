#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""torchvision's ResNet-50 beside ours, one image on one thread, in turn.

Usage: inference.py [--bench build/dev/bin/bench_inference]
"""
import argparse
import subprocess
import sys
import time

try:
    import torch
    import torchvision
except ImportError as error:
    sys.exit(f"inference: {error}; pip install torch torchvision")


def best(run, repeats=15):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", default="build/dev/bin/bench_inference")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = torchvision.models.resnet50(num_classes=80).eval()
    images = torch.rand(1, 3, 224, 224)
    for _ in range(2):
        with torch.no_grad():
            print(f"PyTorch {torch.__version__} resnet50 224: {best(lambda: model(images)):.1f} ms")
        subprocess.run([arguments.bench, "resnet50", "224"], check=True)


main()
