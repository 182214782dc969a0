#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/export_weights.py on checkpoints made here. Exit status 77 (skipped) without torch."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

try:
    import torch
    from safetensors.torch import load_file
except ImportError:
    print("skipped: torch or safetensors is not installed")
    sys.exit(77)

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts/export_weights.py"


class ExportWeights(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.checkpoint = pathlib.Path(self.folder.name) / "x.pt"
        self.output = pathlib.Path(self.folder.name) / "x.safetensors"
        self.model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))

    def tearDown(self):
        self.folder.cleanup()

    def export(self, *more):
        return subprocess.run([sys.executable, SCRIPT, self.checkpoint, self.output, *more],
                              capture_output=True, text=True, check=False)

    def check_same(self, dtype=torch.float32):
        got = load_file(self.output)
        self.assertEqual(set(got), set(self.model.state_dict()))
        for name, tensor in self.model.state_dict().items():
            expected = tensor.to(dtype) if tensor.is_floating_point() else tensor
            self.assertEqual(got[name].dtype, expected.dtype)
            self.assertTrue(torch.equal(got[name], expected), name)

    def test_state_dicts_plain_wrapped_and_parallel(self):
        state = self.model.state_dict()
        parallel = {"module." + name: tensor for name, tensor in state.items()}
        compiled = {"module._orig_mod." + name: tensor for name, tensor in state.items()}
        for held in (state, {"state_dict": state, "epoch": 3}, {"model": parallel}, compiled,
                     {"ema": state, "model": {"other": torch.ones(1)}}):
            torch.save(held, self.checkpoint)
            done = self.export("--force")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.check_same()

    def test_dtype(self):
        torch.save(self.model.state_dict(), self.checkpoint)
        self.assertEqual(self.export("--dtype", "bfloat16").returncode, 0)
        self.check_same(torch.bfloat16)

    def test_numbers_that_would_be_lost(self):
        for number, dtype in ((1e6, "float16"), (float("nan"), "bfloat16"), (float("inf"), "float32")):
            state = self.model.state_dict()
            state["0.weight"][1, 2, 0, 1] = number
            torch.save(state, self.checkpoint)
            refused = self.export("--dtype", dtype)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("'0.weight' holds numbers that", refused.stderr)
            self.assertFalse(self.output.exists())

    def test_a_pickled_module_needs_trust(self):
        torch.save({"ema": None, "model": self.model.half()}, self.checkpoint)
        refused = self.export()
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("--trust", refused.stderr)
        done = self.export("--trust")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_same(torch.float16)

    def test_refuses_what_it_cannot_use(self):
        self.assertIn("no file", self.export().stderr)
        self.checkpoint.write_bytes(b"no checkpoint")
        self.assertIn("cannot read", self.export().stderr)
        torch.save({"epoch": 3}, self.checkpoint)
        self.assertIn("no state dict", self.export().stderr)
        torch.save(self.model.state_dict(), self.checkpoint)
        self.assertEqual(self.export().returncode, 0)
        self.assertIn("--force", self.export().stderr)


unittest.main()
