"""The named statements of `queries.sql`: the only SQL that Python ever sends. Source: style.md 2.4 (SQL outside Python)."""

from __future__ import annotations

import functools
import re
from importlib.resources import files

_NAME = re.compile(r"^-- name: ([a-z-]+)$", re.MULTILINE)


@functools.cache
def statements() -> dict[str, str]:
    """Every statement by its name, comments removed; read once."""
    text = files("gateway.journal").joinpath("queries.sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)[1:]
    return {name: _bare(body) for name, body in zip(parts[::2], parts[1::2], strict=True)}


def statement(name: str) -> str:
    """One statement; an unknown name is a defect of the caller (KeyError)."""
    return statements()[name]


def _bare(body: str) -> str:
    return "\n".join(line for line in body.strip().splitlines() if not line.lstrip().startswith("--")).rstrip("; \n")
