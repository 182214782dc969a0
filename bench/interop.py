#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Weights and adapters between lorae and torchvision, both ways.

Usage: interop.py [--lorae build/release/bin/lorae] [MODEL ...]

For each model, with random weights of a trained one's size:
1. torchvision's state dict, saved by Python's safetensors, gives in `lorae forward` what torchvision
   gives; also in double, with norms of the images' own statistics, by which every part of the model
   counts (and rounding grows through a deep one: there float32 says little);
2. `lorae adapter create` writes an adapter; Python's safetensors opens it, and fills its mappers;
3. `lorae adapter fuse` writes plain weights; torchvision loads them strictly, and gives what `lorae
   forward --adapter` gives, which is not what the backbone gives.
Needs torch, torchvision and safetensors. Exit status 1 if a difference is over 1e-5 of the largest
output, in double 1e-9.
"""
import argparse
import copy
import pathlib
import subprocess
import sys
import tempfile

try:
    import torch
    import torchvision
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file
except ImportError as error:
    sys.exit(f"interop: {error}; pip install torch torchvision safetensors")

TOLERANCE = 1e-5
TOLERANCE_DOUBLE = 1e-9
MODELS = {
    "resnet18": (lambda n: torchvision.models.resnet18(num_classes=n), 10),
    "resnet50": (lambda n: torchvision.models.resnet50(num_classes=n), 10),
    "resnet152": (lambda n: torchvision.models.resnet152(num_classes=n), 10),
    "efficientnet_b1": (lambda n: torchvision.models.efficientnet_b1(num_classes=n), 10),
    "deeplabv3_resnet50": (
        lambda n: torchvision.models.segmentation.deeplabv3_resnet50(
            weights_backbone=None, num_classes=n, aux_loss=False), 5),
    "fasterrcnn_resnet50_fpn_bn": (
        lambda n: torchvision.models.detection.fasterrcnn_resnet50_fpn(
            weights=None, weights_backbone=None, num_classes=n), 7),
}


def randomise(model):
    """Statistics and scales as after training, so that no layer dies."""
    generator = torch.Generator().manual_seed(1)
    for name, tensor in model.state_dict().items():
        if name.endswith("running_mean"):
            tensor.copy_(0.1 * torch.randn(tensor.shape, generator=generator))
        elif name.endswith("running_var"):
            tensor.copy_(1 + 0.5 * torch.rand(tensor.shape, generator=generator))
        elif name.endswith(("cls_score.weight", "cls_logits.weight")):
            tensor.mul_(3)  # scores far from each other, and from 1
        elif tensor.dim() == 1 and tensor.is_floating_point():
            tensor.copy_(tensor + 0.1 * torch.randn(tensor.shape, generator=generator))


def prepare(model, images):
    """Gives the norms the statistics of these images. Without, the signal fades with depth, and
    outputs would agree although a shortcut is missing."""
    randomise(model)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1
    with torch.no_grad():
        (model.backbone if hasattr(model, "roi_heads") else model).train()(images)
    return model.eval()


def reference(model, images):
    """torchvision's eval output, as lorae orders it."""
    with torch.no_grad():
        output = model.eval()(list(images) if hasattr(model, "roi_heads") else images)
    if isinstance(output, list):
        return [torch.cat([one["boxes"] for one in output]),
                torch.cat([one["scores"] for one in output])]
    return [output["out"] if isinstance(output, dict) else output]


def difference(got, expected):
    """Largest difference over the largest output; infinite where shapes differ."""
    worst = 0.0
    for one, other in zip(got, expected):
        if one.shape != other.shape or one.numel() == 0:
            return float("inf")
        worst = max(worst, ((one - other).abs().max() / other.abs().max()).item())
    return worst


class Lorae:
    def __init__(self, program, folder, name, classes):
        self.program, self.folder, self.name, self.classes = program, folder, name, classes

    def path(self, name):
        return str(self.folder / f"{name}.safetensors")

    def run(self, *arguments):
        subprocess.run([self.program, *arguments], check=True, stdout=subprocess.DEVNULL)

    def save(self, model):
        save_file({k: v.contiguous() for k, v in model.state_dict().items()},
                  self.path("weights"))

    def forward(self, weights, *more):
        self.run("forward", "--model", self.name, "--classes", str(self.classes), "--weights",
                 self.path(weights), "--input", self.path("input"), "--output",
                 self.path("output"), *more)
        output = load_file(self.path("output"))
        return [output["output"]] if "output" in output else [output["boxes"], output["scores"]]


def fill_mappers(path):
    """An adapter of mappers that do something, by Python's safetensors alone."""
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    generator = torch.Generator().manual_seed(2)
    for name, tensor in tensors.items():
        if name.endswith(".mapper"):
            tensors[name] = 0.02 * torch.randn(tensor.shape, generator=generator)
    save_file(tensors, path, metadata)


def check(program, name):
    make, classes = MODELS[name]
    torch.manual_seed(0)
    model = make(classes)
    images = torch.rand(2, 3, 96, 128)
    with tempfile.TemporaryDirectory() as folder:
        lorae = Lorae(program, pathlib.Path(folder), name, classes)
        save_file({"input": images}, lorae.path("input"))
        lively = prepare(copy.deepcopy(model), images)
        lorae.save(lively)
        exact = difference(lorae.forward("weights", "--dtype", "float64"),
                           reference(lively.double(), images.double()))
        randomise(model)
        lorae.save(model)
        plain = lorae.forward("weights")
        forward = difference(plain, reference(model, images))
        lorae.run("adapter", "create", name, "--classes", str(classes), "--rank", "8",
                  "--weights", lorae.path("weights"), "--output", lorae.path("adapter"))
        fill_mappers(lorae.path("adapter"))
        lorae.run("adapter", "fuse", lorae.path("adapter"), "--weights", lorae.path("weights"),
                  "--output", lorae.path("fused"))
        model.load_state_dict(load_file(lorae.path("fused")), strict=True)
        adapted = lorae.forward("weights", "--adapter", lorae.path("adapter"))
        fused = difference(adapted, reference(model, images))
        moved = difference(adapted, plain)
    good = (exact < TOLERANCE_DOUBLE and forward < TOLERANCE and fused < TOLERANCE
            and moved > 1e-3)
    print(f"{name:26} {exact:12.2e} {forward:12.2e} {fused:12.2e} {moved:13.2e}  "
          f"{'ok' if good else 'DIFFERS'}", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help=", ".join(MODELS))
    parser.add_argument("--lorae", default="build/release/bin/lorae", help="the program")
    arguments = parser.parse_args()
    unknown = set(arguments.models) - set(MODELS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(MODELS)}")
    print(f"{'model':26} {'in double':>12} {'forward':>12} {'fused':>12} {'adapter moves':>13}")
    results = [check(arguments.lorae, name) for name in arguments.models or MODELS]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
