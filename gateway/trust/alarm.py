"""Which warning a line of the calendar is due for, given what was told of it: a pure function (cards.md 5.1: 90, 60, 30 and 7 days).

Each stage is told once in the life of a certificate. A box that was off while several went by tells the nearest and counts the others as
told by it. A certificate whose validity has not begun is told of once, at first sight.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

import msgspec

from gateway.trust.calendar import Happening, Line

START = "start"
"""Stage of what cannot serve yet; the others are numbers of days, 0 for the end itself."""


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """One warning to tell now."""

    line: Line
    stage: str
    covers: tuple[str, ...] = ()
    """Stages that were due too."""

    @property
    def id(self) -> str:
        """The same however often it is worked out."""
        return f"{self.line.id}.{self.stage}"


def alarm_due(line: Line, told: Collection[str], now: datetime) -> Alarm | None:
    """The alarm to tell of this line; `told` are the stages told or covered already. None when nothing is new."""
    due = [stage for stage in stages_reached(line, now) if stage not in told]
    return Alarm(line=line, stage=due[-1], covers=tuple(due[:-1])) if due else None


def stages_reached(line: Line, now: datetime) -> tuple[str, ...]:
    """Every stage that this instant is past, the nearest to the end last."""
    if line.happening is Happening.BEGINS:
        return (START,) if now < line.date else ()
    return tuple(str(days) for days in line.warned_at if now >= line.date - timedelta(days=days))


def is_near(line: Line, now: datetime) -> bool:
    """True while people must see this line among what is wrong or will be."""
    return bool(stages_reached(line, now))
