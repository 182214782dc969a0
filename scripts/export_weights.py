#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns a PyTorch checkpoint into safetensors under its own names.

Usage: export_weights.py CHECKPOINT OUTPUT [--dtype float32|float16|bfloat16] [--trust] [--force]

CHECKPOINT is a .pt or .pth file: a state dict, a dict that holds one as "ema", "model" or
"state_dict", or a pickled module. The last kind can run code of whoever wrote it, so it needs
--trust, and the package that defines the module (for example Ultralytics, under its own licence) on
this machine. Needs torch and safetensors. Then: lorae weights inspect OUTPUT.
"""
import argparse
import pathlib
import pickle
import sys

try:
    import torch
    from safetensors.torch import save_file
except ImportError as error:
    sys.exit(f"export_weights: {error}; pip install torch safetensors")

KEYS = ("ema", "model", "state_dict", "model_state_dict")  # in the order of preference


def load(path, trust):
    """What the file holds. Code in it runs only if `trust`."""
    try:
        return torch.load(path, map_location="cpu", weights_only=not trust)
    except FileNotFoundError:
        sys.exit(f"export_weights: no file {path}")
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError) as error:
        hint = "" if trust else "; a pickled module needs --trust, which runs code in the file"
        sys.exit(f"export_weights: cannot read {path}{hint}: {str(error).splitlines()[0]}")
    except (ImportError, AttributeError) as error:
        sys.exit(f"export_weights: {path} needs the package that made it: {error}")


def state_of(held):
    """The state dict in a checkpoint, or None."""
    if isinstance(held, torch.nn.Module):
        return held.state_dict()
    if not isinstance(held, dict):
        return None
    for key in KEYS:
        if held.get(key) is not None:
            inner = state_of(held[key])
            if inner:
                return inner
    tensors = {name: value for name, value in held.items() if isinstance(value, torch.Tensor)}
    return tensors if tensors and len(tensors) == len(held) else None


def expect_finite(name, tensor, why):
    if not torch.isfinite(tensor.double()).all():
        sys.exit(f"export_weights: '{name}' holds numbers that {why}")


def exported(state, dtype):
    """Contiguous copies without the prefixes of wrappers; floats are finite, in `dtype`, if given."""
    for prefix in ("module.", "_orig_mod.", "module."):  # DataParallel, torch.compile, both ways
        if all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    tensors = {}
    for name, tensor in state.items():
        tensor = tensor.detach()
        if tensor.is_floating_point():
            expect_finite(name, tensor, "are not finite")
            if dtype is not None:
                tensor = tensor.to(dtype)
                expect_finite(name, tensor, f"{dtype} does not reach; use bfloat16 or float32")
        tensors[name] = tensor.clone().contiguous()
    return tensors


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--dtype", choices=("float32", "float16", "bfloat16"),
                        help="of floating-point tensors; default: as they are")
    parser.add_argument("--trust", action="store_true", help="run code in the file")
    parser.add_argument("--force", action="store_true", help="replace OUTPUT")
    arguments = parser.parse_args()
    if arguments.output.exists() and not arguments.force:
        sys.exit(f"export_weights: {arguments.output} exists; --force replaces it")
    state = state_of(load(arguments.checkpoint, arguments.trust))
    if not state:
        sys.exit(f"export_weights: {arguments.checkpoint} holds no state dict of tensors")
    dtype = getattr(torch, arguments.dtype) if arguments.dtype else None
    tensors = exported(state, dtype)
    save_file(tensors, arguments.output, {"format": "pt"})
    numbers = sum(tensor.numel() for tensor in tensors.values())
    print(f"wrote {arguments.output}: {len(tensors)} tensors, {numbers:,} numbers")


if __name__ == "__main__":
    main()
