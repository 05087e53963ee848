from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest

import gateway.flow
from gateway.flow.errors import HeldByHand, IdentityNotQualified
from gateway.flow.views import DeliveryView, DocumentView, ReceiptView
from gateway.kernel.errors import Explanation, TransientFault
from gateway.model.delivery import Channel, DeliveryState, DocumentState, ReceiptKind
from gateway.web.gestures import DROP, HOLD, RELEASE, RETRY, gestures_on, may_cancel, needs_someone
from gateway.web.rendering import french
from gateway.web.words import act_words, actor_words, delivery_badge, destination, document_badge, many, receipt_words

ACT = r'"((?:document|delivery|identity)\.(?:[a-z]+ed|sent))"'
EVENT = "document.changed"
AT = datetime(2026, 11, 24, tzinfo=UTC)


def delivery(
    state: DeliveryState,
    channel: Channel = Channel.MSS,
    explanation: Explanation | None = None,
    receipts: tuple[ReceiptKind, ...] = (),
    recipient: str | None = None,
) -> DeliveryView:
    return DeliveryView(
        id="d",
        channel=channel,
        recipient=recipient,
        state=state,
        attempts=0,
        next_attempt_at=None,
        receipts=tuple(ReceiptView(kind=kind, at=AT, proof=None) for kind in receipts),
        explanation=explanation,
    )


def document(*states: DeliveryState) -> DocumentView:
    return DocumentView(
        id="x",
        state=DocumentState.WORKING,
        accepted_at=AT,
        document_unique_id="2.25.1",
        deliveries=tuple(delivery(state) for state in states),
    )


@pytest.mark.parametrize(("state", "channel"), list(product(DeliveryState, Channel)))
def test_every_state_of_a_delivery_has_a_word_and_a_sign(state: DeliveryState, channel: Channel) -> None:
    badge = delivery_badge(delivery(state, channel))
    assert badge.text
    assert badge.mark
    assert badge.text != state.value


@pytest.mark.parametrize("state", DocumentState)
def test_every_state_of_a_document_has_a_word_and_a_sign(state: DocumentState) -> None:
    badge = document_badge(state)
    assert badge.text[0].isupper()
    assert badge.mark


@pytest.mark.parametrize(("channel", "kind"), list(product(Channel, ReceiptKind)))
def test_every_receipt_has_a_sentence(channel: Channel, kind: ReceiptKind) -> None:
    assert receipt_words(channel, kind) not in ("", kind.value)


@pytest.mark.parametrize(
    ("receipts", "text"),
    [
        ((), "Remis"),
        ((ReceiptKind.HANDED_OVER,), "Confié à la messagerie"),
        ((ReceiptKind.HANDED_OVER, ReceiptKind.RELAYED), "Transmis au destinataire"),
        ((ReceiptKind.READ, ReceiptKind.HANDED_OVER), "Lu par le destinataire"),
        ((ReceiptKind.HANDED_OVER, ReceiptKind.READ, ReceiptKind.INTEGRATED), "Intégré par le destinataire"),
        ((ReceiptKind.HANDED_OVER, ReceiptKind.BOUNCED), "Revenu à l'expéditeur"),
    ],
)
def test_mss_a_mail_the_operator_took_is_handed_over_not_delivered(receipts: tuple[ReceiptKind, ...], text: str) -> None:
    assert delivery_badge(delivery(DeliveryState.DELIVERED, receipts=receipts)).text == text


@pytest.mark.parametrize("recipient", ["279035121518989@patient.mssante.test", "1790320A1518989@x.test", None])
def test_the_address_of_a_patient_is_never_shown_whole(recipient: str | None) -> None:
    shown = destination(delivery(DeliveryState.QUEUED, recipient=recipient))
    assert ("@" in shown) is (recipient is not None and "0A" in recipient)


def test_a_corsican_address_is_a_patient_too() -> None:
    assert "@" not in destination(delivery(DeliveryState.QUEUED, recipient="179032A15151898@patient.mssante.test"))


