"""What a scanner sent, said in words: every byte accounted for, each fault with its advice, nothing said that is not so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.scanners.line import ScanFault
from gateway.flow.scanners.received import LONGEST_SHOWN, received
from gateway.flow.scanners.views import ReceivedView
from gateway.ins.datamatrix import GS
from tests.ins.test_datamatrix import VECTOR
from tests.ins.test_scan import ENGLISH, FRENCH, RENDERINGS, SHIFT_LOCKED, arranged


def seen(data: str | bytes, *faults: str, environment: str = "test") -> ReceivedView:
    return received(data.encode() if isinstance(data, str) else data, faults, environment=environment)


def codes(view: ReceivedView) -> list[str]:
    return [one.code for one in view.advice]


def typed(keys: dict[str, str], text: str = VECTOR) -> str:
    return "".join(keys.get(sign, sign) for sign in text)


ENDED = {
    "CR": VECTOR + "\r",
    "CRLF": VECTOR + "\r\n",
    "TAB": VECTOR + "\t",
    "STX ETX": "\x02" + VECTOR + "\x03",
    "AIM": "]d2" + VECTOR + "\r",
}


@pytest.mark.parametrize("ending", ENDED)
def test_a_scanner_that_is_well_set_is_said_so(ending: str) -> None:
    view = seen(ENDED[ending])
    assert view.datamatrix
    assert codes(view) == ["scan-fine"]
    assert [one.tone for one in view.advice] == ["ok"]


@pytest.mark.parametrize(
    ("text", "code", "tone"),
    [
        (VECTOR.replace(GS, ""), "separators-lost", "act"),
        (VECTOR.replace(GS, " "), "separators-lost", "act"),
        (typed(FRENCH), "keyboard-qwerty", "act"),
        (typed(SHIFT_LOCKED, VECTOR.lower()), "keyboard-qwerty", "act"),
        (typed(ENGLISH), "keyboard-azerty", "act"),
        (VECTOR.swapcase(), "keyboard-capitals", "act"),
        (VECTOR[:50], "scan-incomplete", "act"),
        (VECTOR.replace("277010115400329", "277010115400330"), "ins-key-invalid", "act"),
        ("3400936172746", "not-an-ins-datamatrix", "info"),
    ],
)
def test_each_trap_is_named(text: str, code: str, tone: str) -> None:
    view = seen(text + "\r")
    assert (view.advice[0].code, view.advice[0].tone) == (code, tone)
    assert "scan-fine" not in codes(view)


@pytest.mark.parametrize("rendering", RENDERINGS)
def test_separators_in_words_are_understood_and_told(rendering: str) -> None:
    assert codes(seen(VECTOR.replace(GS, rendering) + "\r"))[0] == "separators-written"


def test_a_keyboard_and_separators_lost_are_both_told() -> None:
    assert codes(seen(typed(FRENCH, VECTOR.replace(GS, "")) + "\r")) == ["keyboard-qwerty", "separators-lost"]


def test_an_ambiguous_reading_blames_the_separators_too() -> None:
    ambiguous = arranged(("S1", "S2", "S5", "S6", "S4", "S3"), "").replace("SARAH-LOU ANNA", "SARAH-LOU ANNAS")
    assert codes(seen(ambiguous + "\r")) == ["scan-ambiguous", "separators-lost"]


def test_an_ins_of_test_is_refused_by_a_production_box() -> None:
    text = VECTOR.replace("1.2.250.1.213.1.4.8" + GS, "1.2.250.1.213.1.4.10")
    assert codes(seen(text + "\r")) == ["scan-fine"]
    assert codes(seen(text + "\r", environment="production")) == ["ins-oid-invalid"]


def test_without_an_ending_it_is_said_and_all_else_is_well() -> None:
    assert codes(seen(VECTOR)) == ["ending-missing", "scan-fine"]


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ((ScanFault.GARBLED, ScanFault.LINE), "speed-sought"),
        ((ScanFault.LINE,), "line-damaged"),
        ((ScanFault.BREAK,), "line-broken"),
    ],
)
def test_each_fault_of_the_line_is_said_first_and_nothing_is_well(faults: tuple[str, ...], code: str) -> None:
    view = seen(VECTOR + "\r", *faults)
    assert view.advice[0].code == code
    assert "scan-fine" not in codes(view)
    assert view.datamatrix is (ScanFault.GARBLED not in faults)


@pytest.mark.parametrize(("fault", "code"), [(ScanFault.TOO_LONG, "scan-too-long"), (ScanFault.FLOOD, "scan-flood")])
def test_what_was_not_kept_is_only_told(fault: str, code: str) -> None:
    view = seen(b"", fault)
    assert (codes(view), view.pieces, view.length) == ([code], (), 0)


def test_special_characters_are_named_in_their_place() -> None:
    view = seen("A\x1dB<b>\r\n\x07\x7f")
    assert [(one.text, one.name) for one in view.pieces] == [
        ("A", None),
        ("", "GS, séparateur"),
        ("B<b>", None),
        ("", "CR, touche Entrée"),
        ("", "LF, saut de ligne"),
        ("", "octet 07"),
        ("", "octet 7F"),
    ]


def test_bytes_that_are_no_text_are_numbered() -> None:
    assert [(one.text, one.name) for one in seen(b"AB\xff\x1dC").pieces] == [
        ("AB", None),
        ("", "octet FF"),
        ("", "GS, séparateur"),
        ("C", None),
    ]


def test_a_long_text_is_shown_by_its_beginning() -> None:
    view = seen("x" * (LONGEST_SHOWN + 7))
    assert view.length == LONGEST_SHOWN + 7
    assert view.pieces[-1].name == "et 7 caractères de plus"
    assert len(view.pieces[0].text) == LONGEST_SHOWN


@given(st.binary(max_size=400), st.sets(st.sampled_from(ScanFault)))
def test_whatever_comes_is_said_without_a_fault_of_ours(data: bytes, faults: set[ScanFault]) -> None:
    view = received(data, sorted(faults), environment="production")
    shown = sum(len(one.text.encode()) if one.name is None else 1 for one in view.pieces)
    assert shown == len(data)
    assert all(one.what and one.gesture for one in view.advice)


def test_a_view_does_not_show_what_it_holds() -> None:
    assert "GARCIA" not in repr(seen(VECTOR))
