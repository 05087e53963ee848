"""Whose turn it is at a reader: one caller at a time, a few may wait a little, the others are told when to come back.

A batch holds its reader until it is over. Source: cards.md section 6, PIN rule 6.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from firmware.errors import ReaderBusy

MOST_WAITING = 8
PATIENCE = 5.0
"""Seconds that a caller waits for those before him."""


class Turns:
    """One queue for each reader. `held_for` tells how many seconds a batch still holds a reader, None when none does."""

    def __init__(self, held_for: Callable[[str], float | None], patience: float = PATIENCE) -> None:
        self._held_for = held_for
        self._patience = patience
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._waiting: defaultdict[str, int] = defaultdict(int)

    @asynccontextmanager
    async def of(self, reader: str) -> AsyncIterator[None]:
        """The caller's turn. Raises ReaderBusy."""
        self._not_held(reader)
        if self._waiting[reader] >= MOST_WAITING:
            raise ReaderBusy(retry_after=self._patience)
        lock = self._locks[reader]
        self._waiting[reader] += 1
        try:
            async with asyncio.timeout(self._patience):
                await lock.acquire()
        except TimeoutError as error:
            raise ReaderBusy(retry_after=self._patience) from error
        finally:
            self._waiting[reader] -= 1
        try:
            self._not_held(reader)
            yield
        finally:
            lock.release()

    def _not_held(self, reader: str) -> None:
        seconds = self._held_for(reader)
        if seconds is not None:
            raise ReaderBusy(retry_after=max(1.0, seconds))
