"""ATRs of cards.md 1.3: known families and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.cards.atr import VitaleVersion, parse_atr, recognise, vitale_version
from firmware.protocol import CardKind, Generation

CPX = [
    pytest.param("3BAC00402A001225006480000310009000", Generation.CPS3, id="CPS3 contact"),
    pytest.param("3B8F80010031B86404B0ECC1739401808290000E", Generation.CPS3_CONTACTLESS, id="CPS3 contactless"),
    pytest.param("3B9B188001001225006480040100009044", Generation.CPS4, id="CPS4 contact"),
    pytest.param("3B9B188001001225006480000401009044", Generation.CPS4, id="CPS4 release candidate"),
    pytest.param("3BDC18FF00001225006480000401009000", Generation.CPS4, id="CPS4 T=0 only"),
    pytest.param("3B7B1800000012250064800401000090", Generation.CPS4, id="CPS4 as another reader tells it"),
    pytest.param("3BAC00402A001225006480820212009000", None, id="older, of no generation that is driven"),
]
VITALE = [
    *(pytest.param(f"3B75130000{mask:02X}09EA9000", VitaleVersion.TWO, id=f"Vitale 2 mask {mask:02X}") for mask in range(0x43, 0x4A)),
    pytest.param("3F6525002209699000", VitaleVersion.ONE, id="Vitale 1 22"),
    pytest.param("3F6525002C09699000", VitaleVersion.ONE, id="Vitale 1 2C"),
    pytest.param("3F65250052096A9000", VitaleVersion.ONE, id="Vitale 1 52"),
    pytest.param("3F652500A3096A9000", VitaleVersion.ONE, id="Vitale 1 A3"),
]
UNKNOWN = [
    pytest.param("", id="nothing"),
    pytest.param("3B", id="one byte"),
    pytest.param("3B00", id="no historical byte"),
    pytest.param("3B02145011", id="a bank's"),
    pytest.param("3BAC00402A00122500648000031000", id="cut"),
    pytest.param("3BAC00402A00122500648000031000900000", id="too long"),
    pytest.param("3B9B188001001225006480040100009045", id="wrong check byte"),
    pytest.param("4BAC00402A001225006480000310009000", id="no ATR at all"),
    pytest.param("3BA81225006480402A3B0000000000", id="pattern among the interface bytes"),
    pytest.param("3B75130000449C029000", id="another card of that shape"),
]


@pytest.mark.parametrize(("atr", "generation"), CPX)
def test_cpx_cards_are_known_by_their_historical_bytes(atr: str, generation: Generation | None) -> None:
    assert recognise(bytes.fromhex(atr)) == (CardKind.CPX, generation)
    assert vitale_version(bytes.fromhex(atr)) is None


@pytest.mark.parametrize(("atr", "version"), VITALE)
def test_vitale_cards_are_known_by_prefix(atr: str, version: VitaleVersion) -> None:
    assert recognise(bytes.fromhex(atr)) == (CardKind.VITALE, None)
    assert vitale_version(bytes.fromhex(atr)) is version


@pytest.mark.parametrize("atr", UNKNOWN)
def test_other_cards_are_unknown(atr: str) -> None:
    assert recognise(bytes.fromhex(atr)) == (CardKind.UNKNOWN, None)


def test_protocols_are_read() -> None:
    """By hand: a CPS3 offers T=0 alone, a CPS4 T=0 and T=1 (cards.md 1.3)."""
    offered = [parse_atr(bytes.fromhex(atr)) for atr in ("3BAC00402A001225006480000310009000", "3B9B188001001225006480040100009044")]
    assert [one and one.protocols for one in offered] == [(0,), (0, 1)]


@given(st.binary(max_size=40))
def test_any_bytes_are_read(raw: bytes) -> None:
    kind, generation = recognise(raw)
    assert generation is None or kind is CardKind.CPX
    atr = parse_atr(raw)
    assert atr is None or (len(atr.historical) == raw[1] & 0x0F and atr.historical in raw)
