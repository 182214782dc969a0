#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What methods cost and reach, paired by seed, from the comparison.json of one or several simulations:
a row for each method, with the mean difference to the baseline and its 95 % interval.

usage: frontier.py OUT... [--baseline full] [--target 0.65] [--markdown] [--picture FILE.svg]

Bytes are framed ones per client and round. A run reaches the target in the first round whose mean over
that round and the two before it is there; what it cost is of all clients, both ways, until then.
"""
import argparse
import json
import math
import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scripts"))
from readme_picture import STYLE, text, text_of_bytes, tick_of_bytes  # noqa: E402

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


def on_the_front(row, all_rows):
    """No other costs less and reaches as much."""
    cost = row["up"] + row["down"]
    return not any(other["up"] + other["down"] < cost and other["accuracy"] >= row["accuracy"] for other in all_rows)


def picture(all_rows, baseline):
    """Accuracy over bytes both ways, on a logarithmic scale, with the methods that nothing beats joined."""
    width, height, left, right, top, bottom = 860, 430, 60, 30, 56, 380
    costs = [row["up"] + row["down"] for row in all_rows]
    low, high = math.floor(math.log10(min(costs))), math.ceil(math.log10(max(costs)))
    worst = 5 * math.floor(min(row["accuracy"] for row in all_rows) / 5)
    best = 5 * math.ceil(max(row["accuracy"] for row in all_rows) / 5)

    def place(row):
        x = left + (width - left - right) * (math.log10(row["up"] + row["down"]) - low) / (high - low)
        return x, bottom - (bottom - top) * (row["accuracy"] - worst) / (best - worst)

    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">{STYLE}'
    yield '<rect width="100%" height="100%" style="fill:var(--paper)"/>'
    yield text(left, 28, "Accuracy over bytes per client and round, both directions", "title")
    for power in range(low, high + 1):
        x = left + (width - left - right) * (power - low) / (high - low)
        yield f'<line class="rule" x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}"/>'
        yield text(x, bottom + 18, tick_of_bytes(10 ** power), "soft", "middle")
    for percent in range(worst, best + 1, 5):
        y = bottom - (bottom - top) * (percent - worst) / (best - worst)
        yield f'<line class="rule" x1="{left}" y1="{y:.1f}" x2="{width - right}" y2="{y:.1f}"/>'
        yield text(left - 8, y + 4, f"{percent} %", "soft", "end")
    front = sorted((place(row) for row in all_rows if on_the_front(row, all_rows)))
    yield ('<polyline class="other" style="fill:none" stroke-width="1.5" points="'
           + " ".join(f"{x:.1f},{y:.1f}" for x, y in front) + '"/>')
    labels = []  # (from, to, y) of those that stand already
    for row in sorted(all_rows, key=lambda row: -row["accuracy"]):
        x, y = place(row)
        kind = "base" if row["method"].startswith(baseline) else "other"
        yield f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>'
        wide, at_the_end = 7 * len(row["method"]), x > width - 150
        begin = x - 9 - wide if at_the_end else x + 9
        at = y + 16  # below the line
        while any(begin < other[1] and other[0] < begin + wide and abs(at - other[2]) < 13 for other in labels):
            at += 1
        labels.append((begin, begin + wide, at))
        yield text(x - 9 if at_the_end else x + 9, at, row["method"], "", "end" if at_the_end else "start")
    yield "</svg>"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="+", type=pathlib.Path)
    parser.add_argument("--baseline", default="full")
    parser.add_argument("--target", type=float, default=0.65)
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--picture", type=pathlib.Path)
    asked = parser.parse_args()
    runs = [run for out in asked.out for run in json.loads((out / "comparison.json").read_text())["runs"]]
    all_rows = list(rows(runs, asked.baseline, asked.target))
    if asked.picture:
        asked.picture.write_text("\n".join(picture(all_rows, asked.baseline)) + "\n")
    head = ["method", "parameters", "seeds", "up", "down", "times less up", "both ways", "accuracy",
            "points to " + asked.baseline, f"bytes to {100 * asked.target:.0f} %: times less", "in round", "never"]
    lines = [head] + [[
        row["method"], f'{row["parameters"]:,}', str(row["seeds"]), text_of_bytes(row["up"]), text_of_bytes(row["down"]),
        f'{row["up_ratio"]:.4g}', f'{row["both_ratio"]:.4g}', f'{row["accuracy"]:.1f} %',
        f'{row["difference"]:+.2f} ± {row["interval"]:.2f}', f'{row["target_ratio"]:.4g}', f'{row["round"]:.1f}',
        " ".join(map(str, row["never"])) or "-"] for row in all_rows]
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
