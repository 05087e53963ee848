"""What a card is, by its answer to reset (ATR) alone. Pure; a card nobody knows is `unknown`, never guessed.

A CPx carries `12 25 00 64 80` in its historical bytes (category, country 250, ANS), whatever the reader made of the interface bytes; one
without contact is known by its whole string, which the reader builds. A Vitale is known by prefix. Source: cards.md 1.3, ISO 7816-3 (8.2).
"""

from __future__ import annotations

import enum

import msgspec

from firmware.protocol import CardKind, Generation

_LONGEST = 33
_DIRECT, _INVERSE = 0x3B, 0x3F
_CPX = bytes.fromhex("1225006480")
_CONTACTLESS = bytes.fromhex("0031B86404B0ECC173940180829000")
_CPS3_TAIL = bytes.fromhex("0003")
_CPS4_TAILS = (bytes.fromhex("0401"), bytes.fromhex("000401"))
_VITALE_1 = bytes.fromhex("3F652500")
_VITALE_2_HEAD, _VITALE_2_TAIL = bytes.fromhex("3B75130000"), bytes.fromhex("09EA9000")


class Atr(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to reset, taken apart."""

    protocols: tuple[int, ...]
    """The transmission protocols it offers, first one first: 0, 1, ... T=15 is no protocol and is left out."""
    historical: bytes


class VitaleVersion(enum.StrEnum):
    """Of a Vitale card. The first speaks an older scheme that is not read here (cards.md 2.1)."""

    ONE = "vitale_1"
    TWO = "vitale_2"


def parse_atr(raw: bytes) -> Atr | None:
    """The ATR taken apart; None when it is none: wrong first byte, bytes missing or left over, wrong check byte."""
    if not 2 <= len(raw) <= _LONGEST or raw[0] not in (_DIRECT, _INVERSE):
        return None
    position, follows, count = 2, raw[1] >> 4, raw[1] & 0x0F
    protocols: list[int] = []
    while follows & 0b1000:
        position += (follows & 0b0111).bit_count()
        if position >= len(raw):
            return None
        protocols.append(raw[position] & 0x0F)
        follows = raw[position] >> 4
        position += 1
    position += follows.bit_count()
    checked = any(protocols)
    if len(raw) != position + count + checked:
        return None
    if checked and _exclusive_or(raw[1:]) != 0:
        return None
    offered = tuple(dict.fromkeys(protocol for protocol in protocols if protocol != 15))
    return Atr(protocols=offered or (0,), historical=raw[position : position + count])


def recognise(raw: bytes) -> tuple[CardKind, Generation | None]:
    """Family, and for a CPx its generation; None for a generation the sources do not name."""
    if vitale_version(raw) is not None:
        return CardKind.VITALE, None
    atr = parse_atr(raw)
    if atr is None:
        return CardKind.UNKNOWN, None
    if atr.historical == _CONTACTLESS:
        return CardKind.CPX, Generation.CPS3_CONTACTLESS
    _, found, tail = atr.historical.partition(_CPX)
    if not found:
        return CardKind.UNKNOWN, None
    return CardKind.CPX, _generation(tail)


def vitale_version(raw: bytes) -> VitaleVersion | None:
    """Which Vitale; None for another card."""
    if parse_atr(raw) is None:
        return None
    if raw.startswith(_VITALE_1):
        return VitaleVersion.ONE
    if raw.startswith(_VITALE_2_HEAD) and raw.endswith(_VITALE_2_TAIL):
        return VitaleVersion.TWO
    return None


def _generation(tail: bytes) -> Generation | None:
    """What follows the common pattern names the generation: read off the five known strings, no source states it as a rule."""
    if tail.startswith(_CPS4_TAILS):
        return Generation.CPS4
    return Generation.CPS3 if tail.startswith(_CPS3_TAIL) else None


def _exclusive_or(content: bytes) -> int:
    total = 0
    for byte in content:
        total ^= byte
    return total
