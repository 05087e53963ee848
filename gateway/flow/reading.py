"""What callers read: receipts, pages, summaries, what was sent, proofs, events. Never another workstation's document."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime

import msgspec

from gateway.flow.admitted import Admitted, open_recipient
from gateway.flow.audience import PATIENT_MAIL_PENDING
from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import Caller
from gateway.flow.certificates.alarms import EXPIRING, alarm_event
from gateway.flow.certificates.views import AlarmEvent, SuccessionEvent
from gateway.flow.custody import Custody
from gateway.flow.errors import NotFound, PayloadQuarantined
from gateway.flow.identities.entries import Identities
from gateway.flow.panel.views import ResetEvent
from gateway.flow.proof import Entries, Proof, Proofs
from gateway.flow.scanners.readings import Readings
from gateway.flow.scanners.views import ScanEvent
from gateway.flow.views import (
    BatchEvent,
    DeliveryView,
    DocumentView,
    EventData,
    EventView,
    HistoryView,
    IdentityEvent,
    InquiryEvent,
    ReceiptPage,
    ReceiptView,
    SummaryPage,
    SummaryView,
    instant,
    milliseconds,
)
from gateway.journal.records import DeliveryRecord, DocumentRecord, EventRecord, ReceiptRecord
from gateway.journal.sealing import Sealer
from gateway.journal.store import DocumentQuery, Store
from gateway.kernel.errors import RelaisError
from gateway.model.delivery import DocumentState, document_state


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks to see; `patient` is a local id, `cursor` comes from the former page."""

    state: DocumentState | None = None
    patient: str | None = None
    since: datetime | None = None
    cursor: int | None = None
    limit: int = 50


_EVENT_BATCH = 200


