"""Runs the tools of the build, told on the terminal; one that fails ends the build with its own words."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from image.build.board import EPOCH


def run(words: Sequence[str | Path], *, folder: Path | None = None, read: Path | None = None) -> str:
    """What the command printed, fed with the file `read` when given; raises CalledProcessError."""
    print("+", Path(str(words[0])).name, *(str(one) for one in words[1:4]), "…" if len(words) > 4 else "", file=sys.stderr, flush=True)  # noqa: T201
    with (read or Path(os.devnull)).open("rb") as fed:
        done = subprocess.run(
            [str(one) for one in words],
            cwd=folder,
            env=os.environ | {"SOURCE_DATE_EPOCH": str(EPOCH), "LC_ALL": "C.UTF-8"},
            stdin=fed,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return done.stdout
