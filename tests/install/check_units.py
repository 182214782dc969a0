#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The systemd units are sound: each program and flag in them exists, and systemd takes them.

Usage: check_units.py ROOT FOLDER_OF_PROGRAMS
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile


def read(unit):
    """Section -> list of (key, value)."""
    sections, current = {}, None
    for line in unit.read_text().splitlines():
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals and current is not None, f"{unit.name}: '{line}' is no KEY=VALUE in a section"
            current.append((key, value))
    return sections


def check(unit, programs):
    sections = read(unit)
    assert set(sections) == {"Unit", "Service", "Install"}, f"{unit.name}: sections {sorted(sections)}"
    service = dict(sections["Service"])
    command = service["ExecStart"].split()
    program = programs / pathlib.Path(command[0]).name
    text = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    for word in command[1:]:
        assert not word.startswith("--") or word in text, f"{unit.name}: {program.name} has no {word}"
    assert service["Restart"] == "on-failure"
    assert "130" in service["SuccessExitStatus"].split(), f"{unit.name}: SIGTERM would be a failure"
    assert "78" in service["RestartPreventExitStatus"].split(), f"{unit.name}: it would repeat a mistake for ever"


def verify(unit, programs):
    """By systemd itself, with the programs that we have."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / unit.name
        copy.write_text(unit.read_text().replace("/usr/local/bin", str(programs)))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True)
        complaints = [line for line in done.stderr.splitlines() if unit.name in line]
        assert not complaints, "\n".join(complaints)


def main():
    root, programs = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    units = sorted((root / "configs/systemd").glob("*.service"))
    assert len(units) == 2, units
    for unit in units:
        check(unit, programs)
        if shutil.which("systemd-analyze"):
            verify(unit, programs)


main()
