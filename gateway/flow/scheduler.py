"""Runs what is due: one loop per lane, a bounded number of attempts at a time, nothing held in memory but what runs.

The journal is the queue; a claim lives in memory only (one process owns the journal), and the first phase of an attempt writes it down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from gateway.flow.lane import Lane
from gateway.flow.retry import longest_wait
from gateway.flow.views import milliseconds
from gateway.journal.records import BringForward, DeliveryRecord, WakeLane
from gateway.journal.store import NotAccepting, Store
from gateway.kernel.clock import Clock
from gateway.kernel.config import Configuration
from gateway.kernel.errors import RelaisError
from gateway.model.delivery import Channel

_log = structlog.get_logger("relais.scheduler")

Attempt = Callable[[DeliveryRecord], Awaitable[RelaisError | None]]

_LONGEST_PAUSE = 30.0
"""A lane looks again at least that often, in seconds: the date may have been set meanwhile."""
_STALLED = 90.0
"""Seconds without a look of a lane at its queue, after which the queue is taken for stuck."""
_ENDING = 0.1
"""Between two looks at what is still under way."""
_STORE_PAUSE = 2.0
"""Seconds before the journal is asked again when it could not be read or written."""


class Scheduler:
    """Lanes and their loops. `attempt` runs one delivery to its recorded outcome and returns the error met, if any."""

    def __init__(self, configuration: Configuration, store: Store, clock: Clock, attempt: Attempt) -> None:
        self._configuration = configuration
        self._store = store
        self._clock = clock
        self._attempt = attempt
        self._horizon = int((longest_wait(configuration.retry) + configuration.dmp.probe_wait_seconds) * 1000)
        self._lanes: dict[str, Lane] = {}
        self._group: asyncio.TaskGroup | None = None
        self._closing = False
        self._served: dict[str, int] = {}
        """Lanes with a loop, and how many looks at its queue each has ended."""
        self._progress: dict[str, tuple[int, float]] = {}

    async def run(self) -> None:
        """Serve every lane until cancelled; attempts under way are cut where they stand (their phase is in the journal)."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                for name in {*await self._store.lanes(), *self._lanes}:
                    self.notify(name)
                await asyncio.Event().wait()
            finally:
                self._group = None

    def notify(self, name: str) -> None:
        """Something entered this lane, or may run again."""
        lane = self._lanes.setdefault(name, self._new_lane(name))
        if self._group is not None and name not in self._served:
            self._served[name] = 0
            self._group.create_task(self._serve(lane, self._group), name=f"lane {name}")
        lane.wake()

    async def finish(self, seconds: float) -> None:
        """Start no attempt any more, and wait until those under way have their outcome written, so many seconds at most."""
        self._closing = True
        patience = self._clock.monotonic() + seconds
        while any(lane.running for lane in self.lanes()) and self._clock.monotonic() < patience:
            await self._clock.sleep(_ENDING)

    async def revive(self, structure: str) -> None:
        """A certificate of this structure changed: what its lanes put off is due now, and dead destinations are probed at once."""
        for lane in self.lanes():
            if lane.name.partition("/")[0] == structure:
                await self._store.commit(WakeLane(lane=lane.name, now=milliseconds(self._clock.now())))
                lane.probe_now()

    def moves(self) -> bool:
        """True while it runs and every lane goes on looking at its queue, whatever its destination answers; to be asked often."""
        now = self._clock.monotonic()
        for name, looks in self._served.items():
            if self._progress.get(name, (-1, now))[0] != looks:
                self._progress[name] = (looks, now)
        return self._group is not None and all(now - since < _STALLED for _, since in self._progress.values())

    def lanes(self) -> list[Lane]:
        """Every lane known since the start."""
        return list(self._lanes.values())

    def _new_lane(self, name: str) -> Lane:
        channel = name.rpartition("/")[2]
        concurrency = self._configuration.dmp.concurrency if channel == Channel.DMP else self._configuration.mss.concurrency
        return Lane(name, concurrency, self._configuration.retry, self._clock)

    async def _serve(self, lane: Lane, group: asyncio.TaskGroup) -> None:
        while True:
            try:
                pause = await self._start(lane, group)
            except NotAccepting:
                pause = _STORE_PAUSE
            self._served[lane.name] += 1
            await lane.wait(_LONGEST_PAUSE if pause is None else min(pause, _LONGEST_PAUSE))

    async def _start(self, lane: Lane, group: asyncio.TaskGroup) -> float | None:
        """Start what is due as long as there is room; the seconds to wait then, None when only a wake matters.

        What is due and what is due next are asked for the same instant, or something due in between would be forgotten.
        """
        while lane.room() > 0 and not self._closing:
            now = milliseconds(self._clock.now())
            record = await self._store.due(lane.name, now, newest=lane.take_turn(), excluding=frozenset(lane.running))
            if record is None and await self._brought_forward(lane, now):
                continue
            if record is None:
                due = await self._store.next_due_at(lane.name, now)
                return None if due is None else (due - now) / 1000
            lane.running.add(record.id)
            group.create_task(self._one(lane, record), name="attempt")
        return lane.until_probe()

    async def _brought_forward(self, lane: Lane, now: int) -> bool:
        """True when the clock has been set back and deliveries dated by it are due again now, instead of in years."""
        latest = now + self._horizon
        if not self._clock.trusted() or await self._store.next_due_at(lane.name, latest) is None:
            return False
        _log.warning("deliveries dated by a clock that was ahead", lane=lane.name)
        await self._store.commit(BringForward(lane=lane.name, now=now, latest=latest))
        return True

    async def _one(self, lane: Lane, record: DeliveryRecord) -> None:
        try:
            error = await self._attempt(record)
            came_back = lane.account(error)
            if came_back:
                _log.info("destination back", lane=lane.name)
                await self._store.commit(WakeLane(lane=lane.name, now=milliseconds(self._clock.now())))
        except RelaisError as problem:
            _log.warning("attempt not recorded", lane=lane.name, delivery=record.id, code=problem.code)
            await self._clock.sleep(_STORE_PAUSE)
            return
        finally:
            lane.running.discard(record.id)
            lane.wake()
        if lane.dead and error is not None:
            _log.warning("destination not answering", lane=lane.name, code=error.code)
