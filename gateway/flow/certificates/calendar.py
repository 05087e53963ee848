"""Shows the calendar of certificates: to the API, the page and the status, each to whom it concerns."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from gateway.flow.caller import Caller
from gateway.flow.certificates.alarms import ReadFacts
from gateway.flow.certificates.views import CalendarLineView, CalendarView
from gateway.kernel.clock import Clock
from gateway.trust.alarm import is_near
from gateway.trust.calendar import Fact, Happening, Line, Origin, calendar

_NOTHING_STOPS = frozenset({Origin.NEXT, Origin.LAN_FORMER_AUTHORITY})
"""Past their end too they are only warned of: nothing uses the one, and workstations may all hold the successor of the other."""


class CalendarDesk:
    """Reads the facts anew at each look."""

    def __init__(self, facts: ReadFacts, clock: Clock) -> None:
        self._facts = facts
        self._clock = clock

    async def view(self, caller: Caller) -> CalendarView:
        """What breaks on which date: what belongs to the whole box, and to the structures of this caller."""
        return CalendarView(lines=await self.lines(None if caller.sees_all else caller.structures))

    async def lines(self, structures: Sequence[str] | None) -> tuple[CalendarLineView, ...]:
        """Every line of the box and of these structures; of all when None."""
        now = self._clock.now()
        facts = await asyncio.to_thread(self._facts)
        found = calendar(facts if structures is None else [_known_to(structures, one) for one in facts], now)
        return tuple(self._view(one) for one in found if structures is None or one.structure is None or one.structure in structures)

    async def near(self, structures: Sequence[str] | None) -> tuple[CalendarLineView, ...]:
        """Those that people must see now: from the first alarm on."""
        return tuple(one for one in await self.lines(structures) if one.level != "ok")

    def _view(self, line: Line) -> CalendarLineView:
        now = self._clock.now()
        stopped = line.happening is not Happening.BEGINS and now >= line.date and bool(line.warned_at) and line.origin not in _NOTHING_STOPS
        return CalendarLineView(
            id=line.id,
            what=line.what,
            whose=line.whose,
            structure=line.structure,
            role=line.role,
            origin=line.origin.value,
            happening=line.happening.value,
            date=line.date,
            days_left=line.days_left(now),
            level="error" if stopped else "warning" if is_near(line, now) else "ok",
            stops=line.stops,
            gesture=line.gesture,
        )


def _known_to(structures: Sequence[str], fact: Fact) -> Fact:
    """The same, without the names of other structures."""
    return msgspec.structs.replace(fact, structures=tuple(one for one in fact.structures if one in structures))
