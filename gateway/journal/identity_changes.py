"""What a commit of the in-memory twin does to identities, INSi calls, inquiries and batches: the rule of versions, in the plainest way."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from gateway.journal.memory_tables import Tables
from gateway.journal.records import BatchRecord, Forget, IdentityChangeRecord, InquiryRecord, InsiCallRecord, PatientRecord
from gateway.journal.store import DuplicateKey, StaleRecord, Unstorable

T = TypeVar("T")

_CREATION = ("structure", "workstation", "actor", "kind", "created_at", "number")
_FIXED: dict[type, tuple[str, ...]] = {
    InsiCallRecord: ("structure", "local_ref", "inquiry_id", "workstation", "actor", "purpose", "operation", "at"),
    InquiryRecord: (*_CREATION, "batch_id"),
    BatchRecord: _CREATION,
}


IdentityChange = PatientRecord | IdentityChangeRecord | InsiCallRecord | InquiryRecord | BatchRecord | Forget


def put_identity(tables: Tables, change: IdentityChange) -> None:
    """Insert or update one record, or forget some; raises StaleRecord, DuplicateKey, Unstorable."""
    match change:
        case PatientRecord():
            _put_patient(tables, change)
        case InsiCallRecord():
            _put_version(tables, tables.calls, change)
        case InquiryRecord():
            if change.batch_id is not None and change.batch_id not in tables.batches:
                raise Unstorable("batch")
            _put_version(tables, tables.inquiries, change)
        case BatchRecord():
            _put_version(tables, tables.batches, change)
        case IdentityChangeRecord():
            tables.put(tables.changes, len(tables.changes) + 1, change)
        case Forget():
            _forget(tables, change)


def _forget(tables: Tables, change: Forget) -> None:
    """Erase rows past their time; raises Unstorable for a list that still has inquiries."""
    tables_of: dict[str, dict[str, Any]] = {"call": tables.calls, "inquiry": tables.inquiries, "batch": tables.batches}
    if change.what == "batch" and any(one.batch_id in change.ids for one in tables.inquiries.values()):
        raise Unstorable("inquiries")
    for one in change.ids:
        tables.drop(tables_of[change.what], one)


def following(before: T | None, record: T, fixed: tuple[str, ...]) -> T:
    """The record with the columns that an update leaves alone; raises StaleRecord."""
    values: Any = record
    if before is None or getattr(before, "version", 0) != values.version - 1:
        raise StaleRecord(values.id)
    kept: T = msgspec.structs.replace(values, **{name: getattr(before, name) for name in fixed})
    return kept


def _put_patient(tables: Tables, record: PatientRecord) -> None:
    place = (record.structure, record.local_ref)
    before = tables.patients.get(place)
    if (before.version if before is not None else 0) != record.version - 1:
        raise StaleRecord("patient")
    number, created_at = (before.number, before.created_at) if before is not None else (len(tables.patients) + 1, record.created_at)
    tables.put(tables.patients, place, msgspec.structs.replace(record, number=number, created_at=created_at))


def _put_version(tables: Tables, table: dict[str, Any], record: InsiCallRecord | InquiryRecord | BatchRecord) -> None:
    kept: Any = record
    if record.version > 1:
        kept = following(table.get(record.id), record, _FIXED[type(record)])
    elif record.id in table:
        raise DuplicateKey("row")
    elif not isinstance(record, InsiCallRecord):
        kept = msgspec.structs.replace(record, number=max((one.number for one in table.values()), default=0) + 1)
    tables.put(table, record.id, kept)
