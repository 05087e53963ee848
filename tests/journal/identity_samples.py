"""Invented records of identities, calls and inquiries for the tests of the journal."""

from __future__ import annotations

import itertools
from typing import Any

from gateway.journal.records import BatchRecord, IdentityChangeRecord, InquiryRecord, InsiCallRecord, PatientRecord
from gateway.kernel.ids import new_id
from tests.journal.samples import NOW, STRUCTURE, digest

_numbers = itertools.count(1)


def patient(**changes: Any) -> PatientRecord:
    number = next(_numbers)
    values: dict[str, Any] = {
        "structure": STRUCTURE,
        "local_ref": digest(f"local {number}"),
        "wrapped_key": b"wrapped" * 10,
        "sealed": b"sealed" * 50,
        "created_at": NOW + number,
        "updated_at": NOW + number,
    }
    return PatientRecord(**{**values, **changes})


def change(of: PatientRecord, **changes: Any) -> IdentityChangeRecord:
    values: dict[str, Any] = {
        "structure": of.structure,
        "local_ref": of.local_ref,
        "at": of.updated_at,
        "act": "identity.accepted",
        "actor": "secretary:accueil",
        "status": of.status,
        "workstation": "desk",
        "sealed": of.sealed,
    }
    return IdentityChangeRecord(**{**values, **changes})


def call(of: PatientRecord | None = None, **changes: Any) -> InsiCallRecord:
    values: dict[str, Any] = {
        "id": new_id(),
        "structure": STRUCTURE if of is None else of.structure,
        "local_ref": None if of is None else of.local_ref,
        "workstation": "desk",
        "actor": "professional:810000000001",
        "purpose": "care",
        "operation": "WS_INS2",
        "at": NOW,
        "wrapped_key": b"wrapped" * 10,
    }
    return InsiCallRecord(**{**values, **changes})


def inquiry(**changes: Any) -> InquiryRecord:
    values: dict[str, Any] = {
        "id": new_id(),
        "structure": STRUCTURE,
        "workstation": "desk",
        "actor": "workstation:desk",
        "kind": "deferred",
        "wrapped_key": b"wrapped" * 10,
        "sealed": b"sealed",
        "created_at": NOW,
        "updated_at": NOW,
    }
    return InquiryRecord(**{**values, **changes})


def batch(**changes: Any) -> BatchRecord:
    values: dict[str, Any] = {
        "id": new_id(),
        "structure": STRUCTURE,
        "workstation": "desk",
        "actor": "workstation:desk",
        "kind": "file",
        "total": 10,
        "created_at": NOW,
    }
    return BatchRecord(**{**values, **changes})
