# SPDX-License-Identifier: Apache-2.0
"""Programs of ours that a comparison runs."""
import os
import subprocess
import sys


def run(*command, strict_float32=False):
    """Output and complaints. A program that fails is shown, and ends ours. With `strict_float32` a GPU does not round
    to TF32."""
    environment = {**os.environ, "NVIDIA_TF32_OVERRIDE": "0"} if strict_float32 else None
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout, done.stderr
