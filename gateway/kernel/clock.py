"""The clock seam: real time in service, a hand-set time in tests.

A box whose clock is not trusted signs nothing and sends nothing (design, rule 4); `trusted` is asked before each of these acts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from gateway.kernel.errors import ConfigurationFault


class ClockNotTrusted(ConfigurationFault):
    """The box does not trust its clock, or a service refuses fresh tokens twice as out of date: nothing is signed (design, rule 4)."""

    code = "clock-not-trusted"
    title = "Heure du boîtier incertaine"
    what = "L'heure du boîtier n'est pas sûre : rien n'est signé ni envoyé avec une heure fausse."
    gesture = "Vérifiez que le boîtier est relié à Internet et que son heure est synchronisée ; les envois reprendront ensuite tout seuls."


class Clock(Protocol):
    """Wall time, elapsed time and waiting."""

    def now(self) -> datetime:
        """Current instant, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow; for delays, never for dates."""
        ...

    def trusted(self) -> bool:
        """False when the wall time may be wrong."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        ...


class SystemClock:
    """The machine's clock; `synchronised` tells whether something keeps it right (NTP)."""

    def __init__(self, synchronised: Callable[[], bool] = lambda: True) -> None:
        self._synchronised = synchronised

    def now(self) -> datetime:
        """Current instant, aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return time.monotonic()

    def trusted(self) -> bool:
        """What the synchronisation source says."""
        return self._synchronised()

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        await asyncio.sleep(seconds)


class FrozenClock:
    """A clock that moves only when told: `sleep` advances it at once and yields to the loop."""

    def __init__(self, start: datetime, *, trusted: bool = True) -> None:
        self._now = start.astimezone(UTC)
        self._elapsed = 0.0
        self.is_trusted = trusted

    def now(self) -> datetime:
        """The hand-set instant."""
        return self._now

    def monotonic(self) -> float:
        """Seconds advanced since the start."""
        return self._elapsed

    def trusted(self) -> bool:
        """As set."""
        return self.is_trusted

    def advance(self, seconds: float) -> None:
        """Move forward."""
        self._now += timedelta(seconds=seconds)
        self._elapsed += seconds

    async def sleep(self, seconds: float) -> None:
        """Advance by that much and let other tasks run."""
        self.advance(seconds)
        await asyncio.sleep(0)
