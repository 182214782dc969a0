#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lorae's COCO metrics beside pycocotools' on the same predictions, boxes and masks.

Usage: coco_peer.py --lorae build/release/bin/lorae [--run TRAINING] DATA [PREDICTIONS.json]
       coco_peer.py --stats build/dev/bin/bench_coco_stats DATA PREDICTIONS.json
       coco_peer.py --make DATA [--images N] [--seed S]

DATA is a COCO folder: annotations/instances_val.json and its pictures. The first form compares mAP50 and mAP50-95
of `lorae val DATA --protocol coco --predictions PREDICTIONS.json` with pycocotools'; with --run, whose model
`lorae val --save-json` makes the predictions by first, what it said then, too. The second form compares all twelve
numbers. Exit status 1 if a difference is over 1e-6. The third form writes DATA and DATA/predictions.json that
are hard: crowds, polygons of parts, run lengths, equal scores, objects of all sizes, more than 100 detections of a
class, pictures of nothing, ids in no order. Needs pycocotools and numpy.
"""
import argparse
import contextlib
import io
import json
import pathlib
import subprocess
import sys
import time
import zlib

try:
    import numpy as np
    from pycocotools import mask as masks
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
except ImportError as error:
    sys.exit(f"coco_peer: {error}; pip install pycocotools numpy")

TOLERANCE = 1e-6
CATEGORIES = {1: 4, 2: 5, 3: 44, 4: 8, 5: 90, 6: 17}  # ids of the classes
NAMES = "AP AP50 AP75 APs APm APl AR1 AR10 AR100 ARs ARm ARl".split()


def polygon(rng, x, y, w, h):
    """A star-shaped outline within a box."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 9)))
    radii = rng.uniform(0.6, 1, len(angles))
    points = np.stack([x + w / 2 * (1 + radii * np.cos(angles)), y + h / 2 * (1 + radii * np.sin(angles))], 1)
    return [round(float(v), 2) for v in points.ravel()]


def outline(rng, box, parts):
    x, y, w, h = box
    return [polygon(rng, x + i * w / parts, y, w / parts, h) for i in range(parts)]


def moved(lines, before, after):
    """Outlines that lay in one box, in another one."""
    scale = np.array(after[2:]) / before[2:]
    return [((np.reshape(line, (-1, 2)) - before[:2]) * scale + after[:2]).ravel().round(2).tolist()
            for line in lines]


def run_lengths(segmentation, height, width, text):
    packed = masks.merge(masks.frPyObjects(segmentation, height, width))
    if text:
        return {"size": [height, width], "counts": packed["counts"].decode()}
    pixels = masks.decode(packed).ravel(order="F")
    edges = np.flatnonzero(np.diff(pixels, prepend=0, append=2))
    return {"size": [height, width], "counts": np.diff(edges, prepend=0).tolist()}


def jittered(rng, box, width, height, amount):
    x, y, w, h = box
    x, y = x + rng.normal(0, amount * w), y + rng.normal(0, amount * h)
    w, h = w * np.exp(rng.normal(0, amount)), h * np.exp(rng.normal(0, amount))
    x, y = np.clip(x, 0, width - 2), np.clip(y, 0, height - 2)
    return [round(float(v), 2) for v in (x, y, max(1, min(w, width - x)), max(1, min(h, height - y)))]


