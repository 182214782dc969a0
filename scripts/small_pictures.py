#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small set of class folders out of Fashion-MNIST: OUT/train and OUT/test, a folder for each class.

Usage: small_pictures.py OUT [PICTURES_PER_HALF]
The first pictures of each half, as many of each class; grey PNGs of 28 x 28 pixels. Standard library alone.
"""
import gzip
import pathlib
import struct
import sys
import zlib

SOURCE = pathlib.Path("/usr/share/datasets/fashion-mnist")  # Debian's dataset-fashion-mnist
SIDE = 28
CLASSES = 10
HALVES = {"train": "train", "test": "t10k"}


def read(name, head):
    return gzip.open(SOURCE / name).read()[head:]


def png(pixels):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + pixels[y * SIDE:(y + 1) * SIDE] for y in range(SIDE))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def main():
    out = pathlib.Path(sys.argv[1])
    most = int(sys.argv[2]) // CLASSES if len(sys.argv) > 2 else 10
    for half, prefix in HALVES.items():
        images, labels = read(f"{prefix}-images-idx3-ubyte.gz", 16), read(f"{prefix}-labels-idx1-ubyte.gz", 8)
        taken = [0] * CLASSES
        for i, label in enumerate(labels):
            if taken[label] < most:
                folder = out / half / f"class{label}"
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{i:05}.png").write_bytes(png(images[i * SIDE * SIDE:(i + 1) * SIDE * SIDE]))
                taken[label] += 1


main()
