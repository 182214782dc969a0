# SPDX-License-Identifier: Apache-2.0
"""YOLOv8 detectors in plain PyTorch: the peer of our comparisons.

Written from the same description as models/yolo*.cpp. Tensors have the names of the published
checkpoints, so that weights fit both ways.
"""
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

SIZES = {  # depth, width, most channels before width
    "n": (.33, .25, 1024), "s": (.33, .5, 1024), "m": (.67, .75, 768),
    "l": (1, 1, 512), "x": (1, 1.25, 512),
}
ROWS = [  # kind, channels, repeats, shortcut; "cat" has the row that it adds to the one before
    ("conv", 64), ("conv", 128), ("c2f", 128, 3, True), ("conv", 256), ("c2f", 256, 6, True),
    ("conv", 512), ("c2f", 512, 6, True), ("conv", 1024), ("c2f", 1024, 3, True), ("sppf", 1024),
    ("up",), ("cat", 6), ("c2f", 512, 3, False), ("up",), ("cat", 4), ("c2f", 256, 3, False),
    ("conv", 256), ("cat", 12), ("c2f", 512, 3, False),
    ("conv", 512), ("cat", 9), ("c2f", 1024, 3, False),
]
HEAD_ROWS = (15, 18, 21)
STRIDES = (8, 16, 32)
BINS = 16  # of the distribution of a box's side


class Conv(nn.Module):
    def __init__(self, inputs, outputs, kernel=1, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3, momentum=.03)
        self.act = nn.SiLU(inplace=True)

    def forward(self, x):
        return self.act(self.bn(self.conv(x)))


class Bottleneck(nn.Module):
    def __init__(self, channels, shortcut):
        super().__init__()
        self.cv1 = Conv(channels, channels, 3)
        self.cv2 = Conv(channels, channels, 3)
        self.shortcut = shortcut

    def forward(self, x):
        y = self.cv2(self.cv1(x))
        return x + y if self.shortcut else y


class C2f(nn.Module):
    def __init__(self, inputs, outputs, repeats, shortcut):
        super().__init__()
        width = outputs // 2
        self.cv1 = Conv(inputs, 2 * width)
        self.cv2 = Conv((2 + repeats) * width, outputs)
        self.m = nn.ModuleList(Bottleneck(width, shortcut) for _ in range(repeats))

    def forward(self, x):
        parts = list(self.cv1(x).chunk(2, 1))
        for block in self.m:
            parts.append(block(parts[-1]))
        return self.cv2(torch.cat(parts, 1))


class Sppf(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.cv1 = Conv(inputs, inputs // 2)
        self.cv2 = Conv(inputs // 2 * 4, outputs)
        self.pool = nn.MaxPool2d(5, 1, 2)

    def forward(self, x):
        parts = [self.cv1(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.cv2(torch.cat(parts, 1))


class Dfl(nn.Module):
    """The expectation of each side's distribution: [N, 4 * BINS, A] to [N, 4, A]."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(BINS, 1, 1, bias=False).requires_grad_(False)
        self.conv.weight.copy_(torch.arange(BINS).view(1, BINS, 1, 1))

    def forward(self, x):
        return self.conv(x.unflatten(1, (4, BINS)).transpose(1, 2).softmax(1)).squeeze(1)


def branch(inputs, hidden, outputs):
    return nn.Sequential(Conv(inputs, hidden, 3), Conv(hidden, hidden, 3),
                         nn.Conv2d(hidden, outputs, 1))


class Detect(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        box, score = max(channels[0] // 4, 4 * BINS), max(channels[0], min(classes, 100))
        self.cv2 = nn.ModuleList(branch(c, box, 4 * BINS) for c in channels)
        self.cv3 = nn.ModuleList(branch(c, score, classes) for c in channels)
        self.dfl = Dfl()

    def raw(self, maps):
        """What the loss learns from: each level's [N, 4 * BINS + classes, H, W]."""
        return [torch.cat((box(x), score(x)), 1)
                for box, score, x in zip(self.cv2, self.cv3, maps)]

    def forward(self, maps):
        boxes = torch.cat([run(x).flatten(2) for run, x in zip(self.cv2, maps)], 2)
        scores = torch.cat([run(x).flatten(2) for run, x in zip(self.cv3, maps)], 2)
        centres, strides = [], []
        for x, stride in zip(maps, STRIDES):
            rows, columns = (torch.arange(n, device=x.device, dtype=x.dtype) + .5
                             for n in x.shape[2:])
            centres.append(torch.cartesian_prod(rows, columns).flip(1).T)
            strides.append(x.new_full((centres[-1].shape[1],), stride))
        before, after = self.dfl(boxes).chunk(2, 1)
        boxes = torch.cat((torch.cat(centres, 1) + (after - before) / 2, before + after), 1)
        return torch.cat((boxes * torch.cat(strides), scores.sigmoid()), 1)


class Yolov8(nn.Module):
    """Images [N, 3, H, W], H and W multiples of 32, to [N, 4 + classes, anchors].

    A column: centre, width and height in pixels, then scores.
    """

    def __init__(self, size="n", classes=80):
        super().__init__()
        depth, width, most = SIZES[size]
        channels = [3]  # before row 0, then of each row
        self.model = nn.ModuleList()
        for kind, *row in ROWS:
            inputs = channels[-1]
            if kind == "up":
                layer, outputs = nn.Upsample(scale_factor=2), inputs
            elif kind == "cat":
                layer, outputs = nn.Identity(), inputs + channels[row[0] + 1]
            else:
                outputs = 8 * -int(-min(row[0], most) * width // 8)
                if kind == "conv":
                    layer = Conv(inputs, outputs, 3, 2)
                elif kind == "sppf":
                    layer = Sppf(inputs, outputs)
                else:
                    layer = C2f(inputs, outputs, max(round(row[1] * depth), 1), row[2])
            self.model.append(layer)
            channels.append(outputs)
        self.model.append(Detect([channels[i + 1] for i in HEAD_ROWS], classes))

    def features(self, x):
        maps = []
        for layer, (kind, *row) in zip(self.model, ROWS):
            x = torch.cat((x, maps[row[0]]), 1) if kind == "cat" else layer(x)
            maps.append(x)
        return [maps[i] for i in HEAD_ROWS]

    def raw(self, x):
        return self.model[-1].raw(self.features(x))

    def forward(self, x):
        return self.model[-1](self.features(x))


def fold_norms(model):
    """Folds each BatchNorm into the convolution that its module has just before it."""
    for module in list(model.modules()):
        children = list(module.named_children())
        for (name, conv), (norm_name, norm) in zip(children, children[1:]):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, name, fuse_conv_bn_eval(conv, norm))
                setattr(module, norm_name, nn.Identity())
    return model
