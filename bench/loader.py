#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our loader beside torchvision's DataLoader: images per second and memory, on JPEGs made from real pictures.

Each JPEG is a mosaic of Fashion-MNIST's pictures, enlarged and tinted, 224 x 224 pixels and 15 kB or more. Both
loaders read the same folder with two workers, decode, fit to 224 x 224, and give shuffled batches of 64 as bytes; they
run in turn, ROUNDS times, and medians are compared. Memory: our peak with all pictures against that with a tenth.

    apt-get install python3-torch python3-torchvision python3-pil
    python3 bench/loader.py --images 20000 --out build/loader
"""

import argparse
import gzip
import json
import pathlib
import statistics
import subprocess
import sys
import time

DATA = pathlib.Path("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")
SIDE, CLASSES, BATCH, WORKERS = 224, 10, 64, 2


def make_pictures(folder, count):
    import numpy as np
    from PIL import Image
    raw = gzip.decompress(DATA.read_bytes())
    pictures = np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 28, 28)
    random = np.random.default_rng(0)
    sizes = []
    for half, number in (("train", count), ("test", CLASSES)):
        for i in range(number):
            path = folder / half / f"class{i % CLASSES}" / f"{i:06}.jpg"
            if path.exists():
                sizes.append(path.stat().st_size)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            tiles = pictures[random.integers(0, len(pictures), 16)].reshape(4, 4, 28, 28)
            grey = tiles.transpose(0, 2, 1, 3).reshape(112, 112).repeat(2, 0).repeat(2, 1).astype(np.float32)
            tint = random.uniform(0.3, 1, 3) * grey[..., None] + random.normal(0, 6, (SIDE, SIDE, 3))
            Image.fromarray(tint.clip(0, 255).astype(np.uint8)).save(path, quality=90)
            sizes.append(path.stat().st_size)
    return statistics.mean(sizes)


def ours(lorae, folder):
    done = subprocess.run([lorae, "data", "bench", str(folder), "--workers", str(WORKERS), "--image-size", str(SIDE),
                           "--batch", str(BATCH), "--json"], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def theirs(folder):
    import torch
    from torchvision import datasets, transforms
    torch.set_num_threads(1)
    prepare = transforms.Compose([transforms.Resize((SIDE, SIDE)), transforms.PILToTensor()])
    loader = torch.utils.data.DataLoader(datasets.ImageFolder(folder / "train", prepare), BATCH, shuffle=True,
                                         num_workers=WORKERS)
    start, images = time.perf_counter(), 0
    for batch, _ in loader:
        images += len(batch)
    return images / (time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=20000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lorae", default="build/release/bin/lorae")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    all_of, tenth = arguments.out / "all", arguments.out / "tenth"
    kilobytes = make_pictures(all_of, arguments.images) / 1000
    make_pictures(tenth, arguments.images // 10)
    if kilobytes < 15:
        sys.exit(f"pictures of {kilobytes:.1f} kB: expected at least 15")
    peer, own, memory = [], [], []
    for _ in range(arguments.rounds):
        peer.append(theirs(all_of))
        one = ours(arguments.lorae, all_of)
        own.append(one["images_per_second"])
        memory.append(one["peak_memory_mb"])
    small = ours(arguments.lorae, tenth)["peak_memory_mb"]
    print(f"{arguments.images} JPEGs of {kilobytes:.1f} kB, {WORKERS} workers: lorae {statistics.median(own):.0f}, "
          f"torchvision {statistics.median(peer):.0f} images/s, ratio {statistics.median(own) / statistics.median(peer):.2f}")
    print(f"peak memory {max(memory):.1f} MB, with a tenth of the pictures {small:.1f} MB: {max(memory) - small:+.1f} MB")


if __name__ == "__main__":
    main()
