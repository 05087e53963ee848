"""How long to wait before the next try, for as long as it takes."""

from __future__ import annotations


class Backoff:
    """Doubles from `first` to `most` seconds, and begins again after a success."""

    def __init__(self, first: float = 0.5, most: float = 15.0) -> None:
        self._first = first
        self._most = most
        self._next = first

    def wait(self) -> float:
        """Seconds to wait now; the next answer is longer."""
        now, self._next = self._next, min(self._next * 2, self._most)
        return now

    def begin_again(self) -> None:
        """It worked."""
        self._next = self._first
