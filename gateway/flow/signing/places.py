"""Large answers on their way to callers: few at once for the whole box, each for a time. Who does not read fills no memory for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gateway.flow.allowance import TooMuchAtOnce

AT_ONCE = 2
PATIENCE = 30.0
"""Seconds a caller waits for the answers of others."""
TO_FETCH = 120.0
"""Seconds in which an answer must be read."""


class Place:
    """The right to keep one answer until its caller has read it."""

    def __init__(self, leave: Callable[[], None] | None = None) -> None:
        self._leave = leave
        self._deadline: asyncio.TimerHandle | None = None
        self.kept = False

    def keep(self, drop: Callable[[], None]) -> None:
        """From here on the answer waits for its caller; `drop` forgets it when the time is over."""
        self.kept = True
        self._deadline = asyncio.get_running_loop().call_later(TO_FETCH, self._give_up, drop)

    def leave(self) -> None:
        """Give the place back; twice does no harm."""
        if self._deadline is not None:
            self._deadline.cancel()
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()

    def _give_up(self, drop: Callable[[], None]) -> None:
        drop()
        self.leave()


class Places:
    """The places of the box."""

    def __init__(self, large: int) -> None:
        """`large`: bytes from which a file's answer takes a place."""
        self._large = large
        self._free = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def place(self, size: int) -> AsyncIterator[Place]:
        """A place for the answer about a file of `size` bytes, left with the block unless the answer keeps it. Raises TooMuchAtOnce."""
        if size <= self._large:
            yield Place()
            return
        try:
            async with asyncio.timeout(PATIENCE):
                await self._free.acquire()
        except TimeoutError:
            raise TooMuchAtOnce("answers") from None
        place = Place(self._free.release)
        try:
            yield place
        finally:
            if not place.kept:
                place.leave()
