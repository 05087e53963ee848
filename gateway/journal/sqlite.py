"""The journal on SQLite: one writing connection that commits in groups, one reading connection, both through aiosqlite.

Commits are durable when they return (WAL, synchronous=FULL). No error of sqlite3 leaves this room. Sources: stack.md 2, 3 and 14,
design section 4; the choices are recorded in docs/adr/0002-journal.md.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

import aiosqlite
import msgspec

from gateway.journal.audit import Tail, first_break, tail_of
from gateway.journal.connection import GroupConnection, open_connection, opening, using
from gateway.journal.folders import make_folder, sync_folder
from gateway.journal.grouping import Grouping, Outcomes
from gateway.journal.identity_reads import IdentityReads
from gateway.journal.pages import page_of
from gateway.journal.readers import Reader
from gateway.journal.records import (
    AlarmRecord,
    AuditRecord,
    BlobRecord,
    Change,
    DeliveryRecord,
    DocumentRecord,
    EventRecord,
    ExistenceRecord,
    PairingRecord,
    QuarantineRecord,
    ReceiptRecord,
    SuccessionRecord,
    WorkstationRecord,
)
from gateway.journal.rows import (
    ALARMS,
    AUDIT,
    BLOBS,
    DELIVERIES,
    DOCUMENTS,
    EVENTS,
    EXISTENCE,
    PAIRINGS,
    QUARANTINE,
    RECEIPTS,
    SUCCESSIONS,
    WORKSTATIONS,
    BadRow,
)
from gateway.journal.schema import migrate, migrations
from gateway.journal.store import DocumentQuery, LaneAge, NotAccepting
from gateway.journal.writer import Changes, GroupWriter

_AUDIT_PAGE = 500
_ITER_CHUNK = 64


class SqliteStore(IdentityReads):
    """`journal.store.Store` on one file. Made by `open`; `close` it, or its two threads keep the process alive."""

    def __init__(self, writing: aiosqlite.Connection, raw: GroupConnection, reading: aiosqlite.Connection, writer: GroupWriter) -> None:
        self._writing = writing
        self._raw = raw
        self._writer = writer
        self._group: Grouping[Changes] = Grouping(self._write)
        super().__init__(Reader(reading, self._put_aside))
        self._closed = False

    @classmethod
    async def open(cls, path: Path, *, reserve_bytes: int = 0, free_bytes: Callable[[], int] | None = None) -> SqliteStore:
        """Open or create the journal and bring its schema up to date.

        No new document is taken when less than `reserve_bytes` are left where the file lies (what has been accepted still moves on);
        `free_bytes` measures it otherwise. Raises JournalDamaged, JournalTooNew, NotAccepting.
        """
        free = free_bytes or partial(_free_bytes, path.parent)
        # Opened before aiosqlite has a thread: aiosqlite does not wait for the thread of a connection that failed to open.
        with opening():
            raw, reading = await asyncio.to_thread(_opened, path)
        writer = GroupWriter(lambda: reserve_bytes <= 0 or free() >= reserve_bytes)
        return cls(await _threaded(raw), raw, await _threaded(reading), writer)

    async def commit(self, *changes: Change) -> None:
        """See Store.commit."""
        await self._submit(changes)

    async def document(self, document_id: str) -> DocumentRecord | None:
        """See Store.document."""
        return await self._reader.first(DOCUMENTS, "document", id=document_id)

    async def document_by_key(self, workstation: str, idempotency_key: str) -> DocumentRecord | None:
        """See Store.document_by_key."""
        return await self._reader.first(DOCUMENTS, "document-by-key", workstation=workstation, idempotency_key=idempotency_key)

    async def document_by_unique_id(self, structure: str, unique_id: str) -> DocumentRecord | None:
        """See Store.document_by_unique_id."""
        return await self._reader.first(DOCUMENTS, "document-by-unique-id", structure=structure, unique_id=unique_id)

    async def documents(self, query: DocumentQuery) -> list[DocumentRecord]:
        """See Store.documents."""
        return await page_of(self._reader, query)

    async def unprepared(self, *, newest: bool, excluding: frozenset[str]) -> DocumentRecord | None:
        """See Store.unprepared."""
        name = "unprepared-newest" if newest else "unprepared-oldest"
        return await self._reader.first(DOCUMENTS, name, excluding=_array(excluding))

    async def delivery(self, delivery_id: str) -> DeliveryRecord | None:
        """See Store.delivery."""
        return await self._reader.first(DELIVERIES, "delivery", id=delivery_id)

    async def deliveries_of(self, document_id: str) -> list[DeliveryRecord]:
        """See Store.deliveries_of."""
        return await self._reader.records(DELIVERIES, "deliveries-of", document_id=document_id)

    async def held_of_patient(self, patient_ref: str) -> list[DeliveryRecord]:
        """See Store.held_of_patient."""
        return await self._reader.records(DELIVERIES, "held-of-patient", patient_ref=patient_ref)

    async def waiting_of_patient(self, patient_ref: str) -> list[DeliveryRecord]:
        """See Store.waiting_of_patient."""
        return await self._reader.records(DELIVERIES, "waiting-of-patient", patient_ref=patient_ref)

    async def due(self, lane: str, now: int, *, newest: bool, excluding: frozenset[str]) -> DeliveryRecord | None:
        """See Store.due."""
        name = "due-newest" if newest else "due-oldest"
        return await self._reader.first(DELIVERIES, name, lane=lane, now=now, excluding=_array(excluding))

    async def next_due_at(self, lane: str, after: int) -> int | None:
        """See Store.next_due_at."""
        return await self._reader.value("next-due-at", lane=lane, after=after)

    async def lanes(self) -> list[str]:
        """See Store.lanes."""
        return await self._reader.names("lanes")

    async def orphans(self, boot: str) -> list[DeliveryRecord]:
        """See Store.orphans."""
        return await self._reader.records(DELIVERIES, "orphans", boot=boot)

    async def shape(self) -> list[LaneAge]:
        """See Store.shape."""
        return [LaneAge(**dict(row)) for row in await self._reader.fetch("shape") if isinstance(row["lane"], str)]

    async def receipts_of(self, document_id: str) -> list[ReceiptRecord]:
        """See Store.receipts_of."""
        return await self._reader.records(RECEIPTS, "receipts-of", document_id=document_id)

    async def blob(self, blob_id: str) -> BlobRecord | None:
        """See Store.blob."""
        return await self._reader.first(BLOBS, "blob", id=blob_id)

    async def blobs_of(self, document_id: str) -> list[BlobRecord]:
        """See Store.blobs_of."""
        return await self._reader.records(BLOBS, "blobs-of", document_id=document_id)

    async def known_blobs(self, blob_ids: Collection[str]) -> frozenset[str]:
        """See Store.known_blobs."""
        return frozenset(await self._reader.names("blobs-known", ids=_array(blob_ids)))

    async def events_after(self, sequence: int, limit: int) -> list[EventRecord]:
        """See Store.events_after."""
        return await self._reader.records(EVENTS, "events-after", sequence=sequence, limit=max(0, limit))

    async def last_event(self) -> int:
        """See Store.last_event."""
        return await self._reader.value("last-event") or 0

    async def workstation_by_token(self, token_digest: str) -> WorkstationRecord | None:
        """See Store.workstation_by_token."""
        return await self._reader.first(WORKSTATIONS, "workstation-by-token", token_digest=token_digest)

    async def workstations(self) -> list[WorkstationRecord]:
        """See Store.workstations."""
        return await self._reader.records(WORKSTATIONS, "workstations")

    async def existence(self, structure: str, patient_ref: str) -> ExistenceRecord | None:
        """See Store.existence."""
        return await self._reader.first(EXISTENCE, "existence", structure=structure, patient_ref=patient_ref)

    async def pairings(self) -> list[PairingRecord]:
        """See Store.pairings."""
        return await self._reader.records(PAIRINGS, "pairings")

    async def alarm(self, alarm_id: str) -> AlarmRecord | None:
        """See Store.alarm."""
        return await self._reader.first(ALARMS, "alarm", id=alarm_id)

    async def alarms(self) -> list[AlarmRecord]:
        """See Store.alarms."""
        return await self._reader.records(ALARMS, "alarms")

    async def successions(self) -> list[SuccessionRecord]:
        """See Store.successions."""
        return await self._reader.records(SUCCESSIONS, "successions")

    async def audit_of(self, document_id: str) -> list[AuditRecord]:
        """See Store.audit_of."""
        return await self._reader.records(AUDIT, "audit-of", document_id=document_id)

    async def audit_after(self, sequence: int, limit: int) -> list[AuditRecord]:
        """See Store.audit_after."""
        return await self._reader.records(AUDIT, "audit-after", sequence=sequence, limit=max(0, limit))

    async def quarantined(self) -> list[QuarantineRecord]:
        """See Store.quarantined."""
        return await self._reader.records(QUARANTINE, "quarantine-list")

    async def verify_audit(self) -> int | None:
        """See Store.verify_audit. A line that makes no record, and lines missing at the end, are breaks like others."""
        last, tail = await self._reader.value("audit-count") or 0, Tail()
        while lines := await self.audit_after(tail.sequence, _AUDIT_PAGE):
            broken = first_break(lines, tail)
            if broken is not None:
                return broken
            tail = tail_of(lines[-1])
        return None if tail.sequence >= last else tail.sequence + 1

    async def close(self) -> None:
        """See Store.close."""
        if self._closed:
            return
        self._closed = True
        await self._group.idle()
        await self._reader.close()
        with using():
            await self._writing.close()

    async def _submit(self, changes: Changes) -> None:
        if self._closed:
            raise NotAccepting("closed")
        await self._group.join(changes)

    async def _write(self, group: list[Changes]) -> Outcomes:
        outcomes: list[Outcomes] = []
        self._raw.work = lambda connection: outcomes.append(self._writer.write(connection, group))
        await self._writing.commit()
        return outcomes[0]

    async def _put_aside(self, rows: list[BadRow]) -> None:
        await self._submit(tuple(rows))


def _opened(path: Path) -> tuple[GroupConnection, GroupConnection]:
    """The writing and the reading connection, the schema up to date and the file's name on the disk."""
    make_folder(path.parent)
    writing = open_connection(path)
    try:
        path.chmod(0o600)
        migrate(writing, migrations())
        sync_folder(path.parent)
        reading = open_connection(path)
    except BaseException:
        writing.close()
        raise
    reading.execute("PRAGMA query_only = ON")
    return writing, reading


async def _threaded(connection: sqlite3.Connection) -> aiosqlite.Connection:
    return await aiosqlite.Connection(lambda: connection, _ITER_CHUNK)


def _free_bytes(folder: Path) -> int:
    state = os.statvfs(folder)
    return state.f_bavail * state.f_frsize


def _array(values: Collection[str]) -> str:
    return msgspec.json.encode(list(values)).decode()
