"""Applications that serve one box after another: to build one takes longer than most tests of what it serves.

An application is free again once the loop of the box it served is closed; boxes open at the same time never share one.
"""

from __future__ import annotations

import asyncio
import copy
import threading
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self, cast

from litestar import Litestar

from gateway.api.application import create_application
from gateway.flow.relay import Relay
from gateway.kernel.clock import Clock
from gateway.kernel.config import Limits
from gateway.web.pages import create_pages


@dataclass
class _Hands:
    """The clock of the box that is served now."""

    clock: Clock

    def now(self) -> datetime:
        return self.clock.now()

    def monotonic(self) -> float:
        return self.clock.monotonic()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Litestar copies what its routers are given."""
        return self


@dataclass
class _Seat:
    """An application, and what it asks of the box that it serves."""

    limits: Limits
    relay: Relay
    hands: _Hands
    loop: asyncio.AbstractEventLoop
    application: Litestar

    def take(self, relay: Relay, clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
        """Serve another box: the counters of the application become the ones given."""
        for one in fields(Relay):
            object.__setattr__(self.relay, one.name, getattr(relay, one.name))
        self.hands.clock, self.loop = clock, loop


_seats: list[_Seat] = []
_turn = threading.Lock()


def application_over(relay: Relay, limits: Limits, clock: Clock) -> Litestar:
    """An application over these counters, for a box of the running loop."""
    loop = asyncio.get_running_loop()
    with _turn:
        for seat in _seats:
            if seat.limits == limits and seat.loop.is_closed():
                seat.take(relay, clock, loop)
                return seat.application
        seat = _built(copy.copy(relay), limits, _Hands(clock), loop)
        _seats.append(seat)
        return seat.application


def _built(relay: Relay, limits: Limits, hands: _Hands, loop: asyncio.AbstractEventLoop) -> _Seat:
    pages = create_pages(relay, secret=b"s" * 32, clock=cast("Clock", hands))
    return _Seat(limits, relay, hands, loop, create_application(relay, limits=limits, pages=pages))
