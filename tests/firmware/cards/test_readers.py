"""Identifiers of readers and insertions: stable, opaque, never shared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.cards.pcsc import Features
from firmware.cards.readers import Readers, model_of
from firmware.cards.usb_place import usb_place
from firmware.cards.watcher import CardIn, CardMuteIn, CardOut, ReaderIn, ReaderOut, ServiceLost, ServiceUp
from firmware.errors import CardAbsent, CardChanged, CardMute, CardsUnavailable, ReaderUnknown, ServiceDown
from firmware.protocol import CardKind, Generation, NoticeType
from tests.rig.cards.virtual import CPS3_ATR, CPS4_ATR

SERIAL = "ACS ACR39U ICC Reader (5369193620)"
TWIN = "Generic Smart Card Reader Interface"
PLAIN = Features()


def plugged(*names: str, features: Features = PLAIN) -> Readers:
    readers = Readers(place=lambda bus, device: f"{bus}-{device}")
    readers.apply(ServiceUp())
    for name in names:
        readers.apply(ReaderIn(name, features))
    return readers


def identities(readers: Readers) -> list[str]:
    return [one.id for one in readers.all()]


def test_a_reader_keeps_its_identifier_whatever_index_it_gets() -> None:
    assert identities(plugged(f"{SERIAL} 00 00")) == identities(plugged(f"{SERIAL} 03 00"))
    assert identities(plugged(f"{SERIAL} 00 00")) != identities(plugged(f"{SERIAL} 00 01"))
    assert identities(plugged(f"{SERIAL} 00 00")) != identities(plugged("ACS ACR39U ICC Reader (1111111111) 00 00"))


def test_an_identifier_tells_nothing() -> None:
    (identity,) = identities(plugged(f"{SERIAL} 00 00"))
    assert re.fullmatch(r"reader-[0-9a-f]{8}", identity)


def test_readers_without_serial_number_are_told_apart_by_their_plug() -> None:
    first, second = plugged(), plugged()
    for readers, order in ((first, (4, 5)), (second, (5, 4))):
        for index, device in enumerate(order):
            readers.apply(ReaderIn(f"{TWIN} {index:02X} 00", Features(usb=(1, device))))
    assert sorted(identities(first)) == sorted(identities(second))
    assert identities(first) == identities(second)[::-1]


def test_a_serial_number_counts_more_than_the_plug() -> None:
    moved = [identities(plugged(f"{SERIAL} 00 00", features=Features(usb=(1, device)))) for device in (4, 9)]
    assert moved[0] == moved[1]


def test_two_readers_that_look_alike_never_share_an_identifier() -> None:
    readers = plugged(f"{TWIN} 00 00", f"{TWIN} 01 00")
    assert len(set(identities(readers))) == 2
    readers.apply(ReaderOut(f"{TWIN} 00 00"))
    readers.apply(ReaderIn(f"{TWIN} 02 00", Features()))
    assert len(set(identities(readers))) == 2


@given(st.lists(st.text(max_size=30), unique=True, max_size=6))
def test_any_names_get_identifiers_of_their_own(names: list[str]) -> None:
    assert len(set(identities(plugged(*names)))) == len(names)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ACS ACR39U ICC Reader (5369193620) 00 00", "ACS ACR39U ICC Reader"),
        ("Identiv uTrust 2700 R Smart Card Reader [CCID Interface] (53691936208498) 01 00", "Identiv uTrust 2700 R Smart Card Reader"),
        ("KAPELSE KAP-eCV [Lecteur PS] (42) 00 01", "KAPELSE KAP-eCV [Lecteur PS] 2"),
        ("Odd", "Odd"),
        ("(1234) 00 00", "(1234)"),
    ],
)
def test_a_person_reads_the_model_without_its_serial_number(name: str, shown: str) -> None:
    assert model_of(name) == shown


def test_each_insertion_has_an_identifier_and_a_call_must_name_it() -> None:
    readers = plugged(f"{SERIAL} 00 00")
    (identity,) = identities(readers)
    seen = set()
    for _ in range(3):
        (came,) = readers.apply(CardIn(f"{SERIAL} 00 00", CPS3_ATR))
        assert came.card is not None
        assert (came.type, came.card.kind, came.card.generation) == (NoticeType.CARD_IN, CardKind.CPX, Generation.CPS3)
        assert readers.inserted(identity, came.card.insertion_id)[1] == came.card
        with pytest.raises(CardChanged):
            readers.inserted(identity, "00000000-0000-4000-8000-000000000000")
        seen.add(came.card.insertion_id)
        (left,) = readers.apply(CardOut(f"{SERIAL} 00 00"))
        assert (left.type, left.card) == (NoticeType.CARD_OUT, came.card)
        with pytest.raises(CardAbsent):
            readers.inserted(identity, came.card.insertion_id)
    assert len(seen) == 3


def test_a_mute_card_is_there_and_cannot_be_used() -> None:
    readers = plugged(SERIAL)
    (told,) = readers.apply(CardMuteIn(SERIAL))
    assert (told.type, told.card and told.card.kind) == (NoticeType.CARD_MUTE, CardKind.MUTE)
    with pytest.raises(CardMute):
        readers.inserted(identities(readers)[0])


def test_what_is_not_there_is_named() -> None:
    readers = Readers()
    with pytest.raises(ServiceDown):
        readers.find("reader-00000000")
    readers.apply(ServiceUp())
    with pytest.raises(ReaderUnknown):
        readers.find("reader-00000000")
    readers.apply(ServiceLost(hopeless=True))
    with pytest.raises(CardsUnavailable):
        readers.find("reader-00000000")


def test_what_fits_nothing_that_is_known_is_left_out() -> None:
    readers = plugged()
    assert readers.apply(CardIn("never seen", CPS4_ATR)) == []
    assert readers.apply(ReaderOut("never seen")) == []


def test_the_plug_is_found_where_the_kernel_tells_it(tmp_path: Path) -> None:
    for port, bus, device in (("1-1.2", "1", "7"), ("1-1.3", "1", "8"), ("2-1", "2", "7")):
        (tmp_path / port).mkdir()
        (tmp_path / port / "busnum").write_text(bus + "\n")
        (tmp_path / port / "devnum").write_text(device + "\n")
    (tmp_path / "1-1.2:1.0").mkdir()
    assert usb_place(1, 8, tmp_path) == "1-1.3"
    assert usb_place(9, 8, tmp_path) is None
    assert usb_place(1, 8, tmp_path / "absent") is None
