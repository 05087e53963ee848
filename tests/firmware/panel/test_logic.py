"""The panel without its registers: what the lamps show, what a press asks for, what goes over the line."""

from __future__ import annotations

import typing
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.panel import lamps as python_lamps
from firmware.panel.key import press_of
from firmware.panel.lamps import ALL, NONE, Lamp
from firmware.panel.messages import Message, Refusal, press
from firmware.panel.port import Pattern, Press
from firmware.protocol import SetPattern
from tests.firmware.panel.logic import Logic, LogicPanel

CYCLE = range(0, 2000, 10)
GREEN, BLUE, AMBER, RED = Lamp.GREEN, Lamp.BLUE, Lamp.AMBER, Lamp.RED


def spoken(panel: LogicPanel, pattern: Pattern = Pattern.READY) -> None:
    """Past the lamp test, with a box that speaks."""
    panel.run(1500)
    panel.show(pattern)


def pressed(panel: LogicPanel, milliseconds: int) -> list[Press]:
    before = len(panel.of(Message.BUTTON))
    panel.run(milliseconds, down=True)
    panel.run(100)
    told = [press(frame.payload) for frame in panel.of(Message.BUTTON)[before:]]
    return [one for one in told if one is not None]


def test_patterns_are_those_of_the_protocol() -> None:
    assert {pattern.value for pattern in Pattern} == set(typing.get_args(typing.get_type_hints(SetPattern)["pattern"]))


@pytest.mark.parametrize("pattern", Pattern)
def test_both_programs_show_the_same_patterns(logic: Logic, pattern: Pattern) -> None:
    assert [logic.scene(pattern.value, at) for at in CYCLE] == [python_lamps.pattern_lamps(pattern, at) for at in CYCLE]


def test_both_programs_show_the_same_of_themselves(logic: Logic) -> None:
    assert [logic.scene("starting", at) for at in CYCLE] == [python_lamps.starting_lamps(at) for at in CYCLE]
    assert [logic.scene("lost", at) for at in CYCLE] == [python_lamps.lost_lamps(at) for at in CYCLE]
    assert [logic.scene("pairing", at) for at in CYCLE] == [python_lamps.with_pairing(NONE, at) for at in CYCLE]
    assert [logic.scene("confirmed", at) for at in CYCLE] == [python_lamps.hold_lamps(10_000, at) for at in CYCLE]
    for down in range(2000, 10_000, 100):
        assert logic.hold(down) == python_lamps.hold_lamps(down, 0)


def test_no_two_scenes_look_alike(logic: Logic) -> None:
    names = [*Pattern, "starting", "lost", "pairing", "confirmed", "unheard"]
    assert len({tuple(logic.scene(name, at) for at in CYCLE) for name in names}) == len(names)


@pytest.mark.parametrize("pattern", Pattern)
def test_the_panel_shows_what_is_asked(panel: LogicPanel, logic: Logic, pattern: Pattern) -> None:
    spoken(panel, pattern)
    while panel.now % 2000:
        panel.run(10)
    assert panel.run(2000) == [logic.scene(pattern.value, at % 2000) for at in range(10, 2010, 10)]


def test_the_pairing_window_has_the_blue_lamp_for_itself(panel: LogicPanel) -> None:
    spoken(panel)
    panel.show(Pattern.BUSY, pairing=True)
    shown = panel.run(2000)
    assert {lamp & ~BLUE for lamp in shown} == {GREEN}
    assert sum(BLUE in now and BLUE not in before for before, now in pairwise(shown)) in (7, 8)
    panel.show(Pattern.READY)
    assert set(panel.run(2000)) == {GREEN}


def test_every_lamp_is_lit_at_power_up_then_the_box_is_waited_for(panel: LogicPanel) -> None:
    assert set(panel.run(990)) == {ALL}
    assert set(panel.run(4000)) == {GREEN, NONE}
    panel.run(300_000, step=100)
    assert set(panel.run(2000)) == {AMBER, NONE}


