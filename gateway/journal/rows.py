"""Rows and records: the columns of each table as the fields of its record, and back, checked.

A row whose values do not make a record is never guessed at: decoding gives the reason, without any value of the row, and the reader puts
the row into quarantine. Nothing here talks to SQLite.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import msgspec

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
    QuarantineRecord,
    ReceiptRecord,
    SuccessionRecord,
    WorkstationRecord,
)

R = TypeVar("R", bound=msgspec.Struct)
Parameters = dict[str, Any]

_FLAGS = {0: False, 1: True}


class BadRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that makes no record: where it is, why, and its raw columns as JSON (bytes in hexadecimal)."""

    source: str
    number: int
    reason: str
    raw: str


class Shape(msgspec.Struct, Generic[R], frozen=True, kw_only=True):
    """One table: its record, the column that numbers its rows, its JSON columns and its flags (0 or 1)."""

    table: str
    record: type[R]
    number: str = "number"
    json: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    def parameters(self, record: R) -> Parameters:
        """The named parameters that write a record."""
        values: Parameters = msgspec.to_builtins(record, builtin_types=(bytes,))
        for name in self.json:
            if values[name] is not None:
                values[name] = msgspec.json.encode(values[name]).decode()
        return values

    def decode(self, rows: Iterable[sqlite3.Row]) -> tuple[list[R], list[BadRow]]:
        """The records of the rows that make one, and the others."""
        good: list[R] = []
        bad: list[BadRow] = []
        for row in rows:
            try:
                good.append(self._record_of(dict(row)))
            except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError) as problem:
                bad.append(BadRow(source=self.table, number=row[self.number], reason=_reason(problem), raw=_raw(row)))
        return good, bad

    def _record_of(self, values: Parameters) -> R:
        for name in self.json:
            if values[name] is not None:
                values[name] = msgspec.json.decode(values[name])
        for name in self.flags:
            values[name] = _FLAGS[values[name]]
        return msgspec.convert(values, self.record)


DOCUMENTS = Shape(table="documents", record=DocumentRecord, number="sequence", flags=("prepared",))
DELIVERIES = Shape(table="deliveries", record=DeliveryRecord, json=("explanation",), flags=("to_patient", "doubtful"))
BLOBS = Shape(table="blobs", record=BlobRecord)
RECEIPTS = Shape(table="receipts", record=ReceiptRecord)
AUDIT = Shape(table="audit", record=AuditRecord, number="sequence", json=("detail",))
EVENTS = Shape(table="events", record=EventRecord, number="sequence")
WORKSTATIONS = Shape(table="workstations", record=WorkstationRecord, json=("structures",), flags=("revoked",))
PATIENTS = Shape(table="patients", record=PatientRecord)
IDENTITY_CHANGES = Shape(table="identity_changes", record=IdentityChangeRecord)
CALLS = Shape(table="insi_calls", record=InsiCallRecord)
INQUIRIES = Shape(table="inquiries", record=InquiryRecord, json=("explanation",), flags=("night",))
BATCHES = Shape(table="batches", record=BatchRecord)
ALARMS = Shape(table="alarms", record=AlarmRecord, json=("covers",))
SUCCESSIONS = Shape(table="successions", record=SuccessionRecord, json=("rehearsal", "explanation"))
PAIRINGS = Shape(table="pairings", record=PairingRecord)
EXISTENCE = Shape(table="existence", record=ExistenceRecord)
QUARANTINE = Shape(table="quarantine", record=QuarantineRecord)


def text_or_bytes(raw: bytes) -> str | bytes:
    """Text factory of the connections: a damaged text comes back as bytes, which no record takes, instead of failing the whole read."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _reason(problem: Exception) -> str:
    """The kind of damage and the column, never a value (a validation message may quote one)."""
    _, _, column = str(problem).rpartition(" - at ")
    return f"{type(problem).__name__} {column}" if column.startswith("`$") else type(problem).__name__


def _raw(row: sqlite3.Row) -> str:
    values = {name: value.hex() if isinstance(value, bytes) else value for name, value in dict(row).items()}
    return msgspec.json.encode(values).decode()
