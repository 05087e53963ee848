"""What a person does by hand: cancel, hold, release, retry. Each act is audited with its author."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from gateway.flow import outcome
from gateway.flow.admitted import seal_admitted
from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import Caller
from gateway.flow.custody import Custody
from gateway.flow.errors import AlreadySent, HeldByHand, IdentityNotQualified, NotFound, NotPossibleNow, TextContradictsIdentity
from gateway.flow.reading import Reader
from gateway.flow.scheduler import Scheduler
from gateway.flow.views import DocumentView
from gateway.journal.records import AuditRecord, DeliveryRecord, DocumentRecord
from gateway.journal.store import StaleRecord, Store
from gateway.model.delivery import DeliveryState

_T = TypeVar("_T")
_Change = Callable[[DocumentRecord, DeliveryRecord], DeliveryRecord]

_AGAIN = 4
_WAITING = (DeliveryState.HELD, DeliveryState.QUEUED)
_STATE_NAMES = {
    DeliveryState.HELD: "en attente d'une action",
    DeliveryState.QUEUED: "en file",
    DeliveryState.RUNNING: "en cours d'envoi",
    DeliveryState.UNKNOWN: "en vérification",
    DeliveryState.DELIVERED: "remis",
    DeliveryState.REFUSED: "refusé",
    DeliveryState.CANCELLED: "annulé",
    DeliveryState.EXPIRED: "expiré",
}


class Operations:
    """Gestures on documents and deliveries of the caller."""

    def __init__(
        self, store: Store, custody: Custody, books: Bookkeeper, reader: Reader, scheduler: Scheduler, bell: asyncio.Event
    ) -> None:
        self._store = store
        self._custody = custody
        self._books = books
        self._reader = reader
        self._scheduler = scheduler
        self._bell = bell

    async def cancel(self, caller: Caller, document_id: str) -> DocumentView:
        """Cancel what has not left; raises AlreadySent when anything has, or may have."""
        await _decided(lambda: self._cancel(caller, document_id))
        return await self._reader.receipt(caller, document_id)

    async def _cancel(self, caller: Caller, document_id: str) -> None:
        async with self._books.alone_with(document_id):
            document = await self._reader.record(caller, document_id)
            audit = self._audit(caller, document, "document.cancelled")
            deliveries = await self._store.deliveries_of(document_id)
            if any(one.state not in (*_WAITING, DeliveryState.CANCELLED) or outcome.in_doubt(one) for one in deliveries):
                raise AlreadySent
            now = self._books.now()
            stopped = [outcome.cancelled(one, now) for one in deliveries if one.state in _WAITING]
            await self._books.write(document, stopped, audit=audit)

    async def hold(self, caller: Caller, delivery_id: str) -> DocumentView:
        """Set a queued delivery aside; raises NotPossibleNow for another state."""
        return await self._act(caller, delivery_id, "delivery.held", self._held)

    async def release(self, caller: Caller, delivery_id: str) -> DocumentView:
        """Let a held delivery go; raises IdentityNotQualified while the identity forbids it, NotPossibleNow for another state.

        What a contradicting text holds is looked at once for the whole document, by a person: all its deliveries go. Raises ActorNeeded."""
        found = await self._store.delivery(delivery_id)
        if found is not None and _contradicted(found):
            return await self._looked_at(caller, found)
        return await self._act(caller, delivery_id, "delivery.released", self._released)

    async def _looked_at(self, caller: Caller, found: DeliveryRecord) -> DocumentView:
        await _decided(lambda: self._look(caller, found.document_id))
        self._bell.set()
        return await self._reader.receipt(caller, found.document_id)

    async def _look(self, caller: Caller, document_id: str) -> None:
        async with self._books.alone_with(document_id):
            document = await self._reader.record(caller, document_id)
            admitted = msgspec.structs.replace(self._custody.admitted(document), looked_at=caller.person_in(document.structure))
            now = self._books.now()
            released = [outcome.released(one, now) for one in await self._store.deliveries_of(document_id) if _contradicted(one)]
            sealed = seal_admitted(admitted, self._custody.key(document), document_id)
            after = msgspec.structs.replace(document, sealed=sealed, prepared=False)
            await self._books.write(after, released, audit=self._audit(caller, document, "document.looked-at"))

    async def retry(self, caller: Caller, delivery_id: str) -> DocumentView:
        """Try again now what waits or was refused; raises IdentityNotQualified, NotPossibleNow."""
        return await self._act(caller, delivery_id, "delivery.retried", self._retried)

    async def drop(self, caller: Caller, delivery_id: str) -> DocumentView:
        """Give up one delivery that has not left, the others going on; raises AlreadySent, NotPossibleNow."""
        return await self._act(caller, delivery_id, "delivery.dropped", self._dropped)

    async def _act(self, caller: Caller, delivery_id: str, act: str, change: _Change) -> DocumentView:
        record = await _decided(lambda: self._change(caller, delivery_id, act, change))
        self._bell.set()
        self._scheduler.notify(record.lane)
        return await self._reader.receipt(caller, record.document_id)

    async def _change(self, caller: Caller, delivery_id: str, act: str, change: _Change) -> DeliveryRecord:
        found = await self._store.delivery(delivery_id)
        if found is None:
            raise NotFound
        async with self._books.alone_with(found.document_id):
            document = await self._reader.record(caller, found.document_id)
            audit = self._audit(caller, document, act, delivery_id)
            after = change(document, await self._store.delivery(delivery_id) or found)
            await self._books.write(self._reopened(document, after), [after], audit=audit)
        return after

    def _dropped(self, document: DocumentRecord, record: DeliveryRecord) -> DeliveryRecord:
        del document
        if outcome.in_doubt(record) or record.state in (DeliveryState.DELIVERED, DeliveryState.UNKNOWN, DeliveryState.RUNNING):
            raise AlreadySent
        if record.state is DeliveryState.CANCELLED:
            raise NotPossibleNow(state=_STATE_NAMES[record.state])
        return outcome.cancelled(record, self._books.now())

    def _held(self, document: DocumentRecord, record: DeliveryRecord) -> DeliveryRecord:
        del document
        if record.state is not DeliveryState.QUEUED:
            raise NotPossibleNow(state=_STATE_NAMES[record.state])
        return outcome.held(record, HeldByHand().explanation, self._books.now())

    def _released(self, document: DocumentRecord, record: DeliveryRecord) -> DeliveryRecord:
        if record.state is not DeliveryState.HELD:
            raise NotPossibleNow(state=_STATE_NAMES[record.state])
        self._check_identity(document, record)
        return outcome.released(record, self._books.now())

    def _retried(self, document: DocumentRecord, record: DeliveryRecord) -> DeliveryRecord:
        if record.state not in (
            DeliveryState.HELD,
            DeliveryState.QUEUED,
            DeliveryState.REFUSED,
            DeliveryState.UNKNOWN,
            DeliveryState.EXPIRED,
        ):
            raise NotPossibleNow(state=_STATE_NAMES[record.state])
        self._check_identity(document, record)
        return outcome.released(record, self._books.now())

    def _check_identity(self, document: DocumentRecord, record: DeliveryRecord) -> None:
        if record.needs_qualified and not self._custody.admitted(document).patient.qualified:
            raise IdentityNotQualified

    def _reopened(self, document: DocumentRecord, record: DeliveryRecord) -> DocumentRecord:
        """A delivery that never was prepared sends its document back to preparation."""
        if record.sealed_frozen is not None or record.state is not DeliveryState.QUEUED or not document.prepared:
            return document
        return msgspec.structs.replace(document, prepared=False)

    def _audit(self, caller: Caller, document: DocumentRecord, act: str, delivery_id: str | None = None) -> AuditRecord:
        return AuditRecord(
            at=self._books.now(),
            act=act,
            actor=caller.imputed_in(document.structure),
            structure=document.structure,
            patient_ref=document.patient_ref,
            document_id=document.id,
            delivery_id=delivery_id,
            answer="done",
            detail={"workstation": caller.workstation},
        )


def _contradicted(record: DeliveryRecord) -> bool:
    explanation = record.explanation
    return record.state is DeliveryState.HELD and explanation is not None and explanation.code == TextContradictsIdentity.code


async def _decided(decide: Callable[[], Awaitable[_T]]) -> _T:
    """The decision on the rows as they stand: taken again when an attempt moved them meanwhile."""
    for _ in range(_AGAIN):
        with contextlib.suppress(StaleRecord):
            return await decide()
    return await decide()
