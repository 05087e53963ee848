"""Tells each warning about a certificate once: an event, an audit line and its mark in one commit, so that a restart neither repeats nor
loses it.

What is near its end is shown by the status and the page from the calendar itself, told or not. Run every hour, while the clock is trusted.
Sources: cards.md 5.1, cda_signing.md 4.4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.certificates.views import AlarmEvent
from gateway.flow.views import instant, milliseconds
from gateway.journal.records import AlarmRecord, AuditRecord, EventRecord
from gateway.journal.store import DuplicateKey, Store
from gateway.trust.alarm import Alarm, alarm_due
from gateway.trust.calendar import Fact, calendar

_log = structlog.get_logger("relais.certificates")

EXPIRING = "certificate.expiring"
"""Kind of the event and act of the audit trail."""

ReadFacts = Callable[[], tuple[Fact, ...]]


class Alarms:
    """The warnings of one box."""

    def __init__(self, store: Store, books: Bookkeeper, facts: ReadFacts) -> None:
        self._store = store
        self._books = books
        self._facts = facts

    async def tell(self) -> int:
        """Tell what is due and was not told; how many. Raises NotAccepting: what could not be written is told the next time."""
        now = self._books.moment()
        lines = calendar(await asyncio.to_thread(self._facts), now)
        told: dict[str, set[str]] = {}
        for one in await self._store.alarms():
            told.setdefault(one.line, set()).update((one.stage, *one.covers))
        due = [alarm for line in lines if (alarm := alarm_due(line, told.get(line.id, ()), now)) is not None]
        count = 0
        for alarm in due:
            count += await self._told(alarm)
        return count

    async def _told(self, alarm: Alarm) -> bool:
        line, at = alarm.line, self._books.now()
        record = AlarmRecord(
            id=alarm.id,
            line=line.id,
            stage=alarm.stage,
            covers=alarm.covers,
            structure=line.structure or "",
            what=line.what,
            whose=line.whose,
            ends_at=milliseconds(line.date),
            stops=line.stops,
            gesture=line.gesture,
            at=at,
        )
        event = EventRecord(kind=EXPIRING, subject=record.id, structure=record.structure, workstation="", at=at)
        audit = AuditRecord(
            at=at, act=EXPIRING, actor="system", structure=line.structure, answer=alarm.stage, detail={"role": line.role, "line": line.id}
        )
        try:
            await self._store.commit(record, event, audit)
        except DuplicateKey:
            return False
        _log.warning("certificate near its end", line=line.id, structure=line.structure, role=line.role, stage=alarm.stage)
        self._books.announce()
        return True


def alarm_event(record: AlarmRecord) -> AlarmEvent:
    """What the event of an alarm says; that of the whole box goes to every workstation, and names no structure."""
    return AlarmEvent(
        id=record.id,
        stage=record.stage,
        structure=record.structure or None,
        what=record.what,
        whose=record.whose if record.structure else "le boîtier",
        ends_at=instant(record.ends_at),
        stops=record.stops,
        gesture=record.gesture,
    )
