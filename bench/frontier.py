#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What methods cost and reach, paired by seed, from the comparison.json of one or several simulations:
a row for each method, with the mean difference to the baseline and its 95 % interval.

usage: frontier.py OUT... [--baseline full] [--target 0.65] [--markdown]

Bytes are framed ones per client and round. A run reaches the target in the first round whose mean over
that round and the two before it is there; what it cost is of all clients, both ways, until then.
"""
import argparse
import json
import math
import pathlib
import statistics

# Student's t, two-sided 95 %, for 1 to 30 degrees of freedom.
T = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
     2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042]


def interval(values):
    """Half of the 95 % interval of the mean; nan for one value."""
    if len(values) < 2:
        return math.nan
    t = T[min(len(values) - 1, len(T)) - 1]
    return t * statistics.stdev(values) / math.sqrt(len(values))


def reached(run, target):
    """(round, bytes of all clients both ways until then), or None."""
    curve = run["curve"]
    for i in range(2, len(curve)):
        if statistics.mean(point[1] for point in curve[i - 2:i + 1]) >= target:
            return curve[i][0], curve[i][2]
    return None


def last_rounds(run):
    """The mean of the last three rounds: one round's accuracy jumps about."""
    return statistics.mean(point[1] for point in run["curve"][-3:])


def rows(runs, baseline, target):
    base = {run["seed"]: run for run in runs if run["name"] == baseline}
    for name in dict.fromkeys(run["name"] for run in runs):
        own = {run["seed"]: run for run in runs if run["name"] == name}
        seeds = sorted(set(own) & set(base))
        up = statistics.mean(run["uplink_bytes_per_client_round"] for run in own.values())
        down = statistics.mean(run["downlink_bytes_per_client_round"] for run in own.values())
        pairs = [(own[seed], base[seed]) for seed in seeds]
        differences = [100 * (last_rounds(a) - last_rounds(b)) for a, b in pairs]
        there = {seed: reached(run, target) for seed, run in own.items()}
        both = [(there[seed][1], reached(base[seed], target)[1]) for seed in seeds
                if there[seed] and reached(base[seed], target)]
        yield {
            "method": name,
            "parameters": next(iter(own.values()))["trainable_parameters"],
            "seeds": len(own),
            "up": up,
            "down": down,
            "accuracy": 100 * statistics.mean(last_rounds(run) for run in own.values()),
            "difference": statistics.mean(differences) if differences else math.nan,
            "interval": interval(differences),
            "up_ratio": statistics.mean(b["uplink_bytes_per_client_round"] / a["uplink_bytes_per_client_round"]
                                        for a, b in pairs) if pairs else math.nan,
            "both_ratio": statistics.mean(
                (b["uplink_bytes_per_client_round"] + b["downlink_bytes_per_client_round"]) /
                (a["uplink_bytes_per_client_round"] + a["downlink_bytes_per_client_round"])
                for a, b in pairs) if pairs else math.nan,
            "target_ratio": statistics.mean(b / a for a, b in both) if both else math.nan,
            "never": sorted(seed for seed, at in there.items() if at is None),
            "round": statistics.mean(at[0] for at in there.values() if at) if any(there.values()) else math.nan,
        }


def kilo(value):
    return f"{value:.0f} B" if value < 1e3 else f"{value / 1e3:.3g} kB" if value < 1e6 else f"{value / 1e6:.3g} MB"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="+", type=pathlib.Path)
    parser.add_argument("--baseline", default="full")
    parser.add_argument("--target", type=float, default=0.65)
    parser.add_argument("--markdown", action="store_true")
    asked = parser.parse_args()
    runs = [run for out in asked.out for run in json.loads((out / "comparison.json").read_text())["runs"]]
    head = ["method", "parameters", "seeds", "up", "down", "times less up", "both ways", "accuracy",
            "points to " + asked.baseline, f"bytes to {100 * asked.target:.0f} %: times less", "in round", "never"]
    lines = [head] + [[
        row["method"], f'{row["parameters"]:,}', str(row["seeds"]), kilo(row["up"]), kilo(row["down"]),
        f'{row["up_ratio"]:.4g}', f'{row["both_ratio"]:.4g}', f'{row["accuracy"]:.1f} %',
        f'{row["difference"]:+.2f} ± {row["interval"]:.2f}', f'{row["target_ratio"]:.4g}', f'{row["round"]:.1f}',
        " ".join(map(str, row["never"])) or "-"] for row in rows(runs, asked.baseline, asked.target)]
    if asked.markdown:
        lines.insert(1, ["---"] * len(head))
        for line in lines:
            print("| " + " | ".join(line) + " |")
        return
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


if __name__ == "__main__":
    main()
