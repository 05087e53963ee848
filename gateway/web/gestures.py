"""Which gestures suit a delivery or a document: a pure choice, from what flow shows. Flow itself has the last word when one is made."""

from __future__ import annotations

import msgspec

from gateway.flow.errors import HeldByHand, TextContradictsIdentity
from gateway.flow.identities.qualification import WAITING_FOR_IDENTITY
from gateway.flow.views import DeliveryView, DocumentView
from gateway.model.delivery import DeliveryState

_WAITING = frozenset({DeliveryState.HELD, DeliveryState.QUEUED})
_STAYED = _WAITING | {DeliveryState.CANCELLED}
NEEDS_SOMEONE = frozenset({DeliveryState.HELD, DeliveryState.REFUSED, DeliveryState.EXPIRED})


class Gesture(msgspec.Struct, frozen=True, kw_only=True):
    """A button: its word in the address and on the page, and what is said once it is done."""

    path: str
    label: str
    done: str
    named: bool = False
    """True when it is somebody's own: the form asks who."""


RETRY = Gesture(path="reessayer", label="Réessayer", done="L'envoi est relancé.")
RELEASE = Gesture(path="liberer", label="Libérer", done="L'envoi est libéré : il va partir.")
LOOKED_AT = msgspec.structs.replace(RELEASE, named=True)
HOLD = Gesture(path="attendre", label="Mettre en attente", done="L'envoi est mis en attente. Il ne partira pas sans vous.")
DROP = Gesture(path="abandonner", label="Ne pas envoyer", done="Cet envoi est abandonné. Les autres envois du document ne changent pas.")
CANCEL = Gesture(path="annuler", label="Annuler", done="Le document est annulé : ce qui n'était pas parti ne partira pas.")


def gestures_on(delivery: DeliveryView, document: DocumentView) -> tuple[Gesture, ...]:
    """The gestures that help for this delivery as it stands; giving it up alone only once the document can no longer be cancelled."""
    given_up = needs_someone(delivery) and not may_cancel(document)
    return (*_helping(delivery), *((DROP,) if given_up else ()))


def _helping(delivery: DeliveryView) -> tuple[Gesture, ...]:
    code = delivery.explanation.code if delivery.explanation is not None else None
    match DeliveryState(delivery.state):
        case DeliveryState.HELD if code in WAITING_FOR_IDENTITY:
            return ()
        case DeliveryState.HELD if code == HeldByHand.code:
            return (RELEASE,)
        case DeliveryState.HELD if code == TextContradictsIdentity.code:
            return (LOOKED_AT,)
        case DeliveryState.HELD | DeliveryState.REFUSED | DeliveryState.EXPIRED:
            return (RETRY,)
        case DeliveryState.UNKNOWN:
            return (RETRY,)
        case DeliveryState.QUEUED:
            return (RETRY, HOLD) if delivery.explanation is not None else (HOLD,)
    return ()


def may_cancel(document: DocumentView) -> bool:
    """True when nothing of the document seems to have left yet."""
    states = {DeliveryState(one.state) for one in document.deliveries}
    return states <= _STAYED and bool(states & _WAITING)


def needs_someone(delivery: DeliveryView) -> bool:
    """True when a person must act for this delivery to go on."""
    return DeliveryState(delivery.state) in NEEDS_SOMEONE
