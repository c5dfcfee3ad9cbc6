# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""Reads svart's traces: events from babeltrace2's text, declarations from CTF metadata."""

import pathlib
import re
import subprocess
from dataclasses import dataclass

from framework import verify

# [18:49:59.906567318] (+0.000000096) svart.queue.submit: { cpu_id = 0x0, name = "x" }, { nr = 0x8 }
_LINE = re.compile(r"\[[^]]*\] \(\+[^)]*\) (?P<name>\S+): \{.*?\}, \{ (?P<fields>.*) \}")
_EVENT = re.compile(r'name = "(?P<name>svart[^"]*)";\s*fields := struct \{(?P<fields>[^}]*)\}')
_FIELD = re.compile(r"(\w+) (\w+);")


@dataclass(frozen=True)
class Event:
    """One event of a trace."""

    name: str
    fields: dict  # Of numbers, in the order of the trace.

    def __getitem__(self, field: str) -> int:
        return self.fields[field]


def parse_line(line: str) -> Event:
    """An event from a line of babeltrace2; fails on a line that is none."""
    match = _LINE.fullmatch(line)
    verify(match is not None, f"babeltrace2 printed a line that is no event: {line!r}")
    pairs = (field.split(" = ") for field in match["fields"].split(", "))
    return Event(match["name"], {name: int(value, 0) for name, value in pairs})


def read_events(folder: pathlib.Path) -> list:
    """The events of a trace by rising time, those of all threads together."""
    done = subprocess.run(
        ["babeltrace2", folder], capture_output=True, text=True, check=False, timeout=60
    )
    verify(done.returncode == 0, f"babeltrace2 cannot read {folder}:\n{done.stderr}")
    return [parse_line(line) for line in done.stdout.splitlines()]


def read_declarations(folder: pathlib.Path) -> dict:
    """svart's events as the trace declares them: name -> [(type, field)...]."""
    metadata = (folder / "metadata").read_text(encoding="ascii")
    return {m["name"]: _FIELD.findall(m["fields"]) for m in _EVENT.finditer(metadata)}
