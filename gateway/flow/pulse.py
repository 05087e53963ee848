"""The proof that queue and journal move, asked for before systemd's watchdog is fed: a process that only breathes is started again.

Nothing reaches the disk for it: the write is a transaction of the writing connection that finds no row, so that no card wears out. A
journal that refuses (disk full, read-only) has answered: people are told of it, and starting again would not cure it. Source: image.md 5.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from gateway.flow.scheduler import Scheduler
from gateway.journal.records import WakeLane
from gateway.journal.store import Store
from gateway.kernel.errors import RelaisError

_log = structlog.get_logger("relais.pulse")

_NO_LANE = ""
_BEATS = 3
"""Proofs asked for in the time that the watchdog waits: one slow disk is forgiven, three are not."""


class Pulse:
    """Asks for the proof again and again; `beat` is called after each one that was given, and only then."""

    def __init__(self, store: Store, scheduler: Scheduler, beat: Callable[[], None], patience: float) -> None:
        """`patience`: seconds after which whoever listens gives up when no beat came."""
        self._store = store
        self._scheduler = scheduler
        self._beat = beat
        self._every = patience / _BEATS

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            missing = await self.missing()
            if missing is None:
                self._beat()
            else:
                _log.error("no proof of life", missing=missing)
            await asyncio.sleep(self._every)

    async def missing(self) -> str | None:
        """What did not move in a third of the patience (`read`, `write`, `queue`); None when all of it does."""
        step = "read"
        try:
            async with asyncio.timeout(self._every):
                await self._answered(step)
                step = "write"
                await self._answered(step)
        except TimeoutError:
            return step
        return None if self._scheduler.moves() else "queue"

    async def _answered(self, step: str) -> None:
        try:
            if step == "read":
                await self._store.last_event()
            else:
                await self._store.commit(WakeLane(lane=_NO_LANE, now=0))
        except RelaisError as problem:
            _log.warning("the journal refuses", step=step, code=problem.code)
