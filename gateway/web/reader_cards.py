"""Readers and their cards as the page lays them out: whose desk, which card, whose, how many tries. Pure; flow has the last word."""

from __future__ import annotations

from typing import Final

import msgspec

from gateway.flow.cards.views import CardView, HolderView, ReaderView
from gateway.kernel.errors import Explanation
from gateway.web.words import Badge, badge, many

_GENERATIONS: Final = {"cps3": "CPS3", "cps3_contactless": "CPS3, sans contact", "cps4": "CPS4"}
_KINDS: Final = {"vitale": "Carte Vitale", "unknown": "Carte inconnue", "mute": "Carte muette"}
_FEW = 2


class InsertedCard(msgspec.Struct, frozen=True, kw_only=True):
    """The card of a reader."""

    title: str
    facts: tuple[str, ...]
    test: bool
    tries: Badge | None
    trouble: Explanation | None


class ReaderCard(msgspec.Struct, frozen=True, kw_only=True):
    """One reader."""

    id: str
    name: str
    badge: Badge
    facts: tuple[str, ...]
    card: InsertedCard | None
    empty: bool
    """True when it is known to hold no card."""
    may_pair: bool
    may_unpair: bool


def reader_card(one: ReaderView, card: InsertedCard | None, *, operator: bool) -> ReaderCard:
    """How a reader stands, and which buttons suit it."""
    seen = one.paired == "here" or operator
    return ReaderCard(
        id=one.id,
        name=one.name,
        badge=_badge(one),
        facts=_reader_facts(one),
        card=card,
        empty=seen and one.card is None,
        may_pair=one.paired is None,
        may_unpair=one.paired == "here" or (operator and one.paired is not None),
    )


def inserted_card(card: CardView, holder: HolderView | None) -> InsertedCard:
    """A card, and whose it is when it says so."""
    return InsertedCard(
        title=_title(card, holder),
        facts=tuple(_facts(card, holder)),
        test=card.test is True,
        tries=_tries(card.tries_left),
        trouble=card.trouble,
    )


def refused_card(trouble: Explanation) -> InsertedCard:
    """A card that could not be looked at."""
    return InsertedCard(title="Carte", facts=(), test=False, tries=None, trouble=trouble)


def _badge(one: ReaderView) -> Badge:
    match one.paired:
        case "here":
            return badge("Lecteur de ce poste", "ok")
        case "elsewhere":
            return badge("Lecteur d'un autre poste", "off")
    return badge("Associé à aucun poste", "act")


def _reader_facts(one: ReaderView) -> tuple[str, ...]:
    facts = [f"Identifiant\u00a0: {one.id}"]
    if one.pin_pad:
        facts.append("Le code se tape sur son clavier")
    return tuple(facts)


def _title(card: CardView, holder: HolderView | None) -> str:
    if card.kind != "cpx":
        return _KINDS.get(card.kind, "Carte")
    kind = holder.card_type if holder is not None and holder.card_type is not None else "de professionnel"
    name = " ".join(part for part in (holder.given, holder.family) if part) if holder is not None else ""
    return f"Carte {kind}" + (f"\u00a0: {name}" if name else "")


def _facts(card: CardView, holder: HolderView | None) -> list[str]:
    facts = []
    if holder is not None and holder.title:
        facts.append(holder.title)
    if holder is not None and holder.id:
        facts.append(f"Identifiant national\u00a0: {holder.id}")
    if card.generation is not None:
        facts.append(_GENERATIONS.get(card.generation.value, card.generation.value))
    if card.expires is not None:
        facts.append(f"Valable jusqu'au {card.expires:%d/%m/%Y}")
    return facts


def _tries(left: int | None) -> Badge | None:
    match left:
        case None:
            return None
        case 0:
            return badge("Carte bloquée", "bad")
        case 1:
            return badge("Dernier essai du code", "bad")
    return badge(many(left, "1 essai du code", "{} essais du code"), "act" if left == _FEW else "ok")
