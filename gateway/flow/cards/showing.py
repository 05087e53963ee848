"""Readers and their cards as the views show them. Pure."""

from __future__ import annotations

from firmware.protocol import Card, CardFacts, Reader
from gateway.flow.caller import Caller
from gateway.flow.cards.errors import CardBlocked, LastTry
from gateway.flow.cards.holder import any_certificate, expires, is_test_card
from gateway.flow.cards.reader_pairings import Desk
from gateway.flow.cards.views import CardView, InsertedView, ReaderView
from gateway.kernel.errors import Explanation

_LAST_TRY = Explanation(
    code=LastTry.code,
    who=LastTry.who,
    what="Il ne reste qu'un essai avant que cette carte se bloque.",
    gesture="Ne saisissez le code que si vous en êtes certain. Sinon, faites débloquer la carte.",
)


def reader_view(one: Reader, caller: Caller, desk: Desk | None) -> ReaderView:
    """A reader; its card only for the workstation beside it, and for the operator."""
    shown = one.card if desk == "here" or caller.sees_all else None
    return ReaderView(id=one.id, name=one.name, pin_pad=one.pin_pad, paired=desk, card=None if shown is None else _inserted(shown))


def empty_view(reader: str) -> CardView:
    """A reader without a card."""
    return CardView(
        reader=reader,
        kind="none",
        insertion_id=None,
        generation=None,
        test=None,
        tries_left=None,
        expires=None,
        serial_digest=None,
        trouble=None,
    )


def card_view(reader: str, card: Card, facts: CardFacts, trouble: Explanation | None) -> CardView:
    """A card with what it said; a PIN that is nearly, or quite, used up is a trouble too."""
    found = any_certificate(facts.certificates)
    return CardView(
        reader=reader,
        kind=card.kind.value,
        insertion_id=card.insertion_id,
        generation=card.generation,
        test=is_test_card(found) if found is not None else None,
        tries_left=facts.tries_left,
        expires=expires(facts.certificates),
        serial_digest=facts.serial_digest,
        trouble=trouble or _of_pin(facts.tries_left),
    )


def _of_pin(tries: int | None) -> Explanation | None:
    if tries == 0:
        return CardBlocked().explanation
    return _LAST_TRY if tries == 1 else None


def _inserted(card: Card) -> InsertedView:
    return InsertedView(insertion_id=card.insertion_id, kind=card.kind.value, generation=card.generation)
