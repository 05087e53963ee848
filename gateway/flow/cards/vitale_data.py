"""The free files of a Vitale 2 as people: family, given name, date, number of the opener of rights. Pure, and lenient.

[S] read from a public script for cards of 2009 to 2013 (cards.md 2.1): tag 65 holds 93 number, 80 name, 81 first name, 82 date. What is not
there is None. The number is the opener's for the whole family: it is no INS, and nothing is derived from it.
"""

from __future__ import annotations

from collections.abc import Iterable

from firmware.cards.tlv import TlvMalformed, within
from firmware.protocol import CardObject
from gateway.flow.cards.holder import object_view
from gateway.flow.cards.views import BeneficiaryView, VitaleView

_PERSON, _NAME, _GIVEN, _BORN, _NUMBER = 0x65, 0x80, 0x81, 0x82, 0x93


def vitale_view(objects: Iterable[CardObject]) -> VitaleView:
    """What the card says freely."""
    held = tuple(objects)
    people = [_person(one) for found in held for one in _within(found.value, _PERSON)]
    return VitaleView(beneficiaries=tuple(people), objects=tuple(object_view(one) for one in held))


def _person(content: bytes) -> BeneficiaryView:
    return BeneficiaryView(
        family=_text(content, _NAME), given=_text(content, _GIVEN), birth_date=_text(content, _BORN), nir=_text(content, _NUMBER)
    )


def _text(content: bytes, tag: int) -> str | None:
    value = next(iter(_within(content, tag)), b"")
    return value.decode("latin-1").strip() or None


def _within(content: bytes, tag: int) -> list[bytes]:
    try:
        return list(within(content, tag))
    except TlvMalformed:
        return []
