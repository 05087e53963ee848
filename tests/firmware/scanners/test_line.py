"""The marks of the kernel on damaged bytes, undone wherever a read ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from firmware.scanners.line import Demarker, LineSettings, Parity, ScanFault, Sign, judged, values
from tests.firmware.scanners.uart import Line, marked, received

SIGNS = st.lists(st.tuples(st.integers(0, 255), st.booleans()))


def signs_of(chunks: list[bytes]) -> list[Sign]:
    demarker = Demarker()
    return [sign for chunk in chunks for sign in demarker.feed(chunk)]


def expected(sent: list[tuple[int, bool]]) -> list[Sign]:
    return [Sign(value, None if sound else ScanFault.LINE if value else ScanFault.BREAK) for value, sound in sent]


@given(SIGNS)
def test_every_byte_and_every_damage_is_told_wherever_a_read_ends(sent: list[tuple[int, bool]]) -> None:
    raw = b"".join(marked(value, sound=sound) for value, sound in sent)
    assert signs_of([raw]) == expected(sent)
    assert signs_of([raw[n : n + 1] for n in range(len(raw))]) == expected(sent)
    for cut in range(len(raw)):
        assert signs_of([raw[:cut], raw[cut:]]) == expected(sent)


def test_a_mark_the_kernel_never_writes_loses_nothing() -> None:
    assert signs_of([b"\xffA\xff\xffB"]) == [Sign(0xFF), Sign(0x41), Sign(0xFF), Sign(0x42)]


def test_a_break_is_no_byte() -> None:
    assert values(signs_of([b"A\xff\x00\x00B\xff\x00C"])) == b"ABC"


def test_settings_are_told_as_people_write_them() -> None:
    assert LineSettings().framing == "8N1"
    assert LineSettings(1200, "O").framing == "7O1"


@given(st.binary(max_size=30), st.sampled_from(["E", "O"]))
def test_a_wrong_parity_is_a_fault_and_a_right_one_is_taken_off(data: bytes, parity: Parity) -> None:
    seven = bytes(one & 0x7F for one in data)
    sent = received(seven, Line(9600, 7, parity), Line(9600))
    assert judged(signs_of([sent]), LineSettings(9600, parity)) == [Sign(one) for one in seven]
    other = judged(signs_of([sent]), LineSettings(9600, "O" if parity == "E" else "E"))
    assert other == [Sign(one, ScanFault.LINE) for one in seven]