def make(folder, images, seed):
    rng = np.random.default_rng(seed)
    annotations, predictions, pictures = [], [], []
    for image in (3 + 7 * rng.permutation(images)).tolist():
        width, height = (int(v) for v in rng.integers(80, 400, 2))
        pictures.append({"id": image, "width": width, "height": height, "file_name": f"shot-{len(pictures)}.png"})

        def predict(category, box, lines):
            segmentation = run_lengths(lines, height, width, True)
            score = round(float(rng.uniform(0, 1)), int(rng.integers(1, 4)))  # many are equal
            predictions.append({"image_id": image, "category_id": CATEGORIES[category], "bbox": box, "score": score,
                                "segmentation": segmentation})

        for _ in range(rng.integers(0, 9)):
            category = int(rng.integers(1, 6))
            size = rng.choice([12, 40, 150], p=[.4, .4, .2])
            w, h = np.minimum(rng.uniform(.4, 1.6, 2) * size, (width - 4, height - 4))
            box = [float(rng.uniform(0, width - w)), float(rng.uniform(0, height - h)), float(w), float(h)]
            box = [round(v, 2) for v in box]
            crowd = rng.random() < 0.1
            lines = segmentation = outline(rng, box, int(rng.integers(1, 4)))
            area = float(masks.area(masks.merge(masks.frPyObjects(segmentation, height, width))))
            if crowd:
                segmentation = run_lengths(segmentation, height, width, False)
            annotations.append({"id": len(annotations) + 1, "image_id": image, "category_id": CATEGORIES[category],
                                "bbox": box, "area": area, "iscrowd": int(crowd), "segmentation": segmentation})
            for _ in range(rng.integers(0, 4)):
                near = jittered(rng, box, width, height, rng.choice([.02, .1, .3]))
                predict(category if rng.random() < .9 else int(rng.integers(1, 7)), near,
                        moved(lines, box, near))
        for _ in range(130 if len(pictures) % 17 == 0 else rng.integers(0, 4)):
            box = jittered(rng, [width / 3, height / 3, width / 6, height / 6], width, height, .6)
            predict(1, box, outline(rng, box, 1))
    for part in ("annotations", "train", "val"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    categories = [{"id": id_, "name": f"class {i}"} for i, id_ in CATEGORIES.items()]
    for half, shown, things in (("train", pictures[:1], []), ("val", pictures, annotations)):
        (folder / "annotations" / f"instances_{half}.json").write_text(
            json.dumps({"images": shown, "annotations": things, "categories": categories}))
        for picture in shown:
            write_grey(folder / half / picture["file_name"], picture["width"], picture["height"])
    (folder / "predictions.json").write_text(json.dumps(predictions))
    print(f"{folder}: {images} pictures, {len(annotations)} objects, {len(predictions)} predictions")


def write_grey(path, width, height):
    """A PNG of one grey."""
    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    rows = zlib.compress((b"\0" + b"\x72" * width) * height)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


def peer(annotations, predictions):
    wanted = {}
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations))
        found = truth.loadRes(str(predictions))
        start = time.monotonic()
        kinds = {"boxes": "bbox"}
        if all("segmentation" in one for one in json.loads(predictions.read_text())):
            kinds["masks"] = "segm"
        for name, kind in kinds.items():
            evaluation = COCOeval(truth, found, kind)
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
            wanted[name] = [float(v) for v in evaluation.stats]
    return wanted, time.monotonic() - start


def compare(label, got, wanted):
    worst = max(abs(a - b) for a, b in zip(got, wanted, strict=True))
    print(f"{label}: largest difference {worst:.1e}")
    for name, a, b in zip(NAMES if len(got) == 12 else ["mAP50-95", "mAP50"], got, wanted):
        print(f"  {name:9} {a:.6f} {b:.6f}" + ("" if abs(a - b) <= TOLERANCE else "  DIFFERS"))
    return worst <= TOLERANCE


def said_by(lorae, data, *arguments):
    """mAP50-95 and mAP50 of boxes, and of masks."""
    command = [lorae, "val", data, "--protocol", "coco", "--json", *arguments]
    metrics = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["metrics"]
    return {name: [metrics[prefix + "map50_95"], metrics[prefix + "map50"]]
            for name, prefix in (("boxes", ""), ("masks", "mask_")) if prefix + "map50" in metrics}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stats")
    parser.add_argument("--lorae")
    parser.add_argument("--run")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("predictions", type=pathlib.Path, nargs="?")
    options = parser.parse_args()
    if options.make:
        return make(options.data, options.images, options.seed)
    predictions = options.predictions or options.data / "predictions.json"
    annotations = options.data / "annotations" / "instances_val.json"
    said = {}
    if options.run:
        said["lorae val"] = said_by(options.lorae, options.data, "--run", options.run, "--save-json", predictions)
    wanted, seconds = peer(annotations, predictions)
    if options.lorae:
        said["lorae val --predictions"] = said_by(options.lorae, options.data, "--predictions", predictions)
    good = [compare(f"{who}, {name}", says[name], wanted[name][:2]) for who, says in said.items() for name in wanted]
    if options.stats:
        output = subprocess.run([options.stats, annotations, predictions], check=True, capture_output=True,
                                text=True).stdout
        got = json.loads(output)
        print(f"seconds: lorae {got['seconds']:.2f}, pycocotools {seconds:.2f}")
        good += [compare(name, got[name], wanted[name]) for name in wanted]
    return 0 if good and all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
