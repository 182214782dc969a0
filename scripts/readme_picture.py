#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws the README's picture: uplink and main metric of each method of a simulation.

Usage: scripts/readme_picture.py OUT/comparison.json docs/comparison.svg
"""
import html
import json
import re
import statistics
import sys

STYLE = """<style>
:root{color-scheme:light dark;--paper:#fff;--ink:#1a1f26;--soft:#59636f;--rule:#dfe3e8;--base:#59636f;--other:#0072b2}
@media(prefers-color-scheme:dark){:root{--paper:#101318;--ink:#e7eaef;--soft:#a1abb8;--rule:#2f3640;--base:#a1abb8;--other:#4fa8e0}}
text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;fill:var(--ink)}
.soft{fill:var(--soft)}.strong{font-weight:600}.title{font-size:15px;font-weight:600}
.rule{stroke:var(--rule)}.base{fill:var(--base);stroke:var(--base)}.other{fill:var(--other);stroke:var(--other)}
</style>"""
WIDTH, TOP, ROW = 860, 76, 38
BARS, POINTS = (190, 430), (590, 745)  # from, to: of the two scales


def text_of_bytes(value):
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= size:
            return f"{value / size:#.3g}".rstrip(".") + f" {unit}"
    return f"{value:.0f} B"


def tick_of_bytes(value):
    """Without the zeros that a tick does not need: "1.5 MB", "0"."""
    return re.sub(r"(\.\d*?)0+ ", r"\1 ", text_of_bytes(value)).replace(". ", " ") if value else "0"


def methods_of(comparison):
    """(name, uplink, ratio or None, the metric of each seed) in order of appearance."""
    ratios = {ratio["name"]: ratio["uplink_ratio"] for ratio in comparison["ratios"]}
    runs = {}
    for run in comparison["runs"]:
        runs.setdefault(run["name"], []).append(run)
    for name, seeds in runs.items():
        yield (name, statistics.mean(run["uplink_bytes_per_client_round"] for run in seeds), ratios.get(name),
               [run["metrics"][run["main_metric"]] for run in seeds if run["main_metric"]])


def text(x, y, words, kind="", anchor="start"):
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(words)}</text>'


def scale(low, high, span, ticks, bottom):
    """A function from values to x, and the lines and labels of `ticks`: [(value, label)]."""
    def place(value):
        return span[0] + (span[1] - span[0]) * (value - low) / (high - low)
    drawn = [f'<line class="rule" x1="{place(v):.1f}" y1="{TOP}" x2="{place(v):.1f}" y2="{bottom}"/>'
             + text(place(v), bottom + 17, label, "soft", "middle") for v, label in ticks]
    return place, drawn


def row(y, base, method, bar_x, point_x):
    name, uplink, ratio, values = method
    kind = "base" if name == base else "other"
    less = "" if ratio is None else f", {ratio:.1f} times less" if ratio < 99.95 else f", {ratio:.0f} times less"
    yield text(178, y + 13, name, "strong", "end")
    yield f'<rect class="{kind}" x="{BARS[0]}" y="{y}" width="{bar_x(uplink) - BARS[0]:.1f}" height="18" stroke="none"/>'
    yield text(bar_x(uplink) + 8, y + 13, text_of_bytes(uplink) + less)
    if values:
        mean, low, high = statistics.mean(values), min(values), max(values)
        yield (f'<line class="{kind}" stroke-width="2" x1="{point_x(low):.1f}" y1="{y + 9}" '
               f'x2="{point_x(high):.1f}" y2="{y + 9}"/><circle class="{kind}" cx="{point_x(mean):.1f}" cy="{y + 9}" r="5"/>')
        spread = f" \u00b1 {50 * (high - low):.1f}" if len(values) > 1 else ""
        yield text(POINTS[1] + 14, y + 13, f"{100 * mean:.1f}{spread} %")


def picture(comparison):
    methods = list(methods_of(comparison))
    bottom = TOP + ROW * len(methods) + 8
    metric = next((run["main_metric"] for run in comparison["runs"] if run["main_metric"]), "metric")
    title = f"{methods[0][0]} against {comparison['baseline']}"
    most = max(method[1] for method in methods)
    step = 10 ** len(str(int(most / 2))) / 10
    step *= next(factor for factor in (1, 2, 5, 10) if most / (step * factor) <= 3)
    ticks = [(i * step, tick_of_bytes(i * step)) for i in range(int(most // step) + 2)]
    bar_x, lines = scale(0, ticks[-1][0], BARS, ticks, bottom)
    values = [value for method in methods for value in method[3]] or [0, 1]
    low, high = int(min(values) * 5) / 5, (int(max(values) * 5) + 1) / 5
    point_ticks = [(v / 100, f"{v} %") for v in range(round(100 * low), round(100 * high) + 1, 20)]
    point_x, more = scale(low, high, POINTS, point_ticks, bottom)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 30}" width="{WIDTH}" '
             f'height="{bottom + 30}" role="img" aria-label="{html.escape(title)}">', STYLE,
             '<rect width="100%" height="100%" rx="8" fill="var(--paper)"/>', text(24, 34, title, "title"),
             text(BARS[0], 62, "Uplink bytes per client and round", "strong"),
             text(POINTS[0], 62, f"{metric} of the global model", "strong"), *lines, *more]
    for i, method in enumerate(methods):
        parts += row(TOP + 18 + ROW * i, comparison["baseline"], method, bar_x, point_x)
    return "\n".join(parts + ["</svg>"]) + "\n"


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        drawn = picture(json.load(file))
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(drawn)
