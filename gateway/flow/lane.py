"""A lane: the queue of one structure towards one destination, and what is known in memory of that destination.

A destination that fails several times in a row is marked dead: its deliveries are not tried one by one, a single probe goes now and then
(Postfix's dead destination). A wrong certificate or setting marks it dead at once. One answer brings the whole lane back.
"""

from __future__ import annotations

import asyncio

from gateway.journal.store import StaleRecord
from gateway.kernel.clock import Clock
from gateway.kernel.config import Retry
from gateway.kernel.errors import ErrorClass, Explanation, RelaisError

_TROUBLE = (ErrorClass.TRANSIENT, ErrorClass.CONFIGURATION, ErrorClass.UNKNOWN)
"""Errors that speak of the destination rather than of the item."""


class Lane:
    """In-memory state of one lane; rebuilt alive at each start."""

    def __init__(self, name: str, concurrency: int, retry: Retry, clock: Clock) -> None:
        self.name = name
        self.running: set[str] = set()
        self.trouble: Explanation | None = None
        self._concurrency = concurrency
        self._retry = retry
        self._clock = clock
        self._failures = 0
        self._probe_at = 0.0
        self._dead = False
        self._newest_turn = False
        self._wake = asyncio.Event()

    @property
    def dead(self) -> bool:
        """True while the destination is only probed."""
        return self._dead

    def room(self) -> int:
        """How many more deliveries may start now."""
        if not self._dead:
            return self._concurrency - len(self.running)
        return 1 if not self.running and self._clock.monotonic() >= self._probe_at else 0

    def until_probe(self) -> float | None:
        """Seconds before a dead destination may be probed; None when something else than time makes room."""
        return max(0.0, self._probe_at - self._clock.monotonic()) if self._dead and not self.running else None

    def probe_now(self) -> None:
        """What prevented it was mended: a dead destination need not wait for its next probe."""
        self._probe_at = self._clock.monotonic()
        self.wake()

    def take_turn(self) -> bool:
        """True when the newest delivery has its turn: new work and backlog alternate, so that neither starves."""
        self._newest_turn = not self._newest_turn
        return self._newest_turn

    def account(self, error: RelaisError | None) -> bool:
        """Note how an attempt ended; True when a dead destination has just come back."""
        if isinstance(error, StaleRecord):
            return False
        if error is not None and error.error_class in _TROUBLE and not error.item_only:
            self._failures += 1
            wrong_setting = error.error_class is ErrorClass.CONFIGURATION
            if wrong_setting or self._dead or self._failures >= self._retry.dead_after:
                self._dead = True
                self._probe_at = self._clock.monotonic() + self._retry.probe_every
                self.trouble = error.explanation
            return False
        came_back = self._dead
        self._failures, self._dead, self.trouble = 0, False, None
        return came_back

    def wake(self) -> None:
        """Something may be due."""
        self._wake.set()

    async def wait(self, seconds: float | None) -> None:
        """Sleep until woken, or until that many seconds have passed."""
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()
