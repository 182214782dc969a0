#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sum of ten updates of ten million floats: NumPy's beside ours, in one run.

Usage: sum_numpy.py BENCH_EXACT_SUM    the path of that program; NumPy from any environment

Where `flwr` (PyPI) is installed its FedAvg aggregates the same arrays, too.
Prints the fastest time of each, its ratio to a copy of the updates and to our batched sum. Ours uses all cores, NumPy
one, as it always does for these operations (gemv is kept to one); `taskset -c 0` shows both on one. The program runs
before and after NumPy; the faster of both counts, as does the fastest of NumPy's runs.
"""
import os
import re
import subprocess
import sys
import time

for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[name] = "1"
import numpy as np  # noqa: E402  (after the number of its threads)

UPDATES, FLOATS, RUNS = 10, 10_000_000, 8
LINE = re.compile(r"^(\w+(?:/\d+)?)/iterations.*best_ms=(\S+)", re.M)


def ours(program):
    """Milliseconds by name."""
    out = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    return {name: float(ms) for name, ms in LINE.findall(out)}


def fastest(work):
    best = float("inf")
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best * 1e3


def numpys():
    """Milliseconds by name, and the memory of all updates as one matrix."""
    random = np.random.default_rng(1)
    deltas = (random.random((UPDATES, FLOATS), dtype=np.float32) - 0.5) * np.float32(0.01)
    weights = np.arange(100, 100 + UPDATES)
    weights32 = weights.astype(np.float32)
    weights64 = weights.astype(np.float64)

    def loop_in(kind):
        acc = np.zeros(FLOATS, kind)
        for weight, delta in zip(weights, deltas):
            acc += kind(weight) * delta.astype(kind, copy=False)
        return acc

    def loop_without_temporaries():
        acc, product = np.zeros(FLOATS), np.empty(FLOATS)
        for weight, delta in zip(weights64, deltas):
            np.multiply(delta, weight, out=product)
            np.add(acc, product, out=acc)
        return acc

    def flower():
        from flwr.server.strategy.aggregate import aggregate
        results = [([delta], int(weight)) for delta, weight in zip(deltas, weights)]
        return fastest(lambda: aggregate(results))

    copies = np.empty_like(deltas)
    times = {
        "copy": fastest(lambda: np.copyto(copies, deltas)),
        "acc += w * d, float64": fastest(lambda: loop_in(np.float64)),
        "the same without temporaries": fastest(loop_without_temporaries),
        "acc += w * d, float32": fastest(lambda: loop_in(np.float32)),
        "gemv, float32": fastest(lambda: weights32 @ deltas),
    }
    try:
        times["Flower's FedAvg"] = flower()
    except ImportError:
        print("no flwr here: Flower's FedAvg is left out")
    exact = weights64 @ deltas[:, :100000].astype(np.float64)
    rounded = (weights32 @ deltas)[:100000]
    return times, float(np.abs(rounded - exact).max() / np.abs(exact).max())


def main():
    before = ours(sys.argv[1])
    numpy_times, error = numpys()
    after = ours(sys.argv[1])
    mine = {name: min(ms, after[name]) for name, ms in before.items()}
    batched = mine["batched/10"]
    print(f"{'':42}{'ms':>8}{'/ copy':>8}{'/ ours':>8}")
    for owner, times in (("ours", mine), ("NumPy " + np.__version__, numpy_times)):
        for name, ms in times.items():
            print(f"{owner + ': ' + name:42}{ms:8.1f}{ms / mine['copy']:8.2f}{ms / batched:8.2f}")
    print(f"gemv in float32 errs by {error:.1e} of the largest sum; ours by less than 1e-9")


if __name__ == "__main__":
    main()
