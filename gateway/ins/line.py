"""What protects INSi from the box: one call in flight per certificate, a pace, and a pause after repeated failures (insi.md 6 [R]).

People go before the box's own work. Sees only errors and time, never what is asked. No rate or quota is published: the figures are
settings (`Insi.calls_per_second`, `open_after`, `retry`).
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway.ins.errors import FromInsi, InsiPaused
from gateway.kernel.clock import Clock
from gateway.kernel.config import Insi
from gateway.kernel.errors import ErrorClass

_T = TypeVar("_T")


class Breaker:
    """Counts consecutive transient failures of a service; once open, lets one trial through after each wait. Shared by lines."""

    def __init__(self, settings: Insi, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._failures = 0
        self._trial_at = 0.0
        self._trying = False

    @property
    def open(self) -> bool:
        """True while the service is left alone."""
        return self._failures >= self._settings.open_after

    @property
    def wait(self) -> float:
        """Seconds until the next trial; 0 when calls may go."""
        if not self.open:
            return 0.0
        return max(0.0, self._trial_at - self._clock.monotonic())

    def enter(self) -> None:
        """Raises InsiPaused when the call may not go now; when open, the one that may is the trial."""
        if not self.open:
            return
        if self._trying or self.wait > 0:
            pause = InsiPaused()
            pause.least_wait = max(1.0, self.wait)
            raise pause
        self._trying = True

    def leave(self, error: BaseException | None) -> None:
        """Note how the call ended: only what INSi did counts, not a cancellation nor a trouble of the box."""
        self._trying = False
        if error is None or (isinstance(error, FromInsi) and error.error_class is not ErrorClass.TRANSIENT):
            self._failures = 0
        elif isinstance(error, FromInsi):
            self._failures += 1
            backoff = self._settings.retry
            self._trial_at = self._clock.monotonic() + min(backoff.ceiling, backoff.floor * 2.0 ** min(self._failures - 1, 30))


class Line:
    """The way to INSi of one certificate."""

    def __init__(self, settings: Insi, clock: Clock, breaker: Breaker | None = None) -> None:
        self._clock = clock
        self._breaker = breaker or Breaker(settings, clock)
        self._spacing = 1.0 / max(settings.calls_per_second, 0.001)
        self._next = 0.0
        self._busy = False
        self._arrivals = 0
        self._waiting: list[tuple[bool, int, asyncio.Future[None]]] = []

    @property
    def breaker(self) -> Breaker:
        """Whether the service is being left alone, and until when."""
        return self._breaker

    async def run(self, call: Callable[[], Awaitable[_T]], *, urgent: bool) -> _T:
        """Make the call when its turn comes; raises InsiPaused instead when the service is left alone, or what the call raises."""
        if self._breaker.wait > 0:
            self._breaker.enter()
        await self._turn(urgent=urgent)
        try:
            self._breaker.enter()
            return await self._paced(call)
        finally:
            self._pass_on()

    async def _paced(self, call: Callable[[], Awaitable[_T]]) -> _T:
        error: BaseException | None = None
        try:
            while (early := self._next - self._clock.monotonic()) > 0:
                await self._clock.sleep(early)
            self._next = self._clock.monotonic() + self._spacing
            return await call()
        except BaseException as problem:
            error = problem
            raise
        finally:
            self._breaker.leave(error)

    async def _turn(self, *, urgent: bool) -> None:
        if not self._busy:
            self._busy = True
            return
        self._arrivals += 1
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (not urgent, self._arrivals, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._busy = False
