# SPDX-License-Identifier: Apache-2.0
"""A YOLO folder of `lorae data scenes`, its pictures changed for training with OpenCV and numpy.

Order: that of `lorae train` with the same seed. Changes: of the same kinds and ranges, from random numbers of
their own. Pictures are held in memory.
"""
import hashlib
import math
import pathlib
import re

import cv2
import numpy as np

GREY = 114
TRANSLATE, SCALE, FLIP, COLOURS = .1, .5, .5, (.015, .7, .4)
LEAST_SIDE, LEAST_PART, LONGEST = 2, {False: .1, True: .01}, 100  # of boxes and outlines that stay
POINTS = 1000  # of an outline that is moved
cv2.setNumThreads(0)


def philox(counter, key):
    """Philox4x32-10: Salmon et al. 2011."""
    c, k = [counter & 0xFFFFFFFF, counter >> 32, 0, 0], [key & 0xFFFFFFFF, key >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def derived(seed, purpose, index=0):
    """base/seed.h: the seed of one purpose."""
    text = seed.to_bytes(8, "little") + purpose.encode() + b"\0\0" + index.to_bytes(8, "little")
    return int.from_bytes(hashlib.blake2b(text, digest_size=32).digest()[:8], "little")


def order(images, seed, epoch):
    """In which `lorae train --seed SEED` shows its pictures."""
    key, values, block = derived(derived(seed, "train"), "shuffle", epoch), list(range(images)), []

    def draws():
        counter = 0
        while True:
            a, b, c, d = philox(counter, key)
            yield a << 32 | b
            yield c << 32 | d
            counter += 1

    stream = draws()
    for size in range(images, 1, -1):
        unfair = (1 << 64) % size
        draw = next(value for value in stream if value >= unfair)
        values[size - 1], values[draw % size] = values[draw % size], values[size - 1]
    return values


class Scenes:
    """One half of a folder: pictures as RGB, objects as (label, points in pixels, is an outline)."""

    def __init__(self, folder, half, side):
        folder = pathlib.Path(folder)
        text = (folder / "data.yaml").read_text()
        self.classes = int(re.search(r"^nc: *(\d+)", text, re.M)[1])
        self.files = sorted((folder / "images" / half).iterdir())
        self.side = side
        self.pictures, self.objects = [], []
        for file in self.files:
            picture = cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB)
            if max(picture.shape[:2]) != side:
                raise SystemExit(f"{file}: expected a longer side of {side} pixels, got {picture.shape[:2]}")
            self.pictures.append(picture)
            self.objects.append(list(self.read(folder / "labels" / half / (file.stem + ".txt"), picture.shape)))

    @staticmethod
    def read(file, shape):
        for line in dict.fromkeys(file.read_text().splitlines() if file.exists() else []):
            label, *numbers = line.split()
            numbers = np.array(numbers, float)
            outline = len(numbers) > 4
            if not outline:
                x, y, w, h = numbers
                numbers = np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
            yield int(label), numbers.reshape(-1, 2).clip(0, 1) * (shape[1], shape[0]), outline

    def plain(self, index):
        """A picture as it is, letterboxed, and its objects as rows (label, x0, y0, x1, y1)."""
        picture, shift = letterboxed(self.pictures[index], self.side)
        return picture, [(label, *(points + shift).min(0), *(points + shift).max(0))
                         for label, points, _ in self.objects[index]]

    def changed(self, index, random, compose):
        side = self.side
        if compose:
            picture, objects = self.mosaic(index, random)
        else:
            picture, shift = letterboxed(self.pictures[index], side)
            objects = [(label, points + shift, outline) for label, points, outline in self.objects[index]]
        picture, rows = moved(picture, objects, side, random)
        picture = recoloured(picture, 1 + random.uniform(-1, 1, 3) * COLOURS)
        if random.random() < FLIP:
            picture = picture[:, ::-1]
            rows = [(label, side - x1, y0, side - x0, y1) for label, x0, y0, x1, y1 in rows]
        return picture, rows

    def mosaic(self, index, random):
        side = self.side
        y, x = random.integers(side // 2, side // 2 + side, 2)
        canvas, objects = np.full((2 * side, 2 * side, 3), GREY, np.uint8), []
        for corner, one in enumerate([index, *random.integers(0, len(self.files), 3)]):
            tile = self.pictures[one]
            h, w = tile.shape[:2]
            left, top = (x if corner & 1 else x - w), (y if corner & 2 else y - h)
            x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + w, 2 * side), min(top + h, 2 * side)
            canvas[y0:y1, x0:x1] = tile[y0 - top:y1 - top, x0 - left:x1 - left]
            for label, points, outline in self.objects[one]:
                points = (points + (left, top)).clip(0, 2 * side)
                if (np.ptp(points, 0) > 0).all():
                    objects.append((label, points, outline))
        return canvas, objects


def letterboxed(picture, side):
    h, w = picture.shape[:2]
    left, top = round((side - w) / 2 - .1), round((side - h) / 2 - .1)
    if (h, w) == (side, side):
        return picture, np.array([0., 0.])
    canvas = np.full((side, side, 3), GREY, np.uint8)
    canvas[top:top + h, left:left + w] = picture
    return canvas, np.array([left, top], float)


def dense(points):
    """An outline of POINTS points and its own."""
    closed = np.vstack((points, points[:1]))
    at = np.union1d(np.linspace(0, len(points), POINTS, endpoint=False), np.arange(len(points)))
    return np.stack([np.interp(at, np.arange(len(closed)), closed[:, i]) for i in range(2)], 1)


def moved(picture, objects, side, random):
    """Scaled and shifted at random into a frame of `side` pixels; what is left of the objects, as boxes."""
    h, w = picture.shape[:2]
    scale = random.uniform(1 - SCALE, 1 + SCALE)
    shift = random.uniform(.5 - TRANSLATE, .5 + TRANSLATE, 2) * side - scale * np.array([w / 2, h / 2])
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    picture = cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR, borderValue=(GREY,) * 3)
    rows = []
    for label, points, outline in objects:
        before = np.ptp(points, 0).prod() * scale ** 2
        at = (dense(points) if outline else points) * scale + shift
        if outline:
            at = at[((at >= 0) & (at <= side)).all(1)]
            if len(at) == 0:
                continue
        at = at.clip(0, side)
        width, height = np.ptp(at, 0)
        if min(width, height) > LEAST_SIDE and width * height / (before + 1e-16) > LEAST_PART[outline] and \
                max(width / height, height / width) < LONGEST:
            rows.append((label, *at.min(0), *at.max(0)))
    return picture, rows


def recoloured(picture, gains):
    steps = np.arange(256)[:, None] * gains
    steps[:, 0] %= 180
    table = np.clip(steps, 0, 255).astype(np.uint8)[None]
    return cv2.cvtColor(cv2.LUT(cv2.cvtColor(picture, cv2.COLOR_RGB2HSV), table), cv2.COLOR_HSV2RGB)


def batches(images, size):
    return math.ceil(images / size)