def test_the_lamps_are_not_tried_again_when_the_panel_alone_restarts(logic: Logic) -> None:
    flashed, restarted = LogicPanel(logic, (0, 0, 0)), LogicPanel(logic, (0, 0, 0x5EA70000))
    assert (set(flashed.run(500)), flashed.hello().restarted) == ({ALL}, False)
    assert (set(restarted.run(500)), restarted.hello().restarted) == ({GREEN}, True)


def test_a_box_that_has_gone_silent_is_shown_and_comes_back(panel: LogicPanel) -> None:
    spoken(panel)
    assert set(panel.run(9900)) == {GREEN}
    panel.run(200)
    assert set(panel.run(2000)) == {AMBER, NONE}
    panel.ask(Message.HEARTBEAT)
    assert set(panel.run(2000)) == {GREEN}


def test_the_same_lamps_asked_again_are_no_sign_of_life(panel: LogicPanel) -> None:
    spoken(panel)
    for _ in range(6):
        panel.run(2000)
        panel.show(Pattern.READY)
    assert set(panel.run(2000)) == {AMBER, NONE}
    panel.show(Pattern.BUSY)
    assert set(panel.run(2000)) == {GREEN, GREEN | BLUE}


def test_an_update_goes_on_being_shown_in_silence(panel: LogicPanel) -> None:
    spoken(panel, Pattern.UPDATE)
    panel.run(600_000, step=100)
    assert set(panel.run(1000)) == {GREEN, BLUE, AMBER, RED}
    panel.run(300_000, step=100)
    assert set(panel.run(2000)) == {AMBER, NONE}


@pytest.mark.parametrize(
    ("milliseconds", "told"),
    [
        (20, []),
        (50, [Press.SHORT]),
        (1900, [Press.SHORT]),
        (2100, []),
        (9900, []),
        (10_100, [Press.HELD]),
        (19_900, [Press.HELD]),
        (20_100, []),
    ],
)
def test_a_press_is_told_by_how_long_it_lasted(panel: LogicPanel, milliseconds: int, told: list[Press]) -> None:
    spoken(panel)
    assert pressed(panel, milliseconds) == told


@given(st.integers(0, 30_000).map(lambda tens: tens - tens % 10))
def test_board_and_key_of_the_kernel_judge_alike(logic: Logic, milliseconds: int) -> None:
    panel = LogicPanel(logic)
    told = pressed(panel, milliseconds) if milliseconds > 50 else []
    expected = press_of(milliseconds) if milliseconds > 50 else None
    panel.close()
    assert told == ([] if expected is None else [expected])


def test_a_stuck_button_asks_for_nothing(panel: LogicPanel) -> None:
    spoken(panel)
    panel.run(3_600_000, down=True, step=100)
    assert panel.of(Message.BUTTON) == []
    assert pressed(panel, 100) == [], "it has never been let go"
    panel.run(100)
    assert pressed(panel, 100) == [Press.SHORT]


def test_bounces_make_one_press(panel: LogicPanel) -> None:
    spoken(panel)
    for down in (True, False, True, False, True):
        panel.run(10, down=down)
    panel.run(300, down=True)
    for down in (False, True, False, True):
        panel.run(20, down=down)
    panel.run(200)
    assert [press(frame.payload) for frame in panel.of(Message.BUTTON)] == [Press.SHORT]


def test_the_lamps_count_the_hold_and_confirm_it(panel: LogicPanel) -> None:
    spoken(panel)
    panel.run(2000, down=True)
    assert [panel.run(2000, down=True)[-1] for _ in range(3)] == [GREEN, GREEN | BLUE, GREEN | BLUE | AMBER]
    panel.run(2100, down=True)
    panel.ask(Message.HEARTBEAT)
    assert set(panel.run(1000, down=True)) == {ALL, NONE}
    panel.run(40)
    panel.acknowledge(panel.of(Message.BUTTON)[-1])
    assert set(panel.run(1500)) == {ALL, NONE}
    panel.run(600)
    assert set(panel.run(1000)) == {GREEN}


def test_a_hold_that_is_given_up_after_twenty_seconds_shows_it(panel: LogicPanel) -> None:
    spoken(panel)
    for _ in range(11):
        panel.run(2000, down=True)
        panel.ask(Message.HEARTBEAT)
    assert set(panel.run(1000, down=True)) == {GREEN}


