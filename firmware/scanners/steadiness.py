"""Which lines stay up: one that opens and dies at once is told of once, tried ever more rarely, and told of again when it holds.

Pure but for the clock. A line that died is the same one while its node is: a scanner unplugged and plugged again has another, and is
believed at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

SOON: Final = 2.0
"""Seconds: a line that dies before that has not held."""
HOLDS: Final = 10.0
"""Seconds: a line that failed and is still up after that holds again."""
FIRST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 60.0

Node = tuple[int, int]


@dataclass(slots=True)
class _Line:
    node: Node
    opened: float = 0.0
    deaths: int = 0
    told: bool = False
    not_before: float = 0.0


class Steadiness:
    """What is known of each line, by the identifier of its scanner. `monotonic` gives seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lines: dict[str, _Line] = {}

    def may_try(self, scanner: str, node: Node) -> bool:
        """False while a line that died is left alone."""
        line = self._lines.get(scanner)
        return line is None or line.node != node or self._monotonic() >= line.not_before

    def opened(self, scanner: str, node: Node) -> bool:
        """It is up; True when that is to be told now."""
        line = self._lines.setdefault(scanner, _Line(node))
        if line.node != node:
            line = self._lines[scanner] = _Line(node)
        line.opened, line.told = self._monotonic(), line.deaths == 0
        return line.told

    def holds(self, scanner: str, *, heard: bool = False) -> bool:
        """To be asked of lines that are up, and when one was heard; True when it is to be told, once, that it is there again."""
        line = self._lines.get(scanner)
        if line is None or not (heard or self._monotonic() - line.opened >= HOLDS):
            return False
        line.deaths, line.not_before = 0, 0.0
        news, line.told = not line.told, True
        return news

    def lost(self, scanner: str) -> bool:
        """It is down; True when that is to be told."""
        line = self._lines.get(scanner)
        if line is None:
            return True
        now = self._monotonic()
        if now - line.opened < SOON or not line.told:
            line.deaths += 1
            line.not_before = now + min(FIRST_WAIT * 2.0 ** min(line.deaths - 1, 16), LONGEST_WAIT)
        else:
            line.deaths, line.not_before = 0, 0.0
        told, line.told = line.told, False
        return told

    def is_unsteady(self, scanner: str) -> bool:
        """True while it is left alone because it died at once."""
        line = self._lines.get(scanner)
        return line is not None and line.deaths > 0

    def forget(self, scanner: str) -> None:
        """It is unplugged: the next one begins anew."""
        self._lines.pop(scanner, None)
