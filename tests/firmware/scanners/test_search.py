"""Speed and parity found by scanning one label again and again, over a line simulated bit by bit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.scanners.line import SPEEDS, Demarker, LineSettings, Parity, ScanFault, Sign, judged, values
from firmware.scanners.plausibility import PLAUSIBLE, SHORTEST, noisy, parity_shown, score, understood
from firmware.scanners.search import Search, begin, step
from tests.firmware.scanners.plug import INS_LIKE
from tests.firmware.scanners.uart import Line, received

LABELS = {
    "datamatrix INS": INS_LIKE + b"\r",
    "thirteen digits": b"3400936172746\r\n",
    "an address": b"https://relais.test/apcv?c=Zm9vYmFy-_49\r",
    "accents": "N° de série : été à Nîmes\r".encode(),
}
PARITIES: tuple[tuple[int, Parity], ...] = ((8, "N"), (7, "E"), (7, "O"))


def capture(label: bytes, sender: Line, settings: LineSettings) -> list[Sign]:
    return Demarker().feed(received(label, sender, Line(settings.speed)))


def sought(label: bytes, sender: Line, current: LineSettings) -> tuple[Search, int]:
    """The search once it is settled, and how many scans that took."""
    search = begin(current)
    for scans in range(1, 20):
        search = step(search, capture(label, sender, search.settings))
        if search.settled:
            return search, scans
    raise AssertionError(f"{sender} not found from {current.speed} {current.framing}")


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("framing", PARITIES)
@pytest.mark.parametrize("speed", SPEEDS)
def test_every_line_is_found_from_the_usual_settings(label: str, speed: int, framing: tuple[int, Parity]) -> None:
    if label == "accents" and framing[0] == 7:
        label = "thirteen digits"
    sender = Line(speed, *framing)
    search, scans = sought(LABELS[label], sender, LineSettings())
    assert search.result == LineSettings(speed, framing[1])
    assert scans <= len(SPEEDS)


@pytest.mark.parametrize("current", [LineSettings(1200, "E"), LineSettings(115200, "O"), LineSettings(19200)])
@pytest.mark.parametrize("framing", PARITIES)
@pytest.mark.parametrize("speed", SPEEDS)
def test_every_line_is_found_from_settings_that_no_longer_hold(current: LineSettings, speed: int, framing: tuple[int, Parity]) -> None:
    search, scans = sought(INS_LIKE + b"\r", Line(speed, *framing), current)
    assert search.result == LineSettings(speed, framing[1])
    assert scans <= len(SPEEDS)


def test_the_right_settings_are_known_at_the_first_scan_and_a_parity_too() -> None:
    assert sought(INS_LIKE, Line(9600), LineSettings())[1] == 1
    search, scans = sought(INS_LIKE, Line(9600, 7, "E"), LineSettings())
    assert (scans, search.settings.framing) == (1, "7E1")


def test_nothing_is_settled_by_noise_and_the_former_settings_come_back() -> None:
    search = begin(LineSettings(19200, "O"))
    for scan in range(30):
        search = step(search, [Sign((scan * 37 + n * 91) % 256, ScanFault.LINE if n % 3 else None) for n in range(60)])
        assert not search.settled
    assert search.result == LineSettings(19200, "O")


def test_a_speed_that_gives_a_text_no_more_is_sought_again() -> None:
    search, _ = sought(INS_LIKE, Line(9600), LineSettings())
    after = step(search, capture(INS_LIKE, Line(38400), search.settings))
    assert not after.settled
    assert after.settings != search.settings


@given(st.lists(st.tuples(st.integers(0, 255), st.booleans()), max_size=60))
def test_a_score_is_a_share_and_damage_never_raises_it(raw: list[tuple[int, bool]]) -> None:
    sent = [Sign(value, None if sound else ScanFault.LINE) for value, sound in raw]
    assert 0 <= score(sent) <= 1
    damaged = [*sent[:-1], Sign(sent[-1].value, ScanFault.LINE)] if sent and sent[-1].value < 0x80 else sent
    assert score(damaged) <= score(sent)


def test_too_few_signs_say_nothing() -> None:
    assert score([Sign(0x41)] * (SHORTEST - 1)) == 0
    assert score([Sign(0x41)] * SHORTEST) == 1


def test_accents_are_text_and_bytes_out_of_place_are_not() -> None:
    assert score([Sign(one) for one in "éèà".encode()]) == 1
    assert score([Sign(one) for one in b"\xc3\xc3\xa9\x80AB"]) < PLAUSIBLE


def with_parity(data: bytes, odd: int) -> list[Sign]:
    return [Sign(one | ((one.bit_count() + odd) % 2 << 7)) for one in data]


@pytest.mark.parametrize(("odd", "parity"), [(0, "E"), (1, "O")])
def test_a_parity_shows_in_eight_bits(odd: int, parity: Parity) -> None:
    assert parity_shown(with_parity(INS_LIKE, odd)) == parity
    found = understood(with_parity(INS_LIKE, odd), 4800)
    assert found == LineSettings(4800, parity)
    assert values(judged(with_parity(INS_LIKE, odd), found)) == INS_LIKE


def test_a_parity_shows_in_spite_of_a_damaged_bit_which_is_then_a_fault() -> None:
    sent = with_parity(INS_LIKE, 0)
    sent[7] = Sign(sent[7].value ^ 0x10)
    found = understood(sent, 9600)
    assert found == LineSettings(9600, "E")
    assert [n for n, one in enumerate(judged(sent, found)) if one.fault is ScanFault.LINE] == [7]


def test_plain_text_shows_no_parity() -> None:
    assert parity_shown([Sign(one) for one in INS_LIKE]) == "N"
    assert parity_shown([Sign(one) for one in "aéb".encode() * 4]) == "N"


def test_noise_is_more_than_a_quarter_of_damage() -> None:
    assert not noisy(1, 120)
    assert noisy(40, 120)
    assert noisy(1, 0)
