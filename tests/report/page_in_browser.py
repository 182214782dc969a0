#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Opens pages of every kind in a headless Chromium: wide, on a phone, dark, in print.

Usage: page_in_browser.py EXAMPLE_PAGES_PROGRAM OUT
Ends with 77 where there is no Chromium. Leaves screenshots and PDFs in OUT.
"""
import pathlib
import subprocess
import sys

import browser

CHARTS = {"simulation": 7, "hostile": 7, "run": 12, "training": 7, "judgement": 8, "sweep": 5}
PICTURES = {"run": 3, "training": 1, "judgement": 1}
LONGEST = 2.0  # seconds that a page may keep its thread busy at best: other tests take the processor, too
PAPER = 688  # CSS pixels between the margins of A4
# What sticks out of the window; and charts without a drawn point.
CUT = """[...document.querySelectorAll('h1, h2, p, .card, .panel, table.stack')]
         .filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.textContent.slice(0, 40))"""
INK = """[...document.querySelectorAll('canvas')].filter((c) => {
           const pixels = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
           return !pixels.some((value, i) => i % 4 === 3 && value > 200);
         }).length"""
SEEN = "[...document.images].filter((image) => image.naturalWidth > 0).length"
FOREIGN = "[...document.images].filter((image) => !image.src.startsWith('data:image/')).map((image) => image.src)"
COPY = """(async () => { let copied = "";
          Object.defineProperty(navigator, "clipboard", {value: {writeText: async (text) => { copied = text; }}});
          const button = [...document.querySelectorAll('.panel .tools button')]
          .find((b) => b.textContent === 'copy' && b.closest('.panel').querySelector('table'));
          button.click(); await new Promise((done) => setTimeout(done, 50)); return copied; })()"""
SWITCH = """(() => { const item = document.querySelector('.legend button'); if (!item) { return null; } item.click();
            const off = document.querySelectorAll('.legend button.off').length;
            document.querySelector('.legend button').click();
            return [off, document.querySelectorAll('.legend button.off').length]; })()"""


def check(condition, *what):
    if not condition:
        raise SystemExit(" ".join(map(str, what)))


def check_page(tab, name, url, width, dark, out):
    tab.open(url, width, dark=dark)
    what = f"{name}, {width} px{', dark' if dark else ''}:"
    check(not tab.errors(), what, tab.errors())
    check(not tab.requests(), what, "asked for", tab.requests())
    took = tab.seconds()
    data = dict(tab.value("({...document.documentElement.dataset})"))
    check(int(data["charts"]) == CHARTS[name], what, data["charts"], "charts, expected", CHARTS[name])
    check(int(data["overflow"]) <= 0, what, data["overflow"], "px wider than the window")
    check(data["theme"] == ("dark" if dark else "light"), what, data["theme"])
    check(not tab.value(CUT), what, "cut:", tab.value(CUT))
    check(tab.value(INK) == 0, what, "empty charts")
    tab.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    check(tab.value("document.documentElement.scrollWidth") <= width, what, "too wide with all tables open")
    tab.screenshot(out / f"{name}-{width}{'-dark' if dark else ''}.png")
    check(not tab.errors(), what, tab.errors())
    return took


def check_paper(tab, name, url):
    """Every table fits: paper does not scroll."""
    tab.open(url, PAPER)
    tab.ask("Emulation.setEmulatedMedia", media="print")
    wide = tab.value("""[...document.querySelectorAll('table, pre')].filter((e) => e.getBoundingClientRect().right > innerWidth)
                     .map((e) => e.textContent.slice(0, 40))""")
    tab.ask("Emulation.setEmulatedMedia", media="")
    check(not wide, name, "on paper cut:", wide)


def main():
    program = browser.find()
    if program is None:
        print("no Chromium: install Debian's package chromium, or name one in LORAE_CHROMIUM")
        return 77
    out = pathlib.Path(sys.argv[2]).resolve()
    subprocess.run([sys.argv[1], str(out / "folders")], check=True)
    tab = browser.Browser(program)
    try:
        for name in CHARTS:
            file = out / "folders" / name / "report.html"
            took = []
            for width, dark in ((390, False), (1280, False), (1280, True), (1600, False)):
                took.append(check_page(tab, name, file.as_uri(), width, dark, out))
            check(min(took) < LONGEST, name, "took", took, "s to open")
            check_paper(tab, name, file.as_uri())
            tab.pdf(out / f"{name}.pdf")
            check(not tab.errors(), name, "in print:", tab.errors())
            copied = tab.value(COPY).rstrip("\n").split("\n")
            check(len(copied) > 1 and len({row.count("\t") for row in copied}) == 1, name, "copied", copied)
            off, on = tab.value(SWITCH) or (1, 0)
            check(off >= 1 and on == 0, name, "a legend did not switch:", off, on)
            check(tab.value("typeof boom") == "undefined" and not tab.value(FOREIGN), name)
            check(tab.value(SEEN) == PICTURES.get(name, 0), name, "pictures:", tab.value(SEEN))
            print(f"{name}: {file.stat().st_size} bytes, opened in {[round(one, 2) for one in took]} s")
    finally:
        tab.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
