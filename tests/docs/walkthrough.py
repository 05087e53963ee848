"""Runs the commands of a page of the documentation, in order, in one shell, and compares what they print with what the page says.

A ```sh or ```python block is run; a ```text block right after it is its expected output, where a line holding only … stands for any
lines. Identifiers, dates and sizes may differ; everything else must be the same.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.rig.processes import ROOT
from tests.tools import need_tool

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_VARIABLE = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"2\.25\.[0-9]{20,}"), "<oid>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?"), "<moment>"),
    (re.compile(r"\d\d/\d\d/\d{4}"), "<day>"),
    (re.compile(r"\s+"), " "),
)
_END = "@@@ end of block @@@"
_PATIENCE = 120


@dataclass(frozen=True, slots=True)
class Block:
    """One block to run, and what the page says it prints; None when it says nothing."""

    language: str
    text: str
    expected: str | None

    @property
    def as_shell(self) -> str:
        """The block as lines of the common shell."""
        if self.language == "sh":
            return self.text
        return f"export API CA JETON\n'{sys.executable}' - <<'PYTHON_BLOCK'\n{self.text}PYTHON_BLOCK\n"


def read_blocks(page: Path) -> list[Block]:
    """The blocks to run, in order."""
    found = list(_BLOCK.finditer(page.read_text("utf-8")))
    blocks = []
    for one, following in zip(found, [*found[1:], None], strict=True):
        if one[1] in ("sh", "python"):
            answered = following is not None and following[1] == "text" and not one.string[one.end() : following.start()].strip()
            blocks.append(Block(one[1], one[2], following[2] if answered and following is not None else None))
    return blocks


def run(blocks: list[Block], folder: Path, **environment: str) -> list[str]:
    """What each block printed, run in `folder`; fails with what the shell said when one of them fails."""
    script = "set -eu\n" + "".join(f"{block.as_shell}\nprintf '\\n%s\\n' '{_END}'\n" for block in blocks)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [need_tool("bash"), "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT / "examples" / "client"), "LC_ALL": "C.UTF-8", **environment},
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    outputs = done.stdout.split(f"\n{_END}\n")
    if done.returncode or len(outputs) != len(blocks) + 1:
        at = blocks[min(len(outputs), len(blocks)) - 1]
        raise AssertionError(f"exit {done.returncode} in:\n{at.text}\n{outputs[-1]}\n{done.stderr}")
    return outputs[:-1]


def differences(blocks: list[Block], outputs: list[str]) -> list[str]:
    """Each block that prints something else than its page says, with both."""
    return [
        f"{block.text}\nthe page says:\n{block.expected}\nit prints:\n{output}"
        for block, output in zip(blocks, outputs, strict=True)
        if block.expected is not None and not _agree(block.expected, output)
    ]


def _agree(expected: str, output: str) -> bool:
    pattern = "".join(r"(?:.*\n)*" if line == "…" else re.escape(_masked(line)) + r"\n" for line in expected.splitlines())
    return re.fullmatch(pattern, "".join(f"{_masked(line)}\n" for line in output.rstrip("\n").splitlines())) is not None


def _masked(line: str) -> str:
    for pattern, replacement in _VARIABLE:
        line = pattern.sub(replacement, line)
    return line.strip()
