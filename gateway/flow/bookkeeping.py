"""Writes outcomes: the delivery, what it proves, the audit line, the event and the document's own state, in one commit."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from gateway.flow.views import milliseconds
from gateway.journal.records import AuditRecord, Change, DeliveryRecord, DocumentRecord, EventRecord
from gateway.journal.store import NotAccepting, Store
from gateway.kernel.clock import Clock
from gateway.model.delivery import DocumentState, document_state

_PAUSE = 1.0


class Bookkeeper:
    """The only writer of a document after its admission; one document at a time."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._listeners: set[asyncio.Event] = set()

    def now(self) -> int:
        """Journal instant."""
        return milliseconds(self._clock.now())

    @asynccontextmanager
    async def alone_with(self, document_id: str) -> AsyncIterator[None]:
        """Nobody else writes this document meanwhile."""
        lock = self._locks[document_id]
        try:
            async with lock:
                yield
        finally:
            if not lock.locked():
                self._locks.pop(document_id, None)

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

    async def write(self, document: DocumentRecord, deliveries: list[DeliveryRecord], *more: Change, audit: AuditRecord) -> None:
        """Write several deliveries of one document; call it inside `alone_with`. `document` is the row as last read."""
        others = {one.id: one for one in await self._store.deliveries_of(document.id)}
        others.update({one.id: one for one in deliveries})
        changed = self.document_after(document, list(others.values()))
        changes: list[Change] = [*deliveries, *more, audit, self._event(document)]
        if changed is not None:
            changes.append(changed)
        await self._store.commit(*changes)
        self.announce()

    def document_after(self, document: DocumentRecord, deliveries: list[DeliveryRecord]) -> DocumentRecord | None:
        """The document's row once its deliveries are these; None when nothing changes."""
        state = document_state([one.state for one in deliveries])
        if state is document.state:
            return None
        over = state in (DocumentState.DONE, DocumentState.CANCELLED)
        return msgspec.structs.replace(document, state=state, closed_at=self.now() if over else None, version=document.version + 1)

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
        if document is not None:
            await self.write(document, [record], *more, audit=audit)

    def _event(self, document: DocumentRecord) -> EventRecord:
        return EventRecord(
            kind="document.changed",
            document_id=document.id,
            structure=document.structure,
            workstation=document.workstation,
            at=self.now(),
        )
