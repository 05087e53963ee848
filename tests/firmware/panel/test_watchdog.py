"""When the panel resets the box: armed only, never in an update, three times an hour at most."""

from __future__ import annotations

import pytest

from firmware.panel.messages import Message
from firmware.panel.port import Pattern
from tests.firmware.panel.logic import Logic, LogicPanel

HOUR = 3_600_000
MINUTE = 60_000
FREE = (0, 0, 0x5EA70000)
"""What a panel keeps that has made no reset for an hour."""


@pytest.fixture
def warm(logic: Logic) -> LogicPanel:
    """A panel that knows it has reset nothing for an hour."""
    return LogicPanel(logic, FREE)


def passes(panel: LogicPanel, milliseconds: int) -> None:
    panel.run(milliseconds, step=100)


def test_it_resets_the_box_once_no_heartbeat_has_come_for_the_time_agreed(warm: LogicPanel) -> None:
    warm.arm(60)
    warm.alive(300)
    warm.ask(Message.HEARTBEAT)
    assert warm.resets == []
    since = warm.now
    passes(warm, 59_900)
    assert warm.resets == []
    passes(warm, 200)
    assert [at - since for at in warm.resets] == [60_000]


def test_the_line_is_pulled_for_half_a_second_and_let_go(warm: LogicPanel) -> None:
    warm.arm(10)
    pulled = []
    for _ in range(1200):
        warm.run(10)
        pulled.append(warm.pulled)
    assert pulled.count(True) == 50
    assert pulled.index(True) == 999
    assert not pulled[-1]


def test_it_never_resets_when_not_armed(warm: LogicPanel) -> None:
    warm.show(Pattern.READY)
    passes(warm, 3 * HOUR)
    assert warm.resets == []


def test_disarmed_it_lets_be(warm: LogicPanel) -> None:
    warm.arm(60)
    passes(warm, 50_000)
    warm.arm(None)
    passes(warm, HOUR)
    assert warm.resets == []


def test_lamps_and_questions_are_no_heartbeat(warm: LogicPanel) -> None:
    warm.arm(60)
    for _ in range(40):
        warm.show(Pattern.BUSY)
        warm.ask(Message.HELLO)
        passes(warm, 2000)
    assert len(warm.resets) == 1


def test_a_reset_disarms_so_that_a_box_that_does_not_come_back_is_left_alone(warm: LogicPanel) -> None:
    warm.arm(60)
    passes(warm, 5 * HOUR)
    assert len(warm.resets) == 1
    assert not warm.hello().armed
    assert warm.hello().resets == 1


def test_it_never_resets_during_an_update(warm: LogicPanel) -> None:
    warm.arm(60)
    warm.show(Pattern.UPDATE)
    passes(warm, 14 * MINUTE)
    assert warm.resets == []
    warm.ask(Message.HEARTBEAT)
    passes(warm, 14 * MINUTE)
    assert warm.resets == []
    warm.show(Pattern.READY)
    since = warm.now
    passes(warm, MINUTE)
    assert [at - since for at in warm.resets] == [60_000], "the time counts anew from the end of the update"


def test_an_update_with_heartbeats_lasts_as_long_as_it_takes(warm: LogicPanel) -> None:
    warm.arm(60)
    warm.show(Pattern.UPDATE)
    warm.alive(4 * 3600)
    assert warm.resets == []


def test_an_update_of_which_nothing_is_heard_for_a_quarter_of_an_hour_is_over(warm: LogicPanel) -> None:
    warm.arm(60)
    warm.show(Pattern.UPDATE)
    since = warm.now
    for _ in range(8):
        passes(warm, 2 * MINUTE)
        warm.show(Pattern.UPDATE)
    assert [at - since for at in warm.resets] == [15 * MINUTE]


def test_an_update_that_was_given_up_and_speaks_again_is_under_way(warm: LogicPanel) -> None:
    warm.show(Pattern.UPDATE)
    passes(warm, 16 * MINUTE)
    warm.arm(60)
    warm.ask(Message.HEARTBEAT)
    passes(warm, 14 * MINUTE)
    assert warm.resets == []


def test_three_times_an_hour_at_most(warm: LogicPanel) -> None:
    for _ in range(5 * 60):
        warm.arm(10)
        passes(warm, MINUTE)
    assert len(warm.resets) == 15
    assert warm.resets[:3] == [10_000, 70_000, 130_000]
    for first, fourth in zip(warm.resets, warm.resets[3:], strict=False):
        assert fourth - first >= HOUR


def test_a_reset_that_must_wait_is_made_when_its_hour_comes_and_not_if_the_box_is_back(warm: LogicPanel) -> None:
    for _ in range(4):
        warm.arm(10)
        passes(warm, MINUTE)
    assert len(warm.resets) == 3
    assert warm.hello().armed
    warm.alive(3600)
    assert len(warm.resets) == 3
    passes(warm, MINUTE)
    assert len(warm.resets) == 4


def test_the_count_outlives_a_restart_of_the_panel(logic: Logic, warm: LogicPanel) -> None:
    for _ in range(3):
        warm.arm(10)
        passes(warm, MINUTE)
    again = LogicPanel(logic, warm.kept())
    assert (again.hello().allowed, again.hello().resets, again.hello().armed, again.hello().restarted) == (0, 3, False, True)
    again.arm(10)
    passes(again, 58 * MINUTE)
    assert len(again.resets) == 1
    assert warm.now + again.resets[0] - warm.resets[0] >= HOUR


@pytest.mark.parametrize(
    "kept", [None, (0, 0, 0), (1, 2, 3), (0xFFFFFFFF,) * 3, (0, 0, 0x5EA70001), (0x0E120000, 0, 0x5EA70000 ^ 0x0E120000)]
)
def test_after_a_power_cut_one_reset_becomes_possible_every_twenty_minutes(logic: Logic, kept: tuple[int, ...] | None) -> None:
    panel = LogicPanel(logic, kept)
    assert panel.hello().allowed == 0
    for _ in range(90):
        panel.arm(10)
        passes(panel, MINUTE)
    minutes = [at // MINUTE for at in panel.resets]
    assert minutes[:4] == [20, 40, 60, 80]


@pytest.mark.parametrize("seconds", [10, 3600])
def test_the_bounds_of_the_time_agreed(warm: LogicPanel, seconds: int) -> None:
    assert warm.arm(seconds).type == Message.ACK
    passes(warm, seconds * 1000 - 100)
    assert warm.resets == []
    passes(warm, 100)
    assert len(warm.resets) == 1
