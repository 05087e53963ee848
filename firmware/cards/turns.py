"""Whose turn it is at a reader: one caller at a time, a few may wait a little, the others are told when to come back.

A batch holds its reader until it is over. Source: cards.md section 6, PIN rule 6.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

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
    async def of(self, reader: str, *, waits: bool = True, patience: float | None = None, most: int = MOST_WAITING) -> AsyncIterator[None]:
        """The caller's turn; one that does not wait has it now or not at all, another one within `patience` seconds (None: the usual ones)
        and behind `most` others at most. Raises ReaderBusy."""
        patience = self._patience if patience is None else patience
        self._not_held(reader)
        lock = self._locks[reader]
        if self._waiting[reader] >= most or (lock.locked() and not waits):
            raise ReaderBusy(retry_after=patience)
        self._waiting[reader] += 1
        try:
            async with asyncio.timeout(patience):
                await lock.acquire()
        except TimeoutError as error:
            raise ReaderBusy(retry_after=patience) from error
        finally:
            self._waiting[reader] -= 1
        try:
            self._not_held(reader)
            yield
        finally:
            lock.release()

    @asynccontextmanager
    async def of_any(self, readers: Sequence[str]) -> AsyncIterator[tuple[str, ...]]:
        """The turns at those of these readers that are free now. Raises ReaderBusy when there are readers, and none is free."""
        async with AsyncExitStack() as turns:
            free: list[str] = []
            busy: ReaderBusy | None = None
            for reader in readers:
                try:
                    await turns.enter_async_context(self.of(reader, waits=False))
                    free.append(reader)
                except ReaderBusy as error:
                    busy = error
            if busy is not None and not free:
                raise busy
            yield tuple(free)

    def _not_held(self, reader: str) -> None:
        seconds = self._held_for(reader)
        if seconds is not None:
            raise ReaderBusy(retry_after=max(1.0, seconds))
