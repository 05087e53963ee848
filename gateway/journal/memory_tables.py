"""The tables of the in-memory twin, and the way back from a commit that was refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.journal.records import (
    AlarmRecord,
    AuditRecord,
    BatchRecord,
    BlobRecord,
    DeliveryRecord,
    DocumentRecord,
    EventRecord,
    ExistenceRecord,
    IdentityChangeRecord,
    InquiryRecord,
    InsiCallRecord,
    PairingRecord,
    PatientRecord,
    ReceiptRecord,
    SuccessionRecord,
    WorkstationRecord,
)


class Tables:
    """Every table as a dict; `put` and `drop` note how to undo themselves."""

    def __init__(self) -> None:
        self.documents: dict[str, DocumentRecord] = {}
        self.deliveries: dict[str, DeliveryRecord] = {}
        self.blobs: dict[str, BlobRecord] = {}
        self.receipts: dict[str, ReceiptRecord] = {}
        self.workstations: dict[str, WorkstationRecord] = {}
        self.patients: dict[tuple[str, str], PatientRecord] = {}
        self.changes: dict[int, IdentityChangeRecord] = {}
        self.calls: dict[str, InsiCallRecord] = {}
        self.inquiries: dict[str, InquiryRecord] = {}
        self.batches: dict[str, BatchRecord] = {}
        self.alarms: dict[str, AlarmRecord] = {}
        self.successions: dict[tuple[str, str], SuccessionRecord] = {}
        self.pairings: dict[str, PairingRecord] = {}
        self.existence: dict[tuple[str, str], ExistenceRecord] = {}
        self.audit: dict[int, AuditRecord] = {}
        self.events: dict[int, EventRecord] = {}
        self._undo: list[Callable[[], object]] = []

    def put(self, table: dict[Any, Any], key: object, record: object) -> None:
        """Insert or replace."""
        if key in table:
            before = table[key]
            self._undo.append(lambda: table.__setitem__(key, before))
        else:
            self._undo.append(lambda: table.pop(key))
        table[key] = record

    def drop(self, table: dict[Any, Any], key: object) -> None:
        """Delete, if there."""
        if key in table:
            before = dict(table)
            self._undo.append(lambda: table.update(before))  # the order of the rows matters: all of them come back
            self._undo.append(table.clear)
            del table[key]

    def keep(self) -> None:
        """The changes stay."""
        self._undo.clear()

    def undo(self) -> None:
        """As if nothing had been changed since the last `keep`."""
        while self._undo:
            self._undo.pop()()
