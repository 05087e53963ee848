"""Applies a group of commits in one transaction, on the thread of the writing connection. Plain sqlite3, nothing asynchronous.

Each commit of the group stands in a savepoint of its own: one that is refused leaves its neighbours alone. When the transaction itself
fails (disk full, read-only, damaged), nobody was written and everybody is told so.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from gateway.journal.audit import START, Tail, chained
from gateway.journal.connection import error_name
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
    ReceiptRecord,
    SuccessionRecord,
    WakeLane,
    WorkstationRecord,
)
from gateway.journal.rows import (
    ALARMS,
    AUDIT,
    BATCHES,
    BLOBS,
    CALLS,
    DELIVERIES,
    DOCUMENTS,
    EVENTS,
    EXISTENCE,
    IDENTITY_CHANGES,
    INQUIRIES,
    PAIRINGS,
    PATIENTS,
    RECEIPTS,
    SUCCESSIONS,
    WORKSTATIONS,
    BadRow,
    Parameters,
    Shape,
)
from gateway.journal.statements import statement
from gateway.journal.store import DuplicateKey, NotAccepting, StaleRecord, Unstorable
from gateway.kernel.errors import RelaisError

Changes = tuple[Change | BadRow, ...]
Refusal = RelaisError | None

_TAKEN = frozenset({"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"})
_OWN_FAULT = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError, OverflowError, UnicodeError)
_PLAIN: dict[type, tuple[str, Shape[Any]]] = {
    EventRecord: ("event-insert", EVENTS),
    BlobRecord: ("blob-insert", BLOBS),
    ReceiptRecord: ("receipt-insert", RECEIPTS),
    WorkstationRecord: ("workstation-put", WORKSTATIONS),
    IdentityChangeRecord: ("identity-change-insert", IDENTITY_CHANGES),
    ExistenceRecord: ("existence-put", EXISTENCE),
    AlarmRecord: ("alarm-insert", ALARMS),
    PairingRecord: ("pairing-put", PAIRINGS),
}
"""Records that one statement writes."""
_VERSIONED: dict[type, tuple[str, Shape[Any]]] = {
    PatientRecord: ("patient", PATIENTS),
    InsiCallRecord: ("call", CALLS),
    InquiryRecord: ("inquiry", INQUIRIES),
    BatchRecord: ("batch", BATCHES),
    SuccessionRecord: ("succession", SUCCESSIONS),
}
"""Records that `<name>-insert` writes in version 1 and `<name>-update` in the versions after."""
_MARKED = frozenset({"documents", "deliveries", "events", "patients", "inquiries", "batches"})
"""Tables whose bad rows are also taken out of the way; the rows of the others stay where they are."""


class GroupWriter:
    """Writes groups. `room` tells, before a new document is kept, whether the disk has more than its reserve left."""

    def __init__(self, room: Callable[[], bool]) -> None:
        self._room = room
        self._tail = Tail()

    def write(self, connection: sqlite3.Connection, group: Sequence[Changes]) -> list[Refusal]:
        """What each commit of the group met; None: it is on the disk."""
        try:
            connection.execute("BEGIN IMMEDIATE")
            self._tail = _read_tail(connection)
            outcomes = [self._one(connection, changes, alone=len(group) == 1) for changes in group]
            connection.execute("COMMIT" if None in outcomes else "ROLLBACK")
        except sqlite3.Error as problem:
            _abandon(connection)
            return [NotAccepting(error_name(problem)) for _ in group]
        return outcomes

    def _one(self, connection: sqlite3.Connection, changes: Changes, *, alone: bool) -> Refusal:
        if any(type(change) is DocumentRecord and change.version == 1 for change in changes) and not self._room():
            return NotAccepting("reserve")
        before = self._tail
        if not alone:
            connection.execute("SAVEPOINT one")
        try:
            for change in changes:
                self._apply(connection, change)
        except (RelaisError, *_OWN_FAULT) as problem:
            self._tail = before
            if not alone:
                connection.execute("ROLLBACK TO one")
                connection.execute("RELEASE one")
            return _refusal(problem)
        if not alone:
            connection.execute("RELEASE one")
        return None

    def _apply(self, connection: sqlite3.Connection, change: Change | BadRow) -> None:
        match change:
            case DocumentRecord():
                _put_document(connection, change)
            case DeliveryRecord():
                _put_delivery(connection, change)
            case AuditRecord():
                line = chained(change, self._tail)
                connection.execute(statement("audit-insert"), AUDIT.parameters(line))
                self._tail = Tail(line.sequence, line.hash)
            case BringForward():
                connection.execute(statement("lane-forward"), {"lane": change.lane, "now": change.now, "latest": change.latest})
            case WakeLane():
                connection.execute(statement("lane-wake"), {"lane": change.lane, "now": change.now})
            case DeleteBlob():
                connection.execute(statement("blob-delete"), {"id": change.id})
            case Forget():
                connection.execute(statement(f"{change.what}-forget"), {"ids": json.dumps(change.ids)})
            case BadRow():
                _put_aside(connection, change)
            case PatientRecord() | InsiCallRecord() | InquiryRecord() | BatchRecord() | SuccessionRecord():
                _put_version(connection, change)
            case _:
                name, shape = _PLAIN[type(change)]
                connection.execute(statement(name), shape.parameters(change))


def _put_document(connection: sqlite3.Connection, record: DocumentRecord) -> None:
    values = DOCUMENTS.parameters(record)
    if record.version == 1:
        connection.execute(statement("document-insert"), values)
        return
    _update(connection, values, "document-update", "document-update-wide")
    connection.execute(statement("document-prepares"), values)


def _put_delivery(connection: sqlite3.Connection, record: DeliveryRecord) -> None:
    values = DELIVERIES.parameters(record)
    if record.version == 1:
        connection.execute(statement("delivery-insert"), values)
    else:
        _update(connection, values, "delivery-progress", "delivery-update")


def _put_version(
    connection: sqlite3.Connection, record: PatientRecord | InsiCallRecord | InquiryRecord | BatchRecord | SuccessionRecord
) -> None:
    name, shape = _VERSIONED[type(record)]
    step = "insert" if record.version == 1 else "update"
    if not connection.execute(statement(f"{name}-{step}"), shape.parameters(record)).rowcount:
        raise StaleRecord(name)


def _update(connection: sqlite3.Connection, values: Parameters, *names: str) -> None:
    """The first statement that finds its row does; the narrow ones come first. Raises StaleRecord when none does."""
    for name in names:
        if connection.execute(statement(name), values).rowcount:
            return
    raise StaleRecord(str(values["id"]))


def _put_aside(connection: sqlite3.Connection, row: BadRow) -> None:
    connection.execute(statement("quarantine-insert"), {"source": row.source, "number": row.number, "reason": row.reason, "raw": row.raw})
    if row.source in _MARKED:
        connection.execute(statement(f"quarantine-{row.source}"), {"number": row.number})
    if row.source == "deliveries":
        connection.execute(statement("quarantine-deliveries-document"), {"number": row.number})


def _read_tail(connection: sqlite3.Connection) -> Tail:
    row = connection.execute(statement("audit-tail")).fetchone()
    return Tail(row["sequence"], str(row["hash"] or START)) if row is not None else Tail()


def _refusal(problem: Exception) -> RelaisError:
    if isinstance(problem, RelaisError):
        return problem
    name = getattr(problem, "sqlite_errorname", None) or type(problem).__name__
    return DuplicateKey(name) if name in _TAKEN else Unstorable(name)


def _abandon(connection: sqlite3.Connection) -> None:
    """Leave no transaction open; SQLite may have closed it itself (disk full)."""
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    except sqlite3.Error:
        # A rollback that fails leaves a connection that refuses the next BEGIN: everybody is told NotAccepting then too.
        return