class Reader:
    """Read side of the pipeline."""

    def __init__(self, store: Store, custody: Custody, books: Bookkeeper, identities: Identities, readings: Readings | None = None) -> None:
        self._store = store
        self._readings = readings
        self._identities = identities
        self._custody = custody
        self._books = books
        self._proofs = Proofs()

    async def record(self, caller: Caller, document_id: str) -> DocumentRecord:
        """The row of a document this caller may see; raises NotFound."""
        record = await self._store.document(document_id)
        if record is None or not _may_see(caller, record):
            raise NotFound
        return record

    async def receipt(self, caller: Caller, document_id: str) -> DocumentView:
        """The receipt of one document; raises NotFound."""
        return await self.view(await self.record(caller, document_id))

    async def page(self, caller: Caller, wanted: Filter) -> ReceiptPage:
        """A page of the caller's receipts, newest first."""
        records = await self._records(caller, wanted)
        return ReceiptPage(items=tuple([await self.view(one) for one in records]), cursor=_next_page(records, wanted))

    async def summaries(self, caller: Caller, wanted: Filter) -> SummaryPage:
        """The same page with what a secretary recognises a document by."""
        records = await self._records(caller, wanted)
        return SummaryPage(items=tuple([await self._summary(one) for one in records]), cursor=_next_page(records, wanted))

    async def summary(self, caller: Caller, document_id: str) -> SummaryView:
        """One document as the page shows it; raises NotFound."""
        return await self._summary(await self.record(caller, document_id))

    async def history(self, caller: Caller, document_id: str) -> list[HistoryView]:
        """The audit lines of one document, oldest first; raises NotFound."""
        record = await self.record(caller, document_id)
        return [
            HistoryView(at=instant(one.at), act=one.act, answer=one.answer, by=one.actor, delivery=one.delivery_id)
            for one in await self._store.audit_of(record.id)
        ]

    async def view(self, record: DocumentRecord, *, fresh: list[DeliveryRecord] | None = None) -> DocumentView:
        """A row and its deliveries as the contract shows them; `fresh` are those just committed with it, nothing is read then.

        The last delivery at work may end between the two readings: a receipt never contradicts itself.
        """
        deliveries = await self._store.deliveries_of(record.id) if fresh is None else fresh
        receipts = await self._store.receipts_of(record.id) if fresh is None else []
        try:
            key: Sealer | None = self._custody.key(record)
        except PayloadQuarantined:
            key = None
        return DocumentView(
            id=record.id,
            state=_state_beside(record, deliveries),
            accepted_at=instant(record.accepted_at),
            document_unique_id=record.unique_id,
            deliveries=tuple(_delivery_view(one, key, [r for r in receipts if r.delivery_id == one.id]) for one in deliveries),
        )

    async def cda(self, caller: Caller, document_id: str) -> bytes:
        """The CDA as frozen; raises NotFound while there is none."""
        record = await self.record(caller, document_id)
        blob = next((one for one in reversed(await self._store.blobs_of(record.id)) if one.role == "cda"), None)
        if blob is None:
            raise NotFound
        return await self._custody.read(record, blob)

    async def proof(self, caller: Caller, document_id: str) -> Proof:
        """A zip of everything that proves what was done: frozen bytes, answers, signatures, audit lines. Raises NotFound, TooManyProofs."""
        return await self._proofs.write(self._evidence(await self.record(caller, document_id)))

    async def _evidence(self, record: DocumentRecord) -> Entries:
        yield "recepisse.json", msgspec.json.encode(await self.view(record))
        lines = [msgspec.json.encode(line) for line in await self._store.audit_of(record.id)]
        yield "journal.jsonl", b"\n".join(lines) + b"\n"
        for number, blob in enumerate(await self._store.blobs_of(record.id), start=1):
            yield f"{number:02d}-{blob.role}{_extension(blob.role)}", await self._custody.read(record, blob)

    async def events(self, caller: Caller, after: int | None) -> AsyncGenerator[EventView | None, None]:
        """Events of the caller's documents after a number (from now on when None); None now and then, as a heartbeat."""
        last = await self._store.last_event() if after is None else after
        async with self._books.listening() as bell:
            while True:
                bell.clear()
                batch = await self._store.events_after(last, _EVENT_BATCH)
                for event in batch:
                    last = event.sequence
                    shown = await self._event_view(caller, event)
                    if shown is not None:
                        yield shown
                if not batch:
                    yield None
                    await bell.wait()

    async def _records(self, caller: Caller, wanted: Filter) -> list[DocumentRecord]:
        base = DocumentQuery(
            workstation=None if caller.sees_all else caller.workstation,
            state=wanted.state,
            since=milliseconds(wanted.since) if wanted.since is not None else None,
            before=wanted.cursor,
            limit=wanted.limit,
        )
        if wanted.patient is None:
            return await self._store.documents(base)
        found: list[DocumentRecord] = []
        for structure in caller.structures:
            reference = self._identities.reference(structure, wanted.patient)
            found += await self._store.documents(msgspec.structs.replace(base, patient_ref=reference))
        return sorted(found, key=lambda one: one.sequence, reverse=True)[: wanted.limit]

    async def _event_view(self, caller: Caller, event: EventRecord) -> EventView | None:
        """None for what this caller may not see, or what is there no more."""
        family = event.kind.partition(".")[0]
        if family in ("identity", "certificate"):
            mine = caller.sees_all or event.structure in caller.structures or (family == "certificate" and not event.structure)
        elif family == "scan":
            mine = event.workstation == caller.workstation
        elif family == "reset":
            mine = True
        else:
            mine = caller.sees_all or event.workstation == caller.workstation
        data = await self._event_data(family, event) if mine else None
        return EventView(id=event.sequence, kind=event.kind, data=data) if data is not None else None

    async def _event_data(self, family: str, event: EventRecord) -> EventData | None:
        match family:
            case "document":
                document = await self._store.document(event.subject)
                return await self.view(document) if document is not None else None
            case "identity":
                return await self._identity_event(event)
            case "inquiry":
                asked = await self._store.inquiry(event.subject)
                if asked is None:
                    return None
                return InquiryEvent(structure=asked.structure, id=asked.id, state=asked.state, outcome=asked.outcome)
            case "scan":
                return self._scan_event(event)
            case "certificate":
                return await self._certificate_event(event)
            case "batch":
                batch = await self._store.batch(event.subject)
                return BatchEvent(structure=batch.structure, id=batch.id, state=batch.state) if batch is not None else None
            case "reset":
                return ResetEvent(requested_at=instant(event.at))
            case _:
                return None

    def _scan_event(self, event: EventRecord) -> ScanEvent | None:
        reading = self._readings.find(event.subject) if self._readings is not None else None
        return ScanEvent(scanner=reading.scanner, reading=reading.id, test=reading.test) if reading is not None else None

    async def _certificate_event(self, event: EventRecord) -> AlarmEvent | SuccessionEvent | None:
        if event.kind == EXPIRING:
            alarm = await self._store.alarm(event.subject)
            return alarm_event(alarm) if alarm is not None else None
        places = {f"{one.structure}/{one.role}": one for one in await self._store.successions()}
        record = places.get(event.subject)
        return SuccessionEvent(structure=record.structure, role=record.role, state=record.state) if record is not None else None

    async def _identity_event(self, event: EventRecord) -> IdentityEvent | None:
        try:
            entry = await self._identities.by_reference(event.structure, event.subject)
        except PayloadQuarantined:
            return None
        if entry is None:
            return None
        return IdentityEvent(
            structure=event.structure, local_id=entry.identity.local_id, status=entry.record.status, task=entry.record.task
        )

    async def _summary(self, record: DocumentRecord) -> SummaryView:
        try:
            admitted: Admitted | None = self._custody.admitted(record)
        except RelaisError:
            admitted = None
        return SummaryView(
            receipt=await self.view(record),
            structure=record.structure,
            title=admitted.title if admitted else "Document illisible",
            type_label=admitted.type.label if admitted else "",
            patient_label=_patient_label(admitted) if admitted else "",
            local_id=admitted.patient.local_id if admitted else "",
        )


