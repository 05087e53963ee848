"""What the outside sees: the receipt of the contract, the summary of the page. The same objects everywhere."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from gateway.flow.certificates.views import AlarmEvent, SuccessionEvent
from gateway.flow.panel.views import ResetEvent
from gateway.flow.scanners.views import ScanEvent
from gateway.kernel.errors import Explanation
from gateway.model.delivery import Channel, DeliveryState, DocumentState, ReceiptKind


class _View(msgspec.Struct, frozen=True, kw_only=True):
    pass


class ReceiptView(_View, frozen=True, kw_only=True):
    """Something that came back for a delivery."""

    kind: ReceiptKind
    at: datetime
    proof: str | None


class DeliveryView(_View, frozen=True, kw_only=True):
    """One destination as the contract shows it."""

    id: str
    channel: Channel
    recipient: str | None
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime | None
    receipts: tuple[ReceiptView, ...]
    explanation: Explanation | None


class DocumentView(_View, frozen=True, kw_only=True):
    """The receipt of the contract."""

    id: str
    state: DocumentState
    accepted_at: datetime
    document_unique_id: str
    deliveries: tuple[DeliveryView, ...]


class SummaryView(_View, frozen=True, kw_only=True):
    """A document as the page lists it: the receipt with what a secretary recognises it by."""

    receipt: DocumentView
    structure: str
    title: str
    type_label: str
    patient_label: str
    local_id: str
    """Number of the patient in the cabinet software; empty when the document cannot be read."""


class SummaryPage(_View, frozen=True, kw_only=True):
    """A page of summaries, newest first; `cursor` asks for the next one, None at the end."""

    items: tuple[SummaryView, ...]
    cursor: str | None


class HistoryView(_View, frozen=True, kw_only=True):
    """One line of the audit trail of a document."""

    at: datetime
    act: str
    answer: str | None
    by: str
    delivery: str | None


class ReceiptPage(_View, frozen=True, kw_only=True):
    """A page of receipts, newest first; `cursor` asks for the next one, None at the end."""

    items: tuple[DocumentView, ...]
    cursor: str | None


class IdentityEvent(_View, frozen=True, kw_only=True):
    """What `identity.changed` says: which patient, and how it stands; the rest is read at /patients/{local_id}."""

    structure: str
    local_id: str
    status: str
    task: str | None


class InquiryEvent(_View, frozen=True, kw_only=True):
    """What `inquiry.answered` says: which deferred search ended, and how; the result is read at /ins/inquiries/{id}."""

    structure: str
    id: str
    state: str
    outcome: str | None


class BatchEvent(_View, frozen=True, kw_only=True):
    """What `batch.done` says; the figures are read at /ins/batches/{id}."""

    structure: str
    id: str
    state: str


EventData = DocumentView | IdentityEvent | InquiryEvent | BatchEvent | AlarmEvent | SuccessionEvent | ScanEvent | ResetEvent


class EventView(_View, frozen=True, kw_only=True):
    """One line of /events: its number, kind, and its subject as it stands when read."""

    id: int
    kind: str
    data: EventData


def instant(milliseconds: int) -> datetime:
    """Aware UTC datetime of a journal instant."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def milliseconds(moment: datetime) -> int:
    """Journal instant of an aware datetime."""
    return int(moment.timestamp() * 1000)
