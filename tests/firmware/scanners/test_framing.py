"""Scans cut out of a line: every ending, every place a read may end, several scans in one read, bounds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.scanners.framing import GAP, LONGEST, PATIENCE, Assembler, Frame, Rule, rule_shown
from firmware.scanners.line import ScanFault, Sign

WRAPS = {
    Rule.STX_ETX: (b"\x02", b"\x03"),
    Rule.CR: (b"", b"\r"),
    Rule.LF: (b"", b"\n"),
    Rule.CRLF: (b"", b"\r\n"),
    Rule.TAB: (b"", b"\t"),
}
CONTENT = st.binary(min_size=1, max_size=20).map(lambda data: bytes(one for one in data if one not in b"\x02\x03\t\n\r") or b"A")


def signs(data: bytes) -> list[Sign]:
    return [Sign(one) for one in data]


def frames(rule: Rule, *chunks: bytes, then: float = PATIENCE) -> list[tuple[bytes, tuple[ScanFault, ...]]]:
    """The scans of chunks that come at once, then of a silence."""
    assembler = Assembler(rule)
    found = [frame for chunk in chunks for frame in assembler.feed(signs(chunk), 0.0)] + assembler.silence(then)
    assert assembler.deadline is None
    return [(one.data, one.faults) for one in found]


@pytest.mark.parametrize("rule", WRAPS)
@settings(max_examples=40)
@given(scans=st.lists(CONTENT, min_size=1, max_size=3))
def test_scans_come_out_whole_wherever_reads_end(rule: Rule, scans: list[bytes]) -> None:
    before, after = WRAPS[rule]
    sent = b"".join(before + one + after for one in scans)
    whole = [(one, ()) for one in scans]
    for taken in (rule, Rule.AUTO) if rule is not Rule.TAB else (rule,):
        assert frames(taken, sent) == whole
        assert frames(taken, *(sent[n : n + 1] for n in range(len(sent)))) == whole
        for cut in range(1, len(sent)):
            assert frames(taken, sent[:cut], sent[cut:]) == whole


@given(content=CONTENT)
def test_without_any_ending_a_silence_ends_the_scan_as_it_came(content: bytes) -> None:
    assert frames(Rule.GAP, content + b"\r\n") == [(content + b"\r\n", ())]
    assert frames(Rule.AUTO, content) == [(content, ())]
    assert frames(Rule.AUTO, content + b"\t") == [(content, ())]


def test_a_silence_is_one_only_after_its_time() -> None:
    assembler = Assembler()
    assert assembler.feed(signs(b"ABC"), 5.0) == []
    assert assembler.deadline == 5.0 + GAP
    assert assembler.silence(5.0 + GAP / 2) == []
    assert [one.data for one in assembler.silence(5.0 + GAP)] == [b"ABC"]


@pytest.mark.parametrize("rule", WRAPS)
def test_a_scan_that_stops_before_its_ending_is_cut_and_the_next_one_is_whole(rule: Rule) -> None:
    before, after = WRAPS[rule]
    assembler = Assembler(rule)
    assert assembler.feed(signs(before + b"HALF"), 0.0) == []
    assert assembler.silence(GAP) == []
    [cut] = assembler.silence(PATIENCE)
    assert (cut.data, cut.faults) == (b"HALF", (ScanFault.CUT,))
    assert [(one.data, one.faults) for one in assembler.feed(signs(before + b"WHOLE" + after), 1.0) + assembler.silence(2.0)] == [
        (b"WHOLE", ())
    ]


def test_a_start_in_the_middle_of_a_scan_cuts_it() -> None:
    assert frames(Rule.STX_ETX, b"\x02HAL\x02WHOLE\x03") == [(b"HAL", (ScanFault.CUT,)), (b"WHOLE", ())]


def test_an_end_without_its_start_is_cut() -> None:
    assert frames(Rule.STX_ETX, b"TAIL\x03\x02WHOLE\x03") == [(b"TAIL", (ScanFault.CUT,)), (b"WHOLE", ())]


def test_what_is_within_stx_and_etx_keeps_its_lines() -> None:
    assert frames(Rule.AUTO, b"\x02one\r\ntwo\x03\r\n\x02three\x03") == [(b"one\r\ntwo", ()), (b"three", ())]


def test_stx_with_another_ending_is_taken_at_the_silence() -> None:
    assert frames(Rule.AUTO, b"\x02ABC\r") == [(b"ABC", ())]
    assert frames(Rule.AUTO, b"\x02ABC") == [(b"ABC", (ScanFault.CUT,))]


def test_a_scanner_that_has_shown_its_ending_owes_it() -> None:
    assembler = Assembler()
    assert [one.faults for one in assembler.feed(signs(b"ONE\r"), 0.0)] == [()]
    assembler.feed(signs(b"HALF"), 1.0)
    assert assembler.silence(1.0 + GAP) == []
    assert [one.faults for one in assembler.silence(1.0 + PATIENCE)] == [(ScanFault.CUT,)]


def test_a_separator_is_content_and_an_ending_alone_is_nothing() -> None:
    assert frames(Rule.AUTO, b"A\x1dB\r\r\n\n") == [(b"A\x1dB", ())]


@pytest.mark.parametrize("rule", [Rule.AUTO, *WRAPS, Rule.GAP])
def test_the_longest_scan_is_kept_and_one_byte_more_is_not(rule: Rule) -> None:
    before, after = WRAPS.get(rule, (b"", b""))
    assert frames(rule, before + b"x" * LONGEST + after) == [(b"x" * LONGEST, ())]
    assert frames(rule, before + b"x" * (LONGEST + 1) + after) == [(b"", (ScanFault.TOO_LONG,))]


@pytest.mark.parametrize("rule", [Rule.CR, Rule.AUTO, Rule.STX_ETX])
def test_bytes_without_an_ending_hold_no_memory_and_the_next_scan_is_read(rule: Rule) -> None:
    before, after = WRAPS.get(rule, (b"", b"\r"))
    assembler = Assembler(rule)
    for _ in range(25):
        assert assembler.feed(signs(b"x" * 4000), 0.0) == []
        assert len(assembler._signs) <= LONGEST + 3
    assert [one.faults for one in assembler.feed(signs(after), 0.0)] == [(ScanFault.TOO_LONG,)]
    assert [one.data for one in assembler.feed(signs(before + b"AFTER" + after), 1.0)] == [b"AFTER"]


def test_damage_is_told_once_and_a_break_is_no_byte() -> None:
    assembler = Assembler(Rule.CR)
    sent = [Sign(0x41), Sign(0x42, ScanFault.LINE), Sign(0, ScanFault.BREAK), Sign(0x43, ScanFault.LINE), Sign(0x0D)]
    [frame] = assembler.feed(sent, 0.0)
    assert (frame.data, frame.faults, list(frame.signs)) == (b"ABC", (ScanFault.LINE, ScanFault.BREAK), sent)


def test_a_damaged_ending_ends_nothing() -> None:
    assembler = Assembler(Rule.CR)
    assert assembler.feed([Sign(0x41), Sign(0x0D, ScanFault.LINE)], 0.0) == []


@given(st.lists(st.binary(max_size=30)), st.sampled_from(Rule))
def test_whatever_comes_nothing_breaks_and_nothing_is_invented(chunks: list[bytes], rule: Rule) -> None:
    found = frames(rule, *chunks)
    assert sum(len(data) for data, _ in found) <= sum(map(len, chunks))
    position, sent = 0, b"".join(chunks)
    for data, _ in found:
        position = sent.index(data, position) + len(data)


def test_a_frame_does_not_show_what_it_holds() -> None:
    assert "SECRET" not in repr(Frame(b"SECRET", (), tuple(signs(b"SECRET"))))


@pytest.mark.parametrize(
    ("burst", "rule"),
    [
        (b"\x02A\x03", Rule.STX_ETX),
        (b"\x02A\x03\r\n", Rule.STX_ETX),
        (b"A\r\n", Rule.CRLF),
        (b"A\r", Rule.CR),
        (b"A\n", Rule.LF),
        (b"A\t", Rule.TAB),
        (b"A", Rule.GAP),
    ],
)
def test_a_burst_shows_how_its_scanner_ends(burst: bytes, rule: Rule) -> None:
    assert rule_shown(burst) is rule
