#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lorae's COCO metrics beside pycocotools' on the same predictions, boxes and masks.

Usage: coco_peer.py [--stats build/dev/bin/bench_coco_stats] [--lorae build/release/bin/lorae --data DATA]
                    ANNOTATIONS.json PREDICTIONS.json
       coco_peer.py --make DIR [--images N] [--seed S]

The first form compares all twelve numbers of bench_coco_stats, and, with --lorae, mAP50 and mAP50-95 of
`lorae val DATA --protocol coco --predictions PREDICTIONS.json --json`. Exit status 1 if a difference is over
1e-6. The second form writes annotations.json and predictions.json that are hard: crowds, polygons of parts,
run lengths, equal scores, objects of all sizes, more than 100 detections of a class, pictures of nothing.
Needs pycocotools and numpy.
"""
import argparse
import contextlib
import io
import json
import pathlib
import subprocess
import sys
import time

try:
    import numpy as np
    from pycocotools import mask as masks
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
except ImportError as error:
    sys.exit(f"coco_peer: {error}; pip install pycocotools numpy")

TOLERANCE = 1e-6
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
    for image in range(1, images + 1):
        width, height = (int(v) for v in rng.integers(80, 400, 2))
        pictures.append({"id": image, "width": width, "height": height, "file_name": f"{image}.jpg"})

        def predict(category, box, lines):
            segmentation = run_lengths(lines, height, width, True)
            score = round(float(rng.uniform(0, 1)), int(rng.integers(1, 4)))  # many are equal
            predictions.append({"image_id": image, "category_id": category, "bbox": box, "score": score,
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
            annotations.append({"id": len(annotations) + 1, "image_id": image, "category_id": category,
                                "bbox": box, "area": area, "iscrowd": int(crowd), "segmentation": segmentation})
            for _ in range(rng.integers(0, 4)):
                near = jittered(rng, box, width, height, rng.choice([.02, .1, .3]))
                predict(category if rng.random() < .9 else int(rng.integers(1, 7)), near,
                        moved(lines, box, near))
        for _ in range(130 if image % 17 == 0 else rng.integers(0, 4)):
            box = jittered(rng, [width / 3, height / 3, width / 6, height / 6], width, height, .6)
            predict(1, box, outline(rng, box, 1))
    folder.mkdir(parents=True, exist_ok=True)
    categories = [{"id": i, "name": f"class {i}"} for i in range(1, 7)]
    (folder / "annotations.json").write_text(
        json.dumps({"images": pictures, "annotations": annotations, "categories": categories}))
    (folder / "predictions.json").write_text(json.dumps(predictions))
    print(f"{folder}: {images} pictures, {len(annotations)} objects, {len(predictions)} predictions")


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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--make", type=pathlib.Path)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stats", default="build/dev/bin/bench_coco_stats")
    parser.add_argument("--lorae")
    parser.add_argument("--data")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    if options.make:
        return make(options.make, options.images, options.seed)
    if len(options.files) != 2:
        parser.error("expected ANNOTATIONS.json and PREDICTIONS.json")
    wanted, seconds = peer(*options.files)
    output = subprocess.run([options.stats, *options.files], check=True, capture_output=True, text=True).stdout
    got = json.loads(output)
    print(f"seconds: lorae {got['seconds']:.2f}, pycocotools {seconds:.2f}")
    good = [compare(name, got[name], wanted[name]) for name in wanted]
    if options.lorae:
        command = [options.lorae, "val", options.data, "--protocol", "coco", "--predictions", options.files[1],
                   "--json"]
        metrics = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["metrics"]
        for name, prefix in (("boxes", ""), ("masks", "mask_")):
            if name in wanted:
                pair = [metrics[prefix + "map50_95"], metrics[prefix + "map50"]]
                good.append(compare(f"lorae val, {name}", pair, wanted[name][:2]))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
