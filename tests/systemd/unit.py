"""The unit files as systemd reads them: settings in order, an empty value that forgets what came before, words split on blanks."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

from tests.rig.processes import ROOT
from tests.tools import need_tool

FOLDER = ROOT / "systemd"
UNITS = FOLDER / "system"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))


def settings(path: Path, section: str = "Service") -> dict[str, list[str]]:
    """Values of each key of a section."""
    found: dict[str, list[str]] = {}
    current = ""
    for raw in path.read_text(encoding="utf-8").splitlines():
        line = raw.strip()
        if line.startswith("["):
            current = line.strip("[]")
        elif line and not line.startswith(("#", ";")) and current == section:
            key, _, value = line.partition("=")
            found.setdefault(key, [])
            if value:
                found[key].append(value)
    return found


def service(name: str) -> dict[str, list[str]]:
    """The settings of one of our services."""
    return settings(UNITS / name)


@cache
def group(name: str) -> frozenset[str]:
    """The system calls of a set such as @system-service, as systemd itself lists them."""
    done = subprocess.run([need_tool("systemd-analyze"), "syscall-filter", "--no-pager", name], capture_output=True, text=True, check=True)
    words = {line.strip() for line in done.stdout.splitlines() if line.startswith(" ") and not line.strip().startswith("#")}
    calls = {one for one in words if not one.startswith("@")}
    return frozenset(calls.union(*(group(one) for one in words - calls)))


def calls_allowed(unit: dict[str, list[str]]) -> frozenset[str]:
    """What SystemCallFilter= leaves, line after line; what systemd always allows is in the sets used."""
    allowed: set[str] = set()
    for value in unit["SystemCallFilter"]:
        denied = value.startswith("~")
        calls: set[str] = set()
        for word in value.lstrip("~").split():
            calls |= group(word) if word.startswith("@") else {word}
        allowed = allowed - calls if denied else allowed | calls
    return frozenset(allowed | group("@default"))
