"""What becomes of the codes of PC/SC and of what readers tell, over a binding that answers as scripted."""

from __future__ import annotations

import pytest

from firmware.cards.pcsc import PNP, PRESENT, Features, Seen, open_context
from firmware.errors import (
    CardAbsent,
    CardFault,
    CardMute,
    DeviceError,
    ReaderBusy,
    ReaderUnknown,
    ServiceDown,
)

SIGNED = -(1 << 32)
"""The binding may give the same code as a signed number."""


class Binding:
    """The calls of smartcard.scard that are used, each with the answer of the test; keeps what it was asked."""

    SCARD_PCI_T0, SCARD_PCI_T1 = "T=0", "T=1"

    def __init__(self, **answers: object) -> None:
        self._answers: dict[str, object] = {
            "SCardEstablishContext": (0, "context"),
            "SCardConnect": (0, "card", 1),
            "SCardDisconnect": 0,
            "SCardBeginTransaction": 0,
            "SCardEndTransaction": 0,
            "SCardReleaseContext": 0,
            **answers,
        }
        self.asked: list[tuple[object, ...]] = []

    def __getattr__(self, name: str) -> object:
        def call(*arguments: object) -> object:
            self.asked.append((name, *arguments))
            return self._answers[name]

        return call

    @staticmethod
    def SCARD_CTL_CODE(number: int) -> int:  # noqa: N802 - the name of the binding
        return 0x42000000 + number


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (0x80100009, ReaderUnknown),
        (0x80100017, ReaderUnknown),
        (0x8010000C, CardAbsent),
        (0x80100069, CardAbsent),
        (0x80100016, CardAbsent),
        (0x80100066, CardMute),
        (0x80100067, CardMute),
        (0x8010000B, ReaderBusy),
        (0x8010001D, ServiceDown),
        (0x8010001E, ServiceDown),
        (0x80100013, ServiceDown),
        (0x8010006A, ServiceDown),
        (0x80100068, CardFault),
        (0x80100F0F, CardFault),
    ],
)
@pytest.mark.parametrize("sign", [0, SIGNED], ids=["unsigned", "signed"])
def test_each_code_has_one_meaning(code: int, sign: int, error: type[DeviceError]) -> None:
    with pytest.raises(error, match=f"PC/SC {code:08X}") as raised:
        open_context(Binding(SCardConnect=(code + sign, None, 0))).connect("Reader")
    assert (raised.value.retry_after is not None) is (error is ReaderBusy)


def test_no_reader_at_all_is_no_error() -> None:
    assert open_context(Binding(SCardListReaders=(0x8010002E, []))).readers() == []
    with pytest.raises(ServiceDown):
        open_context(Binding(SCardListReaders=(0x80100F0F, []))).readers()


@pytest.mark.parametrize("code", [0x8010000A, 0x80100009, 0x80100002], ids=["time is up", "a reader has gone", "cancelled"])
def test_nothing_new_is_no_error(code: int) -> None:
    assert open_context(Binding(SCardGetStatusChange=(code, []))).wait([], 60) is None


def test_a_look_tells_what_is_known_and_leaves_the_reader_that_is_none_out() -> None:
    binding = Binding(SCardGetStatusChange=(0, [("Reader", 0x10022, [0x3B, 0x00]), (PNP, 0x20002, [])]))
    found = open_context(binding).wait([Seen(reader="Reader", state=0x2 | PRESENT)], 1.5)
    assert found == [Seen(reader="Reader", state=0x10022, atr=b"\x3b\x00")]
    assert binding.asked[-1] == ("SCardGetStatusChange", "context", 1500, [("Reader", PRESENT), (PNP, 1 << 16)])


def test_success_without_an_answer_is_a_card_torn_out() -> None:
    link = open_context(Binding(SCardTransmit=(0, []))).connect("Reader")
    with pytest.raises(CardAbsent):
        link.transmit(b"\x00\xb0\x00\x00\x00")


@pytest.mark.parametrize(("protocol", "form"), [(1, "T=0"), (2, "T=1")])
def test_the_protocol_agreed_with_the_card_is_used(protocol: int, form: str) -> None:
    binding = Binding(SCardConnect=(0, "card", protocol), SCardTransmit=(0, [0x90, 0x00]))
    link = open_context(binding).connect("Reader")
    assert link.transmit(b"\x00\xb0") == b"\x90\x00"
    assert binding.asked[-1] == ("SCardTransmit", "card", form, [0x00, 0xB0])
    assert link.protocol == protocol - 1


@pytest.mark.parametrize(("began", "reset", "ends"), [
    (True, True, [("SCardEndTransaction", "card", 1), ("SCardDisconnect", "card", 0)]),
    (True, False, [("SCardEndTransaction", "card", 0), ("SCardDisconnect", "card", 0)]),
    (False, True, [("SCardDisconnect", "card", 1)]),
    (False, False, [("SCardDisconnect", "card", 0)]),
])  # fmt: skip
def test_a_card_is_reset_before_others_are_let_in_or_left_as_it_is(began: bool, reset: bool, ends: list[tuple[object, ...]]) -> None:
    binding = Binding()
    link = open_context(binding).connect("Reader")
    if began:
        link.begin()
    binding.asked.clear()
    link.end(reset=reset)
    assert binding.asked == ends


PIN_PAD = [0x06, 4, 0x42, 0x33, 0x00, 0x06]
MODIFY_ONLY = [0x07, 4, 0x42, 0x33, 0x00, 0x06]


@pytest.mark.parametrize(
    ("control", "channel", "features"),
    [
        ((0, MODIFY_ONLY + PIN_PAD), (0, [0x07, 0x01, 0x20, 0x00]), Features(pin_pad=True, usb=(1, 7))),
        ((0, MODIFY_ONLY), (0, [0x07, 0x01, 0x10, 0x00]), Features()),
        ((0x80100016, []), (0x80100016, []), Features()),
        ((0, [6]), (0, []), Features(pin_pad=True)),
    ],
    ids=["pad, on USB", "no pad, not on USB", "says nothing", "cut"],
)
def test_what_a_reader_tells_of_itself(control: object, channel: object, features: Features) -> None:
    assert open_context(Binding(SCardControl=control, SCardGetAttrib=channel)).features("Reader") == features


def test_a_reader_that_cannot_be_asked_has_no_features() -> None:
    assert open_context(Binding(SCardConnect=(0x8010000B, None, 0))).features("Reader") == Features()
