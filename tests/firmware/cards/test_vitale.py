"""The free files of a Vitale 2, on a card of our own; whatever bytes a card holds, an end is found."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.cards.apdu import Command, Response, exchange
from firmware.cards.tlv import TlvMalformed, each, within
from firmware.cards.vitale import parse_pointers, read_vitale
from firmware.errors import NotAVitale, VitaleUnreadable
from firmware.protocol import CardObject
from tests.rig.cards.virtual import CPS3_ATR, VITALE2_ATR, VirtualCard
from tests.rig.cards.vitale import BENEFICIARIES, POINTERS, VITALE_AID, VitaleCard, pointers, tlv

VITALE1_ATR = bytes.fromhex("3F6525002C09699000")


class Talk:
    """The exchange of a virtual card."""

    def __init__(self, card: VirtualCard) -> None:
        self.card = card

    def transmit(self, command: bytes) -> bytes:
        answer = self.card.transmit(command)
        assert answer is not None
        return answer

    def __call__(self, command: Command) -> Response:
        return exchange(self.transmit, command)


def test_free_files_come_as_they_are_stored_and_refused_ones_not_at_all() -> None:
    card = VitaleCard()
    assert read_vitale(Talk(card), VITALE2_ATR) == (
        CardObject(label="VITALE_BENEF_2101", value=card.beneficiaries),
        CardObject(label="VITALE_CARTE_2102", value=card.dates),
    )


def test_a_long_file_comes_whole() -> None:
    card = VitaleCard(people=[("2740150999001", "EXEMPLE", f"ENFANT{number}", "20111332") for number in range(40)])
    assert len(card.beneficiaries) > 1000
    assert read_vitale(Talk(card), VITALE2_ATR)[0].value == card.beneficiaries


def test_other_cards_are_not_touched() -> None:
    for atr, error in ((CPS3_ATR, NotAVitale), (VITALE1_ATR, VitaleUnreadable), (b"\x3b\x00", NotAVitale)):
        card = VitaleCard()
        with pytest.raises(error):
            read_vitale(Talk(card), atr)
        assert card.log == []


@pytest.mark.parametrize(
    "card",
    [
        pytest.param(VirtualCard(VITALE2_ATR), id="no application"),
        pytest.param(VirtualCard(VITALE2_ATR, {VITALE_AID: {}}), id="no pointers"),
        pytest.param(VirtualCard(VITALE2_ATR, {VITALE_AID: {POINTERS: b"\xe0\x50\x80"}}), id="pointers cut"),
    ],
)
def test_a_newer_mask_that_refuses_is_said_unreadable(card: VirtualCard) -> None:
    with pytest.raises(VitaleUnreadable):
        read_vitale(Talk(card), VITALE2_ATR)


def test_a_record_of_an_unknown_application_is_left_out() -> None:
    listed = pointers([VITALE_AID], [("A", 1, BENEFICIARIES), ("B", 9, 0x2222), ("A", 1, BENEFICIARIES)])
    assert [one.file for one in parse_pointers(listed)] == [BENEFICIARIES]


def test_an_endless_file_is_cut() -> None:
    card = VirtualCard(VITALE2_ATR, {VITALE_AID: {POINTERS: pointers([VITALE_AID], [("BIG", 1, 0x2222)]), 0x2222: b"\x01" * 60_000}})
    (found,) = read_vitale(Talk(card), VITALE2_ATR)
    assert len(found.value) == 32_768


def test_no_card_makes_us_read_for_ever() -> None:
    listed = pointers([VITALE_AID], [("A", 1, number) for number in range(0x3000, 0x3100)])
    assert len(parse_pointers(listed)) == 64


def test_the_name_of_a_record_cannot_carry_anything_odd() -> None:
    (pointer,) = parse_pointers(pointers([VITALE_AID], [("\n../é%", 1, 0x2222)]))
    assert pointer.name == ""


def test_nothing_of_a_card_is_in_a_representation() -> None:
    (found, _) = read_vitale(Talk(VitaleCard()), VITALE2_ATR)
    assert "EXEMPLE" not in repr(found)
    assert "EXEMPLE" not in repr(list(each(found.value)))


@given(st.binary(max_size=400))
def test_any_bytes_end(content: bytes) -> None:
    with contextlib.suppress(TlvMalformed):
        assert sum(len(one.value) for one in each(content)) <= len(content)
        list(within(content, 0x82))
    with contextlib.suppress(VitaleUnreadable):
        assert len(parse_pointers(content)) <= 64


@given(st.integers(1, 0xFFFF).filter(lambda tag: tag & 0x1F != 0x1F and tag < 0xFF), st.binary(max_size=70_000))
def test_what_is_written_is_read(tag: int, content: bytes) -> None:
    if len(content) < 0x10000:
        (one,) = each(tlv(tag, content))
        assert (one.tag, one.value) == (tag, content)


def test_deep_nesting_is_refused() -> None:
    content = b"\x80\x01\x00"
    for _ in range(20):
        content = tlv(0xE0, content)
    with pytest.raises(TlvMalformed):
        list(within(content, 0x80))
