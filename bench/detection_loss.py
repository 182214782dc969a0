# SPDX-License-Identifier: Apache-2.0
"""The loss of a YOLOv8 in plain PyTorch: task-aligned assignment, CIoU, distributions of sides, cross-entropy.

Written from the same description as tasks/vision/yolo_loss.cpp, but the other way round: dense, all anchors
against all objects, where ours is sparse.
"""
import math

import torch
import torch.nn.functional as F

from yolov8 import BINS, STRIDES

TOP, SCORE_POWER, OVERLAP_POWER = 10, .5, 6
GAINS = {"box": 7.5, "class": .5, "dfl": 1.5}
FARTHEST = BINS - 1 - .01  # cells


def complete_iou(a, b):
    """Of boxes [..., 4] as x0, y0, x1, y1."""
    w1, h1 = a[..., 2] - a[..., 0], a[..., 3] - a[..., 1] + 1e-7
    w2, h2 = b[..., 2] - b[..., 0], b[..., 3] - b[..., 1] + 1e-7
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    common = (high - low).clamp(min=0).prod(-1)
    iou = common / (w1 * h1 + w2 * h2 - common + 1e-7)
    around = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    diagonal = around.square().sum(-1) + 1e-7
    apart = (b[..., :2] + b[..., 2:] - a[..., :2] - a[..., 2:]).square().sum(-1) / 4
    v = 4 / math.pi ** 2 * (torch.atan(w2 / h2) - torch.atan(w1 / h1)).square()
    with torch.no_grad():
        alpha = v / (v - iou + (1 + 1e-7))
    return iou - (apart / diagonal + alpha * v)


@torch.no_grad()
def assign(scores, boxes, centres, labels, objects, real):
    """Which object each anchor learns, and how well it should do.

    scores [N, A, C], boxes [N, A, 4] and centres [A, 2] in pixels; labels [N, n], objects [N, n, 4] and
    real [N, n], False where a picture has fewer. Gives objects' numbers [N, A] and targets [N, A], 0: background.
    """
    inside = torch.cat((centres - objects[..., None, :2], objects[..., None, 2:] - centres), -1).amin(-1) > 1e-9
    inside &= real[..., None]                                                       # [N, n, A]
    overlaps = complete_iou(objects[:, :, None], boxes[:, None]).clamp(min=0) * inside
    own = scores.transpose(1, 2).gather(1, labels[..., None].expand(-1, -1, scores.shape[1]))
    fit = own ** SCORE_POWER * overlaps ** OVERLAP_POWER * inside
    chosen = torch.zeros_like(inside).scatter_(2, fit.topk(TOP, 2).indices, True) & inside
    best = F.one_hot(overlaps.argmax(1), objects.shape[1]).transpose(1, 2).bool()   # of an anchor that many want
    chosen = torch.where(chosen.sum(1, keepdim=True) > 1, best & inside, chosen)
    fit = fit * chosen
    most = (overlaps * chosen).amax(2, keepdim=True)
    targets = (fit * most / (fit.amax(2, keepdim=True) + 1e-9)).amax(1)
    return chosen.to(torch.uint8).argmax(1), targets * chosen.any(1)


def padded(targets, images, like):
    """labels [N, n], boxes [N, n, 4], real [N, n] of targets (image, label, x0, y0, x1, y1) in pixels."""
    of_image = [[row[1:] for row in targets if row[0] == i] for i in range(images)]
    most = max(map(len, of_image))
    rows = torch.tensor([own + [(0,) * 5] * (most - len(own)) for own in of_image], dtype=torch.float64)
    rows = rows.view(images, most, 5)
    real = torch.arange(most) < torch.tensor([[len(own)] for own in of_image])
    return rows[..., 0].long().to(like.device), rows[..., 1:].to(like), real.to(like.device)


def detection_loss(maps, targets):
    """The total, times the batch's images, and its parts by name, detached.

    maps: Yolov8.raw. targets: rows (image, label, x0, y0, x1, y1), in pixels of the images.
    """
    images = maps[0].shape[0]
    centres, strides = [], []
    for map_, stride in zip(maps, STRIDES):
        rows, columns = (torch.arange(n, dtype=map_.dtype, device=map_.device) + .5 for n in map_.shape[2:])
        centres.append(torch.cartesian_prod(rows, columns).flip(1))
        strides.append(map_.new_full((len(centres[-1]), 1), stride))
    centres, strides = torch.cat(centres), torch.cat(strides)
    flat = torch.cat([map_.flatten(2) for map_ in maps], 2).transpose(1, 2)         # [N, A, 4 BINS + C]
    bins, logits = flat[..., :4 * BINS].unflatten(2, (4, BINS)), flat[..., 4 * BINS:]
    sides = bins.softmax(3) @ torch.arange(BINS, dtype=flat.dtype, device=flat.device)
    boxes = torch.cat((centres - sides[..., :2], centres + sides[..., 2:]), 2)      # in cells

    labels, objects, real = padded(targets, images, flat)
    wanted = torch.zeros_like(logits)
    box = dfl = flat.sum() * 0
    size = 1
    if labels.shape[1] > 0:
        which, aim = assign(logits.detach().sigmoid(), boxes.detach() * strides, centres * strides, labels,
                            objects, real)
        wanted.scatter_(2, labels.gather(1, which)[..., None], aim[..., None])
        size = aim.sum().clamp(min=1)
        positive = aim > 0
        weights = aim[positive] / size
        truth = (objects.gather(1, which[..., None].expand(-1, -1, 4)) / strides)[positive]
        box = ((1 - complete_iou(boxes[positive], truth)) * weights).sum()
        at = centres.expand(images, -1, -1)[positive]
        far = torch.cat((at - truth[:, :2], truth[:, 2:] - at), 1).clamp(0, FARTHEST)
        low = far.floor().long()
        logs = bins[positive].log_softmax(2)
        near = [logs.gather(2, k[..., None])[..., 0] for k in (low, low + 1)]
        dfl = (-(near[0] * (low + 1 - far) + near[1] * (far - low)).mean(1) * weights).sum()
    classes = F.binary_cross_entropy_with_logits(logits, wanted, reduction="sum") / size
    parts = {"box": box * GAINS["box"], "class": classes * GAINS["class"], "dfl": dfl * GAINS["dfl"]}
    return sum(parts.values()) * images, {name: part.detach() for name, part in parts.items()}
