"""What states, channels, receipts and acts are called on the page. Plain French; nothing here decides anything."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from gateway.flow.errors import HeldByHand
from gateway.flow.views import DeliveryView
from gateway.model.delivery import Channel, DeliveryState, DocumentState, ReceiptKind

Tone = Literal["ok", "going", "act", "bad", "off"]

_PATIENT_MAILBOX = re.compile(r"[0-9]{5}(?:[0-9]{2}|2[AB])[0-9]{8}@.+")


class Badge(msgspec.Struct, frozen=True, kw_only=True):
    """A state: a word, a sign beside it for who does not see colours, a tone for the style sheet."""

    text: str
    mark: str
    tone: Tone


def badge(text: str, tone: Tone) -> Badge:
    """A badge with the sign of its tone."""
    return Badge(text=text, mark={"ok": "✓", "going": "→", "act": "!", "bad": "✕", "off": "–"}[tone], tone=tone)


_DOCUMENT = {
    DocumentState.WORKING: badge("En cours", "going"),
    DocumentState.ATTENTION: badge("À traiter", "act"),
    DocumentState.DONE: badge("Terminé", "ok"),
    DocumentState.CANCELLED: badge("Annulé", "off"),
}
_DELIVERY = {
    DeliveryState.HELD: badge("En attente d'une action", "act"),
    DeliveryState.QUEUED: badge("Va partir", "going"),
    DeliveryState.RUNNING: badge("Envoi en cours", "going"),
    DeliveryState.UNKNOWN: badge("Vérification en cours", "going"),
    DeliveryState.DELIVERED: badge("Remis", "ok"),
    DeliveryState.REFUSED: badge("Refusé", "bad"),
    DeliveryState.CANCELLED: badge("Annulé", "off"),
    DeliveryState.EXPIRED: badge("Délai dépassé", "bad"),
}
_SET_ASIDE = badge("Mis en attente", "act")
_WILL_RETRY = badge("Sera réessayé", "going")
_IN_DMP = badge("Déposé dans le DMP", "ok")
_MAIL_PROGRESS = (
    (ReceiptKind.BOUNCED, badge("Revenu à l'expéditeur", "bad")),
    (ReceiptKind.INTEGRATED, badge("Intégré par le destinataire", "ok")),
    (ReceiptKind.READ, badge("Lu par le destinataire", "ok")),
    (ReceiptKind.RELAYED, badge("Transmis au destinataire", "ok")),
    (ReceiptKind.HANDED_OVER, badge("Confié à la messagerie", "ok")),
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
    "proof.signed": "Preuve de signature établie",
    "document.cancelled": "Document annulé",
    "delivery.held": "Envoi mis en attente",
    "delivery.released": "Envoi libéré",
    "delivery.retried": "Nouvel essai demandé",
    "delivery.dropped": "Envoi abandonné",
    "identity.created": "Identité enregistrée",
    "identity.changed": "Traits d'identité modifiés",
    "identity.asserted": "Identité transmise par le logiciel métier",
    "identity.edited": "Traits d'identité corrigés",
    "identity.proposed": "Identité trouvée par INSi, à comparer",
    "identity.recovered": "INS récupérée : traits identiques",
    "identity.accepted": "Identité d'INSi acceptée",
    "identity.refused": "Identité d'INSi refusée",
    "identity.withdrawn": "Envoi retenu : identité modifiée ou mise en doute",
    "identity.answered": "Réponse du téléservice INSi reçue",
    "document.looked-at": "Document vérifié puis libéré malgré un texte différent",
    "identity.qualified": "Identité du patient qualifiée",
    "identity.checked": "Pièce d'identité contrôlée",
    "identity.attributes": "Attributs de l'identité modifiés",
    "identity.invalidated": "Matricule INS invalidé",
    "identity.verified": "INS vérifiée auprès d'INSi",
    "insi.asked": "INSi interrogé",
    "insi.answered": "Réponse d'INSi reçue",
    "insi.erased": "Appels et résultats d'INSi arrivés au bout de leur durée de garde : effacés",
    "inquiries.paused": "Recherches du boîtier suspendues : réglage à corriger",
    "inquiries.resumed": "Recherches du boîtier reprises",
    "insi.search-limit": "Trop de recherches depuis ce poste : recherche refusée",
    "batch.started": "Vérification d'une liste lancée",
    "batch.cancelled": "Vérification d'une liste arrêtée",
    "batch.done": "Vérification d'une liste terminée",
    "certificate.expiring": "Fin d'un certificat annoncée",
    "certificate.offered": "Certificat proposé à Relais",
    "certificate.refused": "Certificat refusé à l'import",
    "certificate.imported": "Certificat enregistré",
    "certificate.replaced": "Certificat remplacé à l'import, l'ancien gardé",
    "certificate.erased": "Certificat effacé",
    "certificate.noticed": "Certificat suivant enregistré",
    "certificate.rehearsed": "Certificat suivant essayé",
    "certificate.switching": "Mise en service d'un certificat commencée",
    "certificate.switched": "Certificat suivant mis en service",
    "certificate.kept": "Certificat gardé : le changement n'a pas pu se faire",
    "certificate.settled": "Certificat gardé après sa première heure",
    "certificate.returning": "Retour à l'ancien certificat commencé",
    "certificate.returned": "Ancien certificat remis en service",
    "pairing.opened": "Association d'un poste ouverte",
    "pairing.paired": "Nouveau poste associé",
    "pairing.expired": "Association refermée : délai écoulé",
    "pairing.closed": "Association refermée avant la fin",
    "workstation.added": "Poste ajouté par l'accès installateur",
    "workstation.renamed": "Poste renommé",
    "workstation.renewed": "Nouveau jeton donné à un poste",
    "workstation.revoked": "Poste retiré",
    "reset.requested": "Retour aux réglages d'usine demandé au bouton",
    "reset.dismissed": "Demande de retour aux réglages d'usine annulée",
    "box.retired": "Boîtier mis hors service",
    "box.restored": "Boîtier restauré à partir d'une sauvegarde",
    "scanner.paired": "Lecteur de codes associé au poste",
    "scanner.unpaired": "Lecteur de codes dissocié du poste",
    "scanner.tested": "Essai d'un lecteur de codes",
    "reader.paired": "Lecteur de cartes associé au poste",
    "reader.unpaired": "Lecteur de cartes dissocié du poste",
    "card.signed": "Signature demandée à une carte de professionnel",
    "card.situations": "Situations d'exercice lues sur une carte",
    "card.asserted": "Carte de professionnel ouverte pour interroger INSi",
    "vitale.read": "Carte Vitale lue",
    "document.reheld": "Document retenu : l'identité a changé",
    "delivery.reheld": "Envoi retenu : l'identité a changé",
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


def act_words(act: str) -> str:
    """What an audit line says; an act that this page does not know yet keeps its own name."""
    return _ACTS.get(act, act)


def actor_words(by: str, workstation: str) -> str:
    """Who did it: Relais itself, this workstation, another one, a professional by number."""
    kind, _, identifier = by.partition(":")
    match kind:
        case "professional":
            return f"professionnel {identifier}"
        case "secretary":
            return f"secrétariat {identifier}"
        case "workstation":
            return "ce poste" if identifier == workstation else "un autre poste"
    return "Relais"


def channel_words(channel: str) -> str:
    """A destination as the header names it."""
    return "DMP" if channel == Channel.DMP else "Messagerie MSSanté"


def many(count: int, one: str, several: str) -> str:
    """« Un envoi demande une action », « 3 envois demandent une action »; `several` begins with the number."""
    return one if count == 1 else several.format(count)
