"""Runs `relais` as a person does, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

from tests.rig.processes import ROOT

PATIENCE = 60


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left: its exit code and what it said."""

    code: int
    out: str
    err: str


def relais(*arguments: str) -> Ended:
    """`relais ...`; fails when it does not end."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    return Ended(done.returncode, done.stdout, done.stderr)
