"""Remembers the assertions already seen, so that each serves once (EX_AIR-040, dmp.md section 2).

It forgets a token once it has become too old to be accepted anyway; the durable part is the store's.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from threading import Lock

KEEP = timedelta(minutes=5)
"""Well beyond any lifetime the options may give a token."""


class TokenMemory:
    """Assertion IDs and when they were first seen, oldest first. Safe between threads."""

    def __init__(self, seen: Iterable[tuple[str, datetime]] = ()) -> None:
        self._seen = dict(seen)
        self._lock = Lock()

    def take(self, identifier: str, now: datetime) -> bool:
        """True the first time an ID is shown, False afterwards."""
        with self._lock:
            while self._seen and now - next(iter(self._seen.values())) > KEEP:
                del self._seen[next(iter(self._seen))]
            if identifier in self._seen:
                return False
            self._seen[identifier] = now
            return True

    def forget(self) -> None:
        """Forget everything."""
        with self._lock:
            self._seen.clear()
