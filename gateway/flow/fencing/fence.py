"""The fence: nothing leaves before the box has looked whether another took its place, and nothing any more once one has.

Witnesses are the folder of its backups and the addresses where its successor may answer. One that cannot be reached keeps nothing back:
what that leaves open is told in docs/adr. An attempt under way when the fence closes stops at its next phase.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol

import structlog

from gateway.flow.views import milliseconds
from gateway.journal.records import DeliveryRecord
from gateway.kernel.clock import Clock
from gateway.kernel.errors import RelaisError
from gateway.trust.epoch import Epoch, SignedEpoch
from gateway.trust.stop import Stop, read_stop, write_stop

_log = structlog.get_logger("relais.fence")

Attempt = Callable[[DeliveryRecord], Awaitable[RelaisError | None]]
_PATIENCE = 10.0
"""Seconds that one witness is waited for."""


class Witness(Protocol):
    """Somewhere the epoch of a home can be seen."""

    async def highest(self) -> Epoch | None:
        """The highest epoch stated there; None when there is none or nobody answers."""
        ...


class Fence:
    """The fence of one box. `statement`: what this box says of itself, made when first asked for."""

    def __init__(
        self,
        home: Path,
        own: Epoch,
        witnesses: Sequence[Witness],
        clock: Clock,
        *,
        every: float = 60.0,
        statement: Callable[[], SignedEpoch],
    ) -> None:
        self.own = own
        self._home = home
        self._witnesses = witnesses
        self._clock = clock
        self._every = every
        self._statement = statement
        self._said: SignedEpoch | None = None
        self._stop = read_stop(home)
        self._kept = self._stop is not None
        self._looked = asyncio.Event()
        if not witnesses:
            self._looked.set()

    @property
    def stopped(self) -> Stop | None:
        """Why this box sends nothing any more; None while it may."""
        return self._stop

    def check(self) -> None:
        """Raises BoxReplaced or BoxRetired."""
        if self._stop is not None:
            raise self._stop.fault

    def statement(self) -> SignedEpoch:
        """The signed epoch of this box; raises LanKeyUnavailable."""
        if self._said is None:
            self._said = self._statement()
        return self._said

    def attempts(self, attempt: Attempt) -> Attempt:
        """The same attempt, kept back until the first look is over, and not made at all once this box is stopped: no row changes."""

        async def fenced(record: DeliveryRecord) -> RelaisError | None:
            await self._looked.wait()
            return self._stop.fault if self._stop is not None else await attempt(record)

        return fenced

    async def run(self) -> None:
        """Look at once, then regularly, until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(self._every)

    async def look(self) -> None:
        """Ask every witness, and stop for good when one knows a later box."""
        self._stop = self._stop or await asyncio.to_thread(read_stop, self._home)
        found = await asyncio.gather(*(self._asked(one) for one in self._witnesses))
        for epoch in found:
            if epoch is not None and epoch.outranks(self.own) and self._stop is None:
                _log.error("another box has taken this home over", generation=epoch.generation, own=self.own.generation)
                self._stop = Stop(why="replaced", at=milliseconds(self._clock.now()), epoch=epoch)
        await self._keep()
        self._looked.set()

    async def _asked(self, witness: Witness) -> Epoch | None:
        try:
            async with asyncio.timeout(_PATIENCE):
                return await witness.highest()
        except TimeoutError:
            return None

    async def _keep(self) -> None:
        """The mark survives restarts; a disk that refuses it is asked again at the next look."""
        if self._stop is None or self._kept:
            return
        try:
            await asyncio.to_thread(write_stop, self._home, self._stop)
            self._kept = True
        except OSError as problem:
            _log.error("the stop is not written", kind=type(problem).__name__)