def _next_page(records: list[DocumentRecord], wanted: Filter) -> str | None:
    return str(records[-1].sequence) if len(records) == wanted.limit else None


def _state_beside(record: DocumentRecord, deliveries: list[DeliveryRecord]) -> DocumentState:
    """The row's own, since it also knows of what was put aside; but a document at work stands as the deliveries told beside it."""
    if record.state is not DocumentState.WORKING or not deliveries:
        return record.state
    return document_state([one.state for one in deliveries])


def _may_see(caller: Caller, record: DocumentRecord) -> bool:
    return caller.sees_all or record.workstation == caller.workstation


def _delivery_view(record: DeliveryRecord, key: Sealer | None, receipts: list[ReceiptRecord]) -> DeliveryView:
    return DeliveryView(
        id=record.id,
        channel=record.channel,
        recipient=_recipient(record, key),
        state=record.state,
        attempts=record.attempts,
        next_attempt_at=instant(record.next_attempt_at) if record.next_attempt_at is not None else None,
        receipts=tuple(ReceiptView(kind=one.kind, at=instant(one.at), proof=one.proof_blob) for one in receipts),
        explanation=record.explanation,
    )


def _recipient(record: DeliveryRecord, key: Sealer | None) -> str | None:
    if key is None:
        return None
    try:
        address = open_recipient(record, key)
    except RelaisError:
        return None
    return None if address == PATIENT_MAIL_PENDING else address


def _patient_label(admitted: Admitted) -> str:
    traits = admitted.patient.traits
    return f"{traits.used_family_name or traits.birth_family_name} {traits.used_given_name or traits.first_birth_given_name}"


def _extension(role: str) -> str:
    return {"original": "", "cda": ".xml", "lot": ".json", "mail": ".eml", "answer": ".txt"}.get(role, "")
