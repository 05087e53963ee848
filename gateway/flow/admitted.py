"""What was admitted, as one frozen value: sealed in the journal at commit 1 and read back by every later stage."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from gateway.flow.request import Deliver
from gateway.journal.records import DeliveryRecord, DocumentRecord
from gateway.journal.sealing import Sealer
from gateway.kernel.concept import Concept
from gateway.model.patient import Patient
from gateway.model.visibility import Visibility


class Admitted(msgspec.Struct, frozen=True, kw_only=True):
    """One admitted document. For a ready CDA the clinical facts are those read from it."""

    media: Literal["pdf", "cda"]
    structure: str
    author: str
    actor: str | None
    patient: Patient
    type: Concept
    title: str
    created_at: datetime
    service_start: datetime
    service_stop: datetime | None
    replaces: str | None
    set_id: str
    """Constant over the versions of a document."""
    version: int
    visibility: Visibility
    deliver: Deliver
    original: str
    """Id of the blob of the file as received."""
    size: int = 0
    """Of that file, in bytes."""
    ready: bool = False
    """True when the file needs no conversion: a PDF that already is PDF/A-1b, or a CDA."""
    looked_at: str | None = None
    """Who looked at a text that contradicts the identity and let the document go; it is not compared again."""


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """What was frozen for one delivery at commit 2; retries send exactly this."""

    cda: str
    """Blob of the CDA."""
    payload: str | None = None
    """Blob of the sealed lot, or of the mail's bytes; None while a replacement waits for its target."""
    message_id: str | None = None
    sender: str | None = None
    submission_set_id: str | None = None


def seal_admitted(admitted: Admitted, key: Sealer, document_id: str) -> bytes:
    """Encrypted JSON for DocumentRecord.sealed."""
    return key.seal(msgspec.json.encode(admitted), _context(document_id, "admitted"))


def open_admitted(record: DocumentRecord, key: Sealer) -> Admitted:
    """Raises the sealer's damage error when the bytes do not open."""
    return msgspec.json.decode(key.open(record.sealed, _context(record.id, "admitted")), type=Admitted)


def seal_recipient(address: str, key: Sealer, delivery_id: str) -> bytes:
    """Encrypted address for DeliveryRecord.sealed_recipient."""
    return key.seal(address.encode(), _context(delivery_id, "recipient"))


def open_recipient(record: DeliveryRecord, key: Sealer) -> str | None:
    """The address of a delivery, None for the DMP."""
    if record.sealed_recipient is None:
        return None
    return key.open(record.sealed_recipient, _context(record.id, "recipient")).decode()


def seal_frozen(frozen: Frozen, key: Sealer, delivery_id: str) -> bytes:
    """Encrypted JSON for DeliveryRecord.sealed_frozen."""
    return key.seal(msgspec.json.encode(frozen), _context(delivery_id, "frozen"))


def open_frozen(record: DeliveryRecord, key: Sealer) -> Frozen | None:
    """What was frozen for this delivery, None before commit 2."""
    if record.sealed_frozen is None:
        return None
    return msgspec.json.decode(key.open(record.sealed_frozen, _context(record.id, "frozen")), type=Frozen)


def _context(identifier: str, role: str) -> bytes:
    return f"{identifier}/{role}".encode()
