"""Certificates change while the box runs, which for months nobody restarts: every hour what is shown and used is made current.

Does nothing while the clock is not trusted (a certificate would be dated wrong), and looks again every minute then. What cannot be renewed
now is tried again an hour later; nothing else stops for it. Source: design section 1 (no visit after the installation) and rule 4.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from gateway.kernel.clock import Clock
from gateway.kernel.errors import RelaisError

_log = structlog.get_logger("relais.renewal")

_HOUR, _MINUTE = 3600.0, 60.0

Renew = Callable[[], Awaitable[object]]


class Renewal:
    """Runs these acts every hour, or as often as said; each is told apart from the others when it fails."""

    def __init__(self, clock: Clock, *acts: Renew, every: float = _HOUR) -> None:
        """`every`: seconds."""
        self._clock = clock
        self._acts = acts
        self._every = every

    async def run(self) -> None:
        """Keep everything current until cancelled."""
        while True:
            trusted = self._clock.trusted()
            if trusted:
                await self._once()
            await self._clock.sleep(self._every if trusted else _MINUTE)

    async def _once(self) -> None:
        for act in self._acts:
            try:
                await act()
            except RelaisError as problem:
                _log.warning("not renewed", code=problem.code, why=problem.technical)
