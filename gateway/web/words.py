"""What states, channels, receipts and acts are called on the page. Plain French; nothing here decides anything."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from gateway.flow.errors import HeldByHand
from gateway.flow.views import DeliveryView, HistoryView
from gateway.model.delivery import Channel, DeliveryState, DocumentState, ReceiptKind

Tone = Literal["ok", "going", "act", "bad", "off"]

_PATIENT_MAILBOX = re.compile(r"[0-9]{5}(?:[0-9]{2}|2[AB])[0-9]{8}@.+")


class Badge(msgspec.Struct, frozen=True, kw_only=True):
    """A state: a word, a sign beside it for who does not see colours, a tone for the style sheet."""

    text: str
    mark: str
    tone: Tone


def _badge(text: str, tone: Tone) -> Badge:
    return Badge(text=text, mark={"ok": "✓", "going": "→", "act": "!", "bad": "✕", "off": "–"}[tone], tone=tone)


_DOCUMENT = {
    DocumentState.WORKING: _badge("En cours", "going"),
    DocumentState.ATTENTION: _badge("À traiter", "act"),
    DocumentState.DONE: _badge("Terminé", "ok"),
    DocumentState.CANCELLED: _badge("Annulé", "off"),
}
_DELIVERY = {
    DeliveryState.HELD: _badge("En attente d'une action", "act"),
    DeliveryState.QUEUED: _badge("Va partir", "going"),
    DeliveryState.RUNNING: _badge("Envoi en cours", "going"),
    DeliveryState.UNKNOWN: _badge("Vérification en cours", "going"),
    DeliveryState.DELIVERED: _badge("Remis", "ok"),
    DeliveryState.REFUSED: _badge("Refusé", "bad"),
    DeliveryState.CANCELLED: _badge("Annulé", "off"),
    DeliveryState.EXPIRED: _badge("Délai dépassé", "bad"),
}
_SET_ASIDE = _badge("Mis en attente", "act")
_WILL_RETRY = _badge("Sera réessayé", "going")
_IN_DMP = _badge("Déposé dans le DMP", "ok")
_MAIL_PROGRESS = (
    (ReceiptKind.BOUNCED, _badge("Revenu à l'expéditeur", "bad")),
    (ReceiptKind.INTEGRATED, _badge("Intégré par le destinataire", "ok")),
    (ReceiptKind.READ, _badge("Lu par le destinataire", "ok")),
    (ReceiptKind.RELAYED, _badge("Transmis au destinataire", "ok")),
    (ReceiptKind.HANDED_OVER, _badge("Confié à la messagerie", "ok")),
)
"""The furthest receipt tells; an operator's 250 is handed over, not delivered (design, rule 7)."""

_RECEIPTS = {
    (Channel.DMP, ReceiptKind.HANDED_OVER): "Le DMP a accepté le document",
    (Channel.MSS, ReceiptKind.HANDED_OVER): "La messagerie a pris le message en charge",
    (Channel.MSS, ReceiptKind.RELAYED): "Le message a été transmis au destinataire",
    (Channel.MSS, ReceiptKind.READ): "Le destinataire a lu le message",
    (Channel.MSS, ReceiptKind.INTEGRATED): "Le logiciel du destinataire a intégré le document",
    (Channel.MSS, ReceiptKind.BOUNCED): "Le message est revenu : il n'a pas pu être remis",
}

_ACTS = {
    "document.accepted": "Document reçu et enregistré",
    "document.prepared": "Document mis au format national",
    "document.stopped": "Préparation arrêtée",
    "document.signed": "Document signé",
    "document.cancelled": "Document annulé",
    "delivery.held": "Envoi mis en attente",
    "delivery.released": "Envoi libéré",
    "delivery.retried": "Nouvel essai demandé",
    "delivery.dropped": "Envoi abandonné",
    "identity.qualified": "Identité du patient qualifiée",
    "delivery.sent": "Envoi accepté par le service",
    "delivery.failed": "Essai sans succès",
    "delivery.probed": "Vérification auprès du service : le document n'y est pas",
}


def document_badge(state: str) -> Badge:
    """How a document stands."""
    return _DOCUMENT[DocumentState(state)]


def delivery_badge(delivery: DeliveryView) -> Badge:
    """How a delivery stands, receipts taken into account."""
    state = DeliveryState(delivery.state)
    if state is DeliveryState.DELIVERED and delivery.channel == Channel.DMP:
        return _IN_DMP
    if state is DeliveryState.DELIVERED:
        kinds = {one.kind for one in delivery.receipts}
        return next((badge for kind, badge in _MAIL_PROGRESS if kind in kinds), _DELIVERY[state])
    if state is DeliveryState.HELD and delivery.explanation is not None and delivery.explanation.code == HeldByHand.code:
        return _SET_ASIDE
    if state is DeliveryState.QUEUED and delivery.explanation is not None:
        return _WILL_RETRY
    return _DELIVERY[state]


def destination(delivery: DeliveryView) -> str:
    """Where a delivery goes; the patient's own address holds the INS and is not shown."""
    if delivery.channel == Channel.DMP:
        return "DMP du patient (Mon espace santé)"
    if delivery.recipient is None or _PATIENT_MAILBOX.fullmatch(delivery.recipient):
        return "Messagerie du patient (Mon espace santé)"
    return delivery.recipient


def receipt_words(channel: str, kind: str) -> str:
    """What a receipt says."""
    return _RECEIPTS.get((Channel(channel), ReceiptKind(kind)), "Accusé reçu")


def act_words(line: HistoryView) -> str:
    """What an audit line says; an act that this page does not know yet keeps its own name."""
    return _ACTS.get(line.act, line.act)


def actor_words(by: str, workstation: str) -> str:
    """Who did it: Relais itself, this workstation, another one, a professional by number."""
    kind, _, identifier = by.partition(":")
    match kind:
        case "professional":
            return f"professionnel {identifier}"
        case "workstation":
            return "ce poste" if identifier == workstation else "un autre poste"
    return "Relais"


def channel_words(channel: str) -> str:
    """A destination as the header names it."""
    return "DMP" if channel == Channel.DMP else "Messagerie MSSanté"


def many(count: int, one: str, several: str) -> str:
    """« Un envoi demande une action », « 3 envois demandent une action »; `several` begins with the number."""
    return one if count == 1 else several.format(count)
