"""The situations d'exercice of a CPx as structures. Pure, and lenient: the official format is not public, this one was seen in the field.

CPS_ACTIVITY_nn_PS = tag EE { 84 structure name, 85 Struct_IdNat, 86 sector } [S cards.md 1.5]. Indexes may have gaps.
"""

from __future__ import annotations

from collections.abc import Iterable

from firmware.cards.tlv import TlvMalformed, within
from firmware.protocol import CardObject
from gateway.flow.cards.holder import object_view
from gateway.flow.cards.views import SituationsView, SituationView

_SITUATION, _NAME, _STRUCTURE, _SECTOR = 0xEE, 0x84, 0x85, 0x86
_MARK = "_ACTIVITY_"


def situations_view(objects: Iterable[CardObject]) -> SituationsView:
    """What the PIN uncovered."""
    held = tuple(objects)
    return SituationsView(
        situations=tuple(_situation(one) for one in held if _MARK in one.label), objects=tuple(object_view(one) for one in held)
    )


def _situation(one: CardObject) -> SituationView:
    content = next(iter(_within(one.value, _SITUATION)), b"")
    return SituationView(
        label=one.label, structure_name=_text(content, _NAME), structure_id=_text(content, _STRUCTURE), sector=_text(content, _SECTOR)
    )


def _text(content: bytes, tag: int) -> str | None:
    value = next(iter(_within(content, tag)), b"")
    return value.decode("latin-1").strip("\0 ") or None


def _within(content: bytes, tag: int) -> list[bytes]:
    try:
        return list(within(content, tag))
    except TlvMalformed:
        return []
