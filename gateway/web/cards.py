"""Documents as the page lays them out: every word and date chosen here, so that the templates only place them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.flow.identities.qualification import WAITING_FOR_IDENTITY
from gateway.flow.views import DeliveryView, DocumentView, HistoryView, SummaryView
from gateway.kernel.errors import Explanation
from gateway.model.delivery import DeliveryState
from gateway.web.addresses import identity_address
from gateway.web.gestures import Gesture, gestures_on, may_cancel, needs_someone
from gateway.web.moments import Moment, told
from gateway.web.words import (
    Badge,
    act_words,
    actor_words,
    delivery_badge,
    destination,
    document_badge,
    many,
    receipt_words,
)

NOBODY = "personne"
"""`who` of an explanation that asks nothing of anybody."""


class ReceiptLine(msgspec.Struct, frozen=True, kw_only=True):
    """Something that came back, and when."""

    text: str
    at: Moment


class DeliveryCard(msgspec.Struct, frozen=True, kw_only=True):
    """One destination."""

    id: str
    destination: str
    badge: Badge
    explanation: Explanation | None
    asks: bool
    """True when the explanation asks something of somebody."""
    attempts: str | None
    next_attempt: Moment | None
    receipts: tuple[ReceiptLine, ...]
    gestures: tuple[Gesture, ...]
    needs_someone: bool
    for_identity: bool
    """True when it waits for the identity of the patient."""


class DocumentCard(msgspec.Struct, frozen=True, kw_only=True):
    """One document."""

    id: str
    unique_id: str
    title: str
    kind: str
    patient: str
    structure: str
    accepted: Moment
    badge: Badge
    deliveries: tuple[DeliveryCard, ...]
    may_cancel: bool
    identity: str | None
    """Address of the page of its patient's identity, when a delivery waits for it."""

    @property
    def waiting(self) -> tuple[DeliveryCard, ...]:
        """The deliveries that need a person."""
        return tuple(one for one in self.deliveries if one.needs_someone)


class HistoryLine(msgspec.Struct, frozen=True, kw_only=True):
    """One act on a document."""

    at: Moment
    text: str
    about: str | None
    by: str


def document_card(summary: SummaryView, now: datetime) -> DocumentCard:
    """A summary laid out, its dates told as of `now`."""
    receipt = summary.receipt
    return DocumentCard(
        id=receipt.id,
        unique_id=receipt.document_unique_id,
        title=summary.title,
        kind=summary.type_label,
        patient=summary.patient_label,
        structure=summary.structure,
        accepted=told(receipt.accepted_at, now),
        badge=document_badge(receipt.state),
        deliveries=tuple(_delivery_card(one, receipt, now) for one in receipt.deliveries),
        may_cancel=may_cancel(receipt),
        identity=_identity_address(summary),
    )


def history_lines(lines: list[HistoryView], card: DocumentCard, workstation: str, now: datetime) -> list[HistoryLine]:
    """The audit lines of a document, oldest first."""
    names = {one.id: one.destination for one in card.deliveries}
    return [
        HistoryLine(
            at=told(one.at, now),
            text=act_words(one.act),
            about=names.get(one.delivery) if one.delivery is not None else None,
            by=actor_words(one.by, workstation),
        )
        for one in lines
    ]


def _identity_address(summary: SummaryView) -> str | None:
    held = any(map(_waits_for_identity, summary.receipt.deliveries))
    return identity_address(summary.structure, summary.local_id) if held and summary.local_id else None


def _waits_for_identity(delivery: DeliveryView) -> bool:
    why = delivery.explanation
    return delivery.state == DeliveryState.HELD and why is not None and why.code in WAITING_FOR_IDENTITY


def _delivery_card(delivery: DeliveryView, document: DocumentView, now: datetime) -> DeliveryCard:
    over = DeliveryState(delivery.state) in (DeliveryState.DELIVERED, DeliveryState.CANCELLED)
    explanation = None if over else delivery.explanation
    due = delivery.next_attempt_at
    return DeliveryCard(
        id=delivery.id,
        destination=destination(delivery),
        badge=delivery_badge(delivery),
        explanation=explanation,
        asks=explanation is not None and explanation.who != NOBODY,
        attempts=many(delivery.attempts, "1 essai jusqu'ici", "{} essais jusqu'ici") if delivery.attempts and not over else None,
        next_attempt=told(due, now) if due is not None and due > now else None,
        receipts=tuple(ReceiptLine(text=receipt_words(delivery.channel, one.kind), at=told(one.at, now)) for one in delivery.receipts),
        gestures=gestures_on(delivery, document),
        needs_someone=needs_someone(delivery),
        for_identity=_waits_for_identity(delivery),
    )
