"""Writes outcomes: the delivery, what it proves, the audit line, the event and the document's own state, in one commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from weakref import WeakValueDictionary

import msgspec

from gateway.flow.views import milliseconds
from gateway.journal.records import AuditRecord, Change, DeliveryRecord, DocumentRecord, EventRecord
from gateway.journal.store import NotAccepting, Store
from gateway.kernel.clock import Clock, ClockNotTrusted
from gateway.model.delivery import DeliveryState, DocumentState, document_state

_PAUSE = 1.0


class Bookkeeper:
    """The only writer of a document after its admission; one document at a time."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._listeners: set[asyncio.Event] = set()

    def now(self) -> int:
        """Journal instant."""
        return milliseconds(self._clock.now())

    def moment(self) -> datetime:
        """Aware current instant."""
        return self._clock.now()

    def check_time(self) -> None:
        """Raises ClockNotTrusted: nothing is dated, signed or sent with a time that may be wrong (design, rule 4)."""
        if not self._clock.trusted():
            raise ClockNotTrusted("the clock says so")

    def dated(self) -> bool:
        """False while the current instant may be wrong: an age is not measured with it."""
        return self._clock.trusted()

    @asynccontextmanager
    async def alone_with(self, document_id: str) -> AsyncIterator[None]:
        """Nobody else writes this document meanwhile."""
        lock = self._locks.get(document_id)
        if lock is None:
            lock = self._locks[document_id] = asyncio.Lock()
        async with lock:
            yield

    async def settle(self, record: DeliveryRecord, *more: Change, audit: AuditRecord) -> None:
        """Write a delivery's new state with everything that follows from it; insists until the journal takes it.

        An outcome already known outside must not be lost to a full disk: the attempt waits here rather than forget it.
        """
        async with self.alone_with(record.document_id):
            while True:
                try:
                    await self._settle(record, more, audit)
                    return
                except NotAccepting:
                    await self._clock.sleep(_PAUSE)

    async def write(
        self,
        document: DocumentRecord,
        deliveries: list[DeliveryRecord],
        *more: Change,
        audit: AuditRecord,
        stored: DocumentRecord | None = None,
        others: list[DeliveryRecord] | None = None,
    ) -> None:
        """Write deliveries of one document and what follows for its own row; call it inside `alone_with`.

        `document` is the row as last read, possibly with facts changed; its state and version are seen to here. `stored`, the row itself,
        and `others`, the document's deliveries, are read here unless they have been inside `alone_with`.
        """
        known = {one.id: one for one in (await self._store.deliveries_of(document.id) if others is None else others)}
        known.update({one.id: one for one in deliveries})
        after = self._with_state(document, [one.state for one in known.values()])
        stored = stored or await self._store.document(document.id)
        changes: list[Change] = [*deliveries, *more, audit, self._event(document)]
        if stored is None or after != stored:
            changes.append(msgspec.structs.replace(after, version=document.version + 1))
        await self._store.commit(*changes)
        self.announce()

    def _with_state(self, document: DocumentRecord, states: list[DeliveryState]) -> DocumentRecord:
        state = document_state(states)
        over = state in (DocumentState.DONE, DocumentState.CANCELLED)
        closed_at = (document.closed_at or self.now()) if over else None
        return msgspec.structs.replace(document, state=state, closed_at=closed_at)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[asyncio.Event]:
        """An event set each time something was written, for as long as one listens."""
        bell = asyncio.Event()
        self._listeners.add(bell)
        try:
            yield bell
        finally:
            self._listeners.discard(bell)

    def announce(self) -> None:
        """Tell the listeners that something was written."""
        for bell in self._listeners:
            bell.set()

    async def _settle(self, record: DeliveryRecord, more: tuple[Change, ...], audit: AuditRecord) -> None:
        document = await self._store.document(record.document_id)
        if document is None:
            await self._store.commit(record, *more, audit)
            return
        await self.write(document, [record], *more, audit=audit, stored=document)

    def _event(self, document: DocumentRecord) -> EventRecord:
        return EventRecord(
            kind="document.changed",
            subject=document.id,
            structure=document.structure,
            workstation=document.workstation,
            at=self.now(),
        )