def test_a_press_is_told_again_until_it_is_acknowledged(panel: LogicPanel) -> None:
    spoken(panel)
    panel.run(100, down=True)
    panel.run(1000)
    told = panel.of(Message.BUTTON)
    assert len(told) == 3
    assert len({frame.sequence for frame in told}) == 1
    panel.acknowledge(told[0])
    panel.run(5000)
    assert panel.of(Message.BUTTON) == told


def test_a_press_nobody_takes_is_forgotten_and_the_lamps_say_so(panel: LogicPanel) -> None:
    spoken(panel)
    panel.run(100, down=True)
    panel.run(5100)
    told = len(panel.of(Message.BUTTON))
    assert set(panel.run(1000)) == {RED, NONE}
    panel.run(60_000)
    assert len(panel.of(Message.BUTTON)) == told


def test_no_answer_to_the_box_passes_for_one_to_a_press(panel: LogicPanel) -> None:
    spoken(panel)
    for _ in range(200):
        panel.run(100, down=True)
        panel.run(100)
        panel.acknowledge(panel.of(Message.BUTTON)[-1])
    told = {frame.sequence for frame in [*panel.of(Message.BUTTON), *panel.of(Message.HELLO)]}
    assert min(told) >= 128, "the numbers of the box are below"


def test_the_panel_presents_itself_until_it_is_greeted_and_again_after_a_silence(panel: LogicPanel) -> None:
    panel.run(5000)
    hellos = panel.of(Message.HELLO)
    assert len(hellos) == 5
    panel.acknowledge(hellos[-1])
    panel.run(2900)
    assert panel.of(Message.HELLO) == hellos
    panel.run(1000)
    assert len(panel.of(Message.HELLO)) == 6


def test_it_says_what_it_is(panel: LogicPanel) -> None:
    panel.run(65_000, step=100)
    said = panel.hello()
    assert (said.firmware, said.serial, said.up, said.restarted, said.armed, said.resets) == ("1.0.0", "SERIAL-1", 65, False, False, 0)
    panel.arm(60)
    assert panel.hello().armed


@pytest.mark.parametrize(
    ("message", "payload", "refusal"),
    [
        (Message.LED, b"\x00", Refusal.LENGTH),
        (Message.LED, b"\x05\x00", Refusal.VALUE),
        (Message.LED, b"\x00\x02", Refusal.VALUE),
        (Message.HEARTBEAT, b"\x00", Refusal.LENGTH),
        (Message.WATCHDOG, b"\x01\x00", Refusal.LENGTH),
        (Message.WATCHDOG, b"\x01\x00\x09", Refusal.VALUE),
        (Message.WATCHDOG, b"\x01\x0e\x11", Refusal.VALUE),
        (Message.WATCHDOG, b"\x00\x00\x01", Refusal.VALUE),
        (Message.WATCHDOG, b"\x02\x00\x3c", Refusal.VALUE),
        (Message.HELLO, b"\x00", Refusal.LENGTH),
        (Message.BUTTON, b"\x01", Refusal.TYPE),
        (200, b"", Refusal.TYPE),
    ],
)
def test_what_it_cannot_do_it_refuses_with_the_reason(panel: LogicPanel, message: int, payload: bytes, refusal: Refusal) -> None:
    answer = panel.ask(message, payload)
    assert (answer.type, answer.payload) == (Message.NAK, bytes([refusal]))
    assert not panel.hello().armed


def test_another_version_of_the_protocol_is_refused_as_such(panel: LogicPanel) -> None:
    answer = panel.ask(Message.HEARTBEAT, protocol=2)
    assert (answer.type, answer.payload) == (Message.NAK, bytes([Refusal.PROTOCOL]))


def test_a_line_nobody_reads_stops_nothing(logic: Logic) -> None:
    panel = LogicPanel(logic)
    flood = b"".join(bytes([2, 1]) + b"\0" for _ in range(500))
    panel.receive(flood)
    for _ in range(300):
        panel.ask(Message.HEARTBEAT)
    panel.run(1000)
    assert panel.hello().up == 1
    panel.close()
