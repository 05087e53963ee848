"""Is this still a person scanning? Scans and bytes are counted against a pace nobody reaches by hand. Pure: the instant is given."""

from __future__ import annotations

from typing import Final

BURST: Final = 20
"""Scans that may come together: a scanner that kept them while it was out of reach gives them at once."""
PER_SECOND: Final = 4.0
BYTES_PER_SECOND: Final = 32_768
"""Beyond, the line is left unread until the second is over: no scanner is so fast, and the box has other things to do."""


class Pace:
    """The pace of one scanner."""

    def __init__(self) -> None:
        self._level = float(BURST)
        self._at: float | None = None
        self._flooded = False
        self._second = 0.0
        self._bytes = 0

    def scan(self, now: float) -> bool:
        """True when one more scan is within the pace."""
        if self._at is not None:
            self._level = min(float(BURST), self._level + (now - self._at) * PER_SECOND)
        self._at = now
        if self._level < 1:
            return False
        self._level -= 1
        if self._level >= BURST / 2:
            self._flooded = False
        return True

    def first_flood(self) -> bool:
        """True once for each flood, so that it is told once."""
        first, self._flooded = not self._flooded, True
        return first

    def pause(self, count: int, now: float) -> float:
        """Seconds to leave the line unread after `count` more bytes; 0 for an ordinary line."""
        if now - self._second >= 1:
            self._second, self._bytes = now, 0
        self._bytes += count
        return max(0.05, self._second + 1 - now) if self._bytes > BYTES_PER_SECOND else 0.0