def test_a_professional_is_named_by_address() -> None:
    assert destination(delivery(DeliveryState.QUEUED, recipient="dr.martin@medecin.test")) == "dr.martin@medecin.test"


@pytest.mark.parametrize(
    ("state", "explanation", "expected"),
    [
        (DeliveryState.HELD, IdentityNotQualified().explanation, ()),
        (DeliveryState.HELD, HeldByHand().explanation, (RELEASE,)),
        (DeliveryState.HELD, TransientFault().explanation, (RETRY,)),
        (DeliveryState.QUEUED, None, (HOLD,)),
        (DeliveryState.QUEUED, TransientFault().explanation, (RETRY, HOLD)),
        (DeliveryState.RUNNING, None, ()),
        (DeliveryState.UNKNOWN, None, (RETRY,)),
        (DeliveryState.REFUSED, None, (RETRY,)),
        (DeliveryState.EXPIRED, None, (RETRY,)),
        (DeliveryState.DELIVERED, None, ()),
        (DeliveryState.CANCELLED, None, ()),
    ],
)
def test_only_the_gestures_that_help_are_offered(
    state: DeliveryState, explanation: Explanation | None, expected: tuple[object, ...]
) -> None:
    alone = delivery(state, explanation=explanation)
    given_up = (DROP,) if state in (DeliveryState.REFUSED, DeliveryState.EXPIRED) else ()
    assert gestures_on(alone, document(state)) == (*expected, *given_up)


@pytest.mark.parametrize("state", [DeliveryState.HELD, DeliveryState.REFUSED])
def test_a_delivery_that_can_no_longer_be_cancelled_with_its_document_can_be_given_up_alone(state: DeliveryState) -> None:
    assert DROP in gestures_on(delivery(state), document(state, DeliveryState.DELIVERED))


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((), False),
        ((DeliveryState.QUEUED, DeliveryState.HELD), True),
        ((DeliveryState.QUEUED, DeliveryState.CANCELLED), True),
        ((DeliveryState.CANCELLED,), False),
        ((DeliveryState.QUEUED, DeliveryState.RUNNING), False),
        ((DeliveryState.QUEUED, DeliveryState.DELIVERED), False),
        ((DeliveryState.QUEUED, DeliveryState.UNKNOWN), False),
    ],
)
def test_a_document_is_cancelled_whole_or_not_at_all(states: tuple[DeliveryState, ...], expected: bool) -> None:
    assert may_cancel(document(*states)) is expected


def test_what_needs_somebody_is_what_will_not_move_by_itself() -> None:
    asking = {state for state in DeliveryState if needs_someone(delivery(state))}
    assert asking == {DeliveryState.HELD, DeliveryState.REFUSED, DeliveryState.EXPIRED}


@pytest.mark.parametrize(
    ("by", "text"),
    [
        ("workstation:here", "ce poste"),
        ("workstation:there", "un autre poste"),
        ("professional:899700366240", "professionnel 899700366240"),
        ("system", "Relais"),
    ],
)
def test_who_did_it_is_said_without_a_name(by: str, text: str) -> None:
    assert actor_words(by, "here") == text


def test_every_act_of_the_pipeline_has_a_sentence() -> None:
    """Read in the source, so that an act added there is noticed here."""
    folder = Path(gateway.flow.__file__).parent
    named = {act for path in folder.glob("*.py") for act in re.findall(ACT, path.read_text())} - {EVENT}
    assert len(named) > 8
    for act in named:
        assert act_words(act) != act, act


def test_an_act_unknown_to_the_page_keeps_its_own_name() -> None:
    assert act_words("document.weighed") == "document.weighed"


@pytest.mark.parametrize(("count", "text"), [(1, "un envoi"), (2, "2 envois"), (40, "40 envois")])
def test_numbers_agree(count: int, text: str) -> None:
    assert many(count, "un envoi", "{} envois") == text


def test_high_signs_never_start_a_line() -> None:
    assert french("Prêt ? Utilisez « Libérer » : merci !") == "Prêt\u00a0? Utilisez «\u00a0Libérer\u00a0»\u00a0: merci\u00a0!"
