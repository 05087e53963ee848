"""The loop of preparation: oldest and newest in turn, two at a time, large documents one by one (a 1 GB box holds few of them).

It waits while the clock is not trusted: a mail is dated once, when it is frozen (design, rules 4 and 5).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from gateway.flow.preparation import Preparer
from gateway.journal.records import DocumentRecord
from gateway.journal.store import Store
from gateway.kernel.clock import Clock
from gateway.kernel.errors import RelaisError

_log = structlog.get_logger("relais.preparation")

_PAUSE = 2.0
"""Seconds before a document whose preparation could not even be recorded is looked at again."""


class Workshop:
    """Serves what has been accepted and not prepared yet, until cancelled."""

    def __init__(
        self, store: Store, preparer: Preparer, clock: Clock, bell: asyncio.Event, notify: Callable[[str], None], benches: int = 2
    ) -> None:
        self._store = store
        self._preparer = preparer
        self._clock = clock
        self._bell = bell
        self._notify = notify
        self._benches = benches
        self._busy: set[str] = set()
        self._newest_turn = False

    async def run(self) -> None:
        """Prepare for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._bell.clear()
                if not self._clock.trusted():
                    await self._clock.sleep(_PAUSE)
                    continue
                try:
                    record = await self._claim()
                except RelaisError as problem:
                    _log.warning("journal not readable", code=problem.code)
                    await self._clock.sleep(_PAUSE)
                    continue
                if record is None:
                    await self._bell.wait()
                    continue
                self._busy.add(record.id)
                group.create_task(self._one(record), name="preparation")

    async def _claim(self) -> DocumentRecord | None:
        if len(self._busy) >= self._benches:
            return None
        self._newest_turn = not self._newest_turn
        return await self._store.unprepared(newest=self._newest_turn, excluding=frozenset(self._busy))

    async def _one(self, record: DocumentRecord) -> None:
        try:
            for lane in await self._preparer.prepare(record):
                self._notify(lane)
        except RelaisError as problem:
            _log.warning("preparation not recorded", document=record.id, code=problem.code)
            await self._clock.sleep(_PAUSE)
        finally:
            self._busy.discard(record.id)
            self._bell.set()
