"""The in-memory twin of the journal: same contract, same errors, nothing on the disk. For tests; a box never runs on it.

Written apart from the SQL on purpose, in the plainest way: one suite runs on both, and each is the other's second opinion.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from typing import Any, TypeVar

import msgspec

from gateway.journal.audit import Tail, chained, first_break, tail_of
from gateway.journal.identity_changes import following, put_identity
from gateway.journal.identity_memory import IdentityMemory
from gateway.journal.memory_tables import Tables
from gateway.journal.records import (
    AlarmRecord,
    AuditRecord,
    BatchRecord,
    BlobRecord,
    BringForward,
    Change,
    DeleteBlob,
    DeliveryRecord,
    DocumentRecord,
    EventRecord,
    ExistenceRecord,
    Forget,
    IdentityChangeRecord,
    InquiryRecord,
    InsiCallRecord,
    PairingRecord,
    PatientRecord,
    QuarantineRecord,
    ReceiptRecord,
    SuccessionRecord,
    WakeLane,
    WorkstationRecord,
)
from gateway.journal.store import (
    DELIVERY_FIXED,
    DOCUMENT_FIXED,
    DocumentQuery,
    DuplicateKey,
    LaneAge,
    StaleRecord,
    Unstorable,
)
from gateway.model.delivery import OPEN, DeliveryState, DocumentState

T = TypeVar("T")

_WAITING = frozenset({DeliveryState.QUEUED, DeliveryState.UNKNOWN})
_AHEAD = _WAITING | {DeliveryState.RUNNING}
_WOKEN = frozenset({"transient", "configuration"})


class MemoryStore(IdentityMemory):
    """`journal.store.Store` in dicts. `accepting` is for tests: False makes every call raise NotAccepting."""

    async def commit(self, *changes: Change) -> None:
        """See Store.commit."""
        tables = self._open()
        try:
            for change in changes:
                self._apply(tables, change)
        except BaseException:
            tables.undo()
            raise
        tables.keep()
        await asyncio.sleep(0)

    async def document(self, document_id: str) -> DocumentRecord | None:
        """See Store.document."""
        return self._open().documents.get(document_id)

    async def document_by_key(self, workstation: str, idempotency_key: str) -> DocumentRecord | None:
        """See Store.document_by_key."""
        return _first(one for one in self._documents() if (one.workstation, one.idempotency_key) == (workstation, idempotency_key))

    async def document_by_unique_id(self, structure: str, unique_id: str) -> DocumentRecord | None:
        """See Store.document_by_unique_id."""
        return _first(one for one in self._documents() if (one.structure, one.unique_id) == (structure, unique_id))

    async def documents(self, query: DocumentQuery) -> list[DocumentRecord]:
        """See Store.documents."""
        return [one for one in reversed(self._documents()) if _meets(one, query)][: max(0, query.limit)]

    async def unprepared(self, *, newest: bool, excluding: frozenset[str]) -> DocumentRecord | None:
        """See Store.unprepared."""
        wanted = {one.document_id for one in self._deliveries() if one.state is DeliveryState.QUEUED}
        found = [
            one
            for one in self._documents()
            if not one.prepared and one.closed_at is None and one.state is not DocumentState.CANCELLED and one.id in wanted - excluding
        ]
        return found[-1 if newest else 0] if found else None

    async def delivery(self, delivery_id: str) -> DeliveryRecord | None:
        """See Store.delivery."""
        return self._open().deliveries.get(delivery_id)

    async def deliveries_of(self, document_id: str) -> list[DeliveryRecord]:
        """See Store.deliveries_of."""
        return [one for one in self._deliveries() if one.document_id == document_id]

    async def held_of_patient(self, patient_ref: str) -> list[DeliveryRecord]:
        """See Store.held_of_patient."""
        among = {one.id for one in self._documents() if one.patient_ref == patient_ref}
        return sorted((one for one in self._deliveries() if one.document_id in among and one.state is DeliveryState.HELD), key=_age)

    async def waiting_of_patient(self, patient_ref: str) -> list[DeliveryRecord]:
        """See Store.waiting_of_patient."""
        among = {one.id for one in self._documents() if one.patient_ref == patient_ref}
        waiting = _WAITING | {DeliveryState.HELD}
        return sorted((one for one in self._deliveries() if one.document_id in among and one.state in waiting), key=_age)

    async def due(self, lane: str, now: int, *, newest: bool, excluding: frozenset[str]) -> DeliveryRecord | None:
        """See Store.due."""
        free = [one for one in self._waiting(lane) if one.id not in excluding and not self._has_elder(one)]
        undated = [one for one in free if one.next_attempt_at is None]
        dated = [one for one in free if one.next_attempt_at is not None and one.next_attempt_at <= now]
        choose = max if newest else min
        candidates = [choose(undated, key=_age)] if undated else []
        if dated:
            candidates.append(choose(dated, key=lambda one: (one.next_attempt_at or 0, one.sequence)))
        return choose(candidates, key=_age) if candidates else None

    async def next_due_at(self, lane: str, after: int) -> int | None:
        """See Store.next_due_at."""
        dates = (one.next_attempt_at for one in self._waiting(lane))
        return min((date for date in dates if date is not None and date > after), default=None)

    async def lanes(self) -> list[str]:
        """See Store.lanes."""
        return sorted({one.lane for one in self._deliveries() if one.state in OPEN})

    async def orphans(self, boot: str) -> list[DeliveryRecord]:
        """See Store.orphans."""
        return sorted((one for one in self._deliveries() if one.state is DeliveryState.RUNNING and one.boot != boot), key=_age)

    async def shape(self) -> list[LaneAge]:
        """See Store.shape."""
        groups: dict[tuple[str, str], list[DeliveryRecord]] = {}
        for one in sorted(self._deliveries(), key=_age):
            if one.state in OPEN:
                groups.setdefault((one.lane, one.state.value), []).append(one)
        documents = self._tables.documents
        return [
            LaneAge(lane=lane, state=state, count=len(ones), oldest_accepted_at=documents[ones[0].document_id].accepted_at)
            for (lane, state), ones in sorted(groups.items())
        ]

    async def receipts_of(self, document_id: str) -> list[ReceiptRecord]:
        """See Store.receipts_of."""
        among = {one.id for one in self._deliveries() if one.document_id == document_id}
        return [one for one in self._tables.receipts.values() if one.delivery_id in among]

    async def blob(self, blob_id: str) -> BlobRecord | None:
        """See Store.blob."""
        return self._open().blobs.get(blob_id)

    async def blobs_of(self, document_id: str) -> list[BlobRecord]:
        """See Store.blobs_of."""
        return [one for one in self._open().blobs.values() if one.document_id == document_id]

    async def known_blobs(self, blob_ids: Collection[str]) -> frozenset[str]:
        """See Store.known_blobs."""
        return frozenset(blob_ids) & self._open().blobs.keys()

    async def events_after(self, sequence: int, limit: int) -> list[EventRecord]:
        """See Store.events_after."""
        return [one for one in self._open().events.values() if one.sequence > sequence][: max(0, limit)]

    async def last_event(self) -> int:
        """See Store.last_event."""
        return len(self._open().events)

    async def workstation_by_token(self, token_digest: str) -> WorkstationRecord | None:
        """See Store.workstation_by_token."""
        return _first(one for one in self._open().workstations.values() if one.token_digest == token_digest)

    async def workstations(self) -> list[WorkstationRecord]:
        """See Store.workstations."""
        return list(self._open().workstations.values())

    async def existence(self, structure: str, patient_ref: str) -> ExistenceRecord | None:
        """See Store.existence."""
        return self._open().existence.get((structure, patient_ref))

    async def pairings(self) -> list[PairingRecord]:
        """See Store.pairings."""
        return list(self._open().pairings.values())

    async def alarm(self, alarm_id: str) -> AlarmRecord | None:
        """See Store.alarm."""
        return self._open().alarms.get(alarm_id)

    async def alarms(self) -> list[AlarmRecord]:
        """See Store.alarms."""
        return list(self._open().alarms.values())

    async def successions(self) -> list[SuccessionRecord]:
        """See Store.successions."""
        found = self._open().successions
        return [found[place] for place in sorted(found)]

    async def audit_of(self, document_id: str) -> list[AuditRecord]:
        """See Store.audit_of."""
        return [one for one in self._open().audit.values() if one.document_id == document_id]

    async def audit_after(self, sequence: int, limit: int) -> list[AuditRecord]:
        """See Store.audit_after."""
        return [one for one in self._open().audit.values() if one.sequence > sequence][: max(0, limit)]

    async def quarantined(self) -> list[QuarantineRecord]:
        """See Store.quarantined: a dict damages nothing."""
        self._open()
        return []

    async def verify_audit(self) -> int | None:
        """See Store.verify_audit."""
        return first_break(self._open().audit.values(), Tail())

    async def close(self) -> None:
        """See Store.close."""
        self._closed = True

    def _documents(self) -> list[DocumentRecord]:
        return list(self._open().documents.values())

    def _deliveries(self) -> list[DeliveryRecord]:
        return list(self._open().deliveries.values())

    def _waiting(self, lane: str) -> list[DeliveryRecord]:
        documents = self._tables.documents
        return [one for one in self._deliveries() if one.lane == lane and one.state in _WAITING and documents[one.document_id].prepared]

    def _has_elder(self, delivery: DeliveryRecord) -> bool:
        line = (delivery.lane, delivery.order_key)
        return any(
            (one.lane, one.order_key) == line and one.state in _AHEAD and one.sequence < delivery.sequence for one in self._deliveries()
        )

    def _apply(self, tables: Tables, change: Change) -> None:
        match change:
            case DocumentRecord():
                _put_document(tables, change)
            case DeliveryRecord():
                _put_delivery(tables, change)
            case AuditRecord():
                line = chained(change, tail_of(tables.audit[len(tables.audit)]) if tables.audit else Tail())
                tables.put(tables.audit, line.sequence, line)
            case EventRecord():
                number = len(tables.events) + 1
                tables.put(tables.events, number, msgspec.structs.replace(change, sequence=number))
            case BlobRecord():
                _put_once(tables, tables.blobs, change, parent=change.document_id in tables.documents)
            case ReceiptRecord():
                _put_once(tables, tables.receipts, change, parent=change.delivery_id in tables.deliveries)
            case PatientRecord() | IdentityChangeRecord() | InsiCallRecord() | InquiryRecord() | BatchRecord() | Forget():
                put_identity(tables, change)
            case AlarmRecord():
                _put_alarm(tables, change)
            case SuccessionRecord():
                _put_succession(tables, change)
            case WakeLane() | BringForward():
                _hasten(tables, change)
            case DeleteBlob():
                tables.drop(tables.blobs, change.id)
            case _:
                _put_latest(tables, change)


def _put_document(tables: Tables, record: DocumentRecord) -> None:
    before = tables.documents.get(record.id)
    others = [one for one in tables.documents.values() if one.id != record.id]
    same_key = record.version == 1 and any(
        (one.workstation, one.idempotency_key) == (record.workstation, record.idempotency_key) for one in others
    )
    if same_key or any((one.structure, one.unique_id) == (record.structure, record.unique_id) for one in others):
        raise DuplicateKey("document")
    if record.version == 1:
        if before is not None:
            raise DuplicateKey("document")
        record = msgspec.structs.replace(record, sequence=len(tables.documents) + 1)
    else:
        record = following(before, record, DOCUMENT_FIXED)
    tables.put(tables.documents, record.id, record)


def _put_delivery(tables: Tables, record: DeliveryRecord) -> None:
    before = tables.deliveries.get(record.id)
    if record.version == 1:
        if before is not None:
            raise DuplicateKey("delivery")
        document = tables.documents.get(record.document_id)
        if document is None:
            raise Unstorable("document")
        record = msgspec.structs.replace(record, sequence=document.sequence)
    else:
        record = following(before, record, DELIVERY_FIXED)
    tables.put(tables.deliveries, record.id, record)


def _put_once(tables: Tables, table: dict[str, Any], record: BlobRecord | ReceiptRecord, *, parent: bool) -> None:
    if record.id in table:
        raise DuplicateKey("row")
    if not parent:
        raise Unstorable("parent")
    tables.put(table, record.id, record)


def _put_alarm(tables: Tables, record: AlarmRecord) -> None:
    if record.id in tables.alarms:
        raise DuplicateKey("alarm")
    tables.put(tables.alarms, record.id, msgspec.structs.replace(record, number=len(tables.alarms) + 1))


def _put_succession(tables: Tables, record: SuccessionRecord) -> None:
    place = (record.structure, record.role)
    before = tables.successions.get(place)
    if (before.version if before is not None else 0) != record.version - 1:
        raise StaleRecord("succession")
    number = before.number if before is not None else len(tables.successions) + 1
    tables.put(tables.successions, place, msgspec.structs.replace(record, number=number))


def _put_latest(tables: Tables, record: WorkstationRecord | ExistenceRecord | PairingRecord) -> None:
    match record:
        case WorkstationRecord():
            if any(one.token_digest == record.token_digest and one.id != record.id for one in tables.workstations.values()):
                raise DuplicateKey("token")
            tables.put(tables.workstations, record.id, record)
        case ExistenceRecord():
            tables.put(tables.existence, (record.structure, record.patient_ref), record)
        case PairingRecord():
            tables.put(tables.pairings, record.device, record)


def _hasten(tables: Tables, change: WakeLane | BringForward) -> None:
    for one in list(tables.deliveries.values()):
        if one.lane != change.lane or one.next_attempt_at is None:
            continue
        if isinstance(change, WakeLane):
            chosen = one.state is DeliveryState.QUEUED and one.error_class in _WOKEN and one.next_attempt_at > change.now
        else:
            chosen = one.state in _WAITING and tables.documents[one.document_id].prepared and one.next_attempt_at > change.latest
        if chosen:
            tables.put(tables.deliveries, one.id, msgspec.structs.replace(one, next_attempt_at=change.now))


def _meets(one: DocumentRecord, query: DocumentQuery) -> bool:
    return (
        (query.workstation is None or one.workstation == query.workstation)
        and (query.structures is None or one.structure in query.structures)
        and (query.state is None or one.state is query.state)
        and (query.patient_ref is None or one.patient_ref == query.patient_ref)
        and (query.since is None or one.accepted_at >= query.since)
        and (query.before is None or one.sequence < query.before)
    )


def _age(one: DeliveryRecord) -> int:
    return one.sequence


def _first(found: Iterable[T]) -> T | None:
    return next(iter(found), None)
