"""Lines that open and die at once: told once, left alone longer and longer, believed again once they hold. By a clock moved by hand."""

from __future__ import annotations

import pytest

from firmware.scanners.steadiness import HOLDS, LONGEST_WAIT, SOON, Steadiness

ONE, NODE, OTHER = "scanner-1", (5, 17), (5, 18)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lines(clock: Clock) -> Steadiness:
    return Steadiness(clock)


def test_a_line_that_dies_at_once_is_told_of_once_and_tried_more_and_more_rarely(lines: Steadiness, clock: Clock) -> None:
    told, waits = [], []
    for _time in range(9):
        since = clock.now
        while not lines.may_try(ONE, NODE):
            clock.now += 0.5
        waits.append(clock.now - since)
        told += [one for one, news in (("in", lines.opened(ONE, NODE)), ("out", lines.lost(ONE))) if news]
    assert told == ["in", "out"]
    assert waits == [0, 1, 2, 4, 8, 16, 32, LONGEST_WAIT, LONGEST_WAIT]
    assert lines.is_unsteady(ONE)


def test_once_it_holds_it_is_told_and_all_begins_anew(lines: Steadiness, clock: Clock) -> None:
    assert lines.opened(ONE, NODE)
    assert lines.lost(ONE)
    assert not lines.opened(ONE, NODE)
    clock.now += HOLDS - 0.1
    assert not lines.holds(ONE)
    clock.now += 0.2
    assert [lines.holds(ONE), lines.holds(ONE)] == [True, False]
    assert not lines.is_unsteady(ONE)
    assert lines.lost(ONE)
    assert lines.may_try(ONE, NODE)


def test_a_scan_proves_that_it_holds(lines: Steadiness) -> None:
    lines.opened(ONE, NODE)
    lines.lost(ONE)
    assert not lines.opened(ONE, NODE)
    assert lines.holds(ONE, heard=True)
    assert not lines.is_unsteady(ONE)


def test_a_line_that_was_not_told_of_again_dies_in_silence_whenever_it_does(lines: Steadiness, clock: Clock) -> None:
    lines.opened(ONE, NODE)
    lines.lost(ONE)
    lines.opened(ONE, NODE)
    clock.now += SOON + 1
    assert not lines.lost(ONE)
    assert not lines.may_try(ONE, NODE)


def test_one_that_stayed_up_is_told_each_time(lines: Steadiness, clock: Clock) -> None:
    for _time in range(5):
        assert lines.opened(ONE, NODE)
        clock.now += SOON
        assert lines.lost(ONE)
        assert lines.may_try(ONE, NODE)


def test_a_scanner_plugged_again_is_believed_at_once(lines: Steadiness) -> None:
    """Its line has another node each time."""
    for number in range(20):
        node = (5, number)
        assert lines.may_try(ONE, node)
        assert lines.opened(ONE, node)
        assert lines.lost(ONE)
        assert not lines.may_try(ONE, node)


def test_unplugged_it_begins_anew(lines: Steadiness) -> None:
    lines.opened(ONE, NODE)
    lines.lost(ONE)
    lines.forget(ONE)
    assert lines.may_try(ONE, NODE)
    assert lines.opened(ONE, OTHER)


def test_lines_are_apart(lines: Steadiness) -> None:
    lines.opened(ONE, NODE)
    lines.lost(ONE)
    assert lines.opened("scanner-2", NODE)
    assert not lines.is_unsteady("scanner-2")
