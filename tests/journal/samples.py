"""Invented records for the tests of the journal."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

from gateway.journal.records import AuditRecord, BlobRecord, DeliveryRecord, DocumentRecord, EventRecord, ReceiptRecord
from gateway.kernel.ids import new_id, new_oid
from gateway.model.delivery import Channel, DeliveryState, DocumentState, ReceiptKind

STRUCTURE = "10B0000001"
LANE = f"{STRUCTURE}/dmp"
NOW = 1_790_000_000_000

_numbers = itertools.count(1)


def digest(text: object) -> str:
    return hashlib.sha256(str(text).encode()).hexdigest()


def document(**changes: Any) -> DocumentRecord:
    number = next(_numbers)
    values: dict[str, Any] = {
        "id": new_id(),
        "structure": STRUCTURE,
        "workstation": "desk",
        "idempotency_key": digest(f"key {number}"),
        "content_digest": digest(f"content {number}"),
        "unique_id": new_oid(),
        "patient_ref": digest(f"patient {number}"),
        "state": DocumentState.WORKING,
        "accepted_at": NOW + number,
        "original_digest": digest(f"original {number}"),
        "wrapped_key": b"wrapped" * 10,
        "sealed": b"sealed" * 100,
    }
    return DocumentRecord(**{**values, **changes})


def delivery(of: DocumentRecord, **changes: Any) -> DeliveryRecord:
    values: dict[str, Any] = {
        "id": new_id(),
        "document_id": of.id,
        "structure": of.structure,
        "channel": Channel.DMP,
        "lane": f"{of.structure}/dmp",
        "order_key": of.patient_ref,
        "recipient_ref": None,
        "sealed_recipient": None,
        "state": DeliveryState.QUEUED,
        "updated_at": of.accepted_at,
    }
    return DeliveryRecord(**{**values, **changes})


def audit(of: DocumentRecord, act: str = "document.accepted", **changes: Any) -> AuditRecord:
    values: dict[str, Any] = {
        "at": of.accepted_at,
        "act": act,
        "actor": f"workstation:{of.workstation}",
        "structure": of.structure,
        "patient_ref": of.patient_ref,
        "document_id": of.id,
        "answer": "accepted",
        "detail": {"média": "pdf", "attempt": 1, "last": None, "ok": True},
    }
    return AuditRecord(**{**values, **changes})


def event(of: DocumentRecord, kind: str = "document.accepted") -> EventRecord:
    return EventRecord(kind=kind, subject=of.id, structure=of.structure, workstation=of.workstation, at=of.accepted_at)


def blob(of: DocumentRecord, **changes: Any) -> BlobRecord:
    values: dict[str, Any] = {
        "id": new_id(),
        "document_id": of.id,
        "role": "original",
        "size": 3,
        "sha256": digest("blob"),
        "created_at": of.accepted_at,
        "inline": b"abc",
    }
    return BlobRecord(**{**values, **changes})


def receipt(of: DeliveryRecord, **changes: Any) -> ReceiptRecord:
    values: dict[str, Any] = {"id": new_id(), "delivery_id": of.id, "kind": ReceiptKind.HANDED_OVER, "at": of.updated_at}
    return ReceiptRecord(**{**values, **changes})
