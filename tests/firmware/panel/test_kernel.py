"""The panel of boxes with lamps and a key of their own: the LED class and evdev, in folders and pipes that behave as the kernel's."""

from __future__ import annotations

import asyncio
import os
import struct
from pathlib import Path

import pytest

from firmware.panel.absent import NoPanel
from firmware.panel.backoff import Backoff
from firmware.panel.choice import PanelRules, open_panel
from firmware.panel.errors import PanelNotOpened, WatchdogMissing
from firmware.panel.kernel import KernelPanel
from firmware.panel.key import Presser, press_of
from firmware.panel.lamps import NONE, Lamp, pattern_lamps
from firmware.panel.leds import LedNames, Leds, shown_on
from firmware.panel.port import Panel, Pattern, Press, Status
from firmware.panel.rp2040 import SerialPanel
from tests.firmware.panel.serving import connected, served, until

GREEN, BLUE, AMBER, RED = Lamp.GREEN, Lamp.BLUE, Lamp.AMBER, Lamp.RED
FOUR = LedNames(green="box:green", blue="box:blue", amber="box:amber", red="box:red")
NAMES = {GREEN: "box:green", BLUE: "box:blue", AMBER: "box:amber", RED: "box:red"}
EV_KEY, EV_SYN = 1, 0
KEY_RESTART, KEY_POWER = 0x198, 116


class Hour:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def leds(folder: Path, *names: str, full: int = 255) -> Path:
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "max_brightness").write_text(f"{full}\n")
        (folder / name / "brightness").write_text("0\n")
        (folder / name / "trigger").write_text("none [mmc0] timer\n")
    return folder


def lit(folder: Path) -> set[str]:
    return {place.name for place in folder.iterdir() if (place / "brightness").read_text().strip() != "0"}


def event(at: float, value: int, code: int = KEY_RESTART, kind: int = EV_KEY) -> bytes:
    seconds, micros = divmod(round(at * 1_000_000), 1_000_000)
    return struct.pack("@llHHi", seconds, micros, kind, code, value) + struct.pack("@llHHi", seconds, micros, EV_SYN, 0, 0)


def presses_of(*events: bytes, code: int | None = None) -> list[Press]:
    return Presser(code).feed(b"".join(events))


def quick() -> Backoff:
    return Backoff(0.02, 0.05)


def test_lamps_are_lit_at_their_full_and_taken_from_what_drove_them(tmp_path: Path) -> None:
    folder = leds(tmp_path, "box:green", "box:blue", "box:amber", "box:red", full=31)
    lamps = Leds(FOUR, folder)
    assert (folder / "box:green/trigger").read_text() == "none"
    lamps.show(GREEN | RED)
    assert lit(folder) == {"box:green", "box:red"}
    assert (folder / "box:red/brightness").read_text() == "31"
    lamps.show(AMBER)
    assert lit(folder) == {"box:amber"}
    lamps.show(NONE)
    assert lit(folder) == set()


def test_only_what_changes_is_written(tmp_path: Path) -> None:
    folder = leds(tmp_path, "box:green", "box:blue", "box:amber", "box:red")
    lamps = Leds(FOUR, folder)
    lamps.show(GREEN)
    (folder / "box:green/brightness").unlink()
    lamps.show(GREEN | BLUE)
    assert not (folder / "box:green/brightness").exists()


def test_a_name_that_is_no_led_is_told(tmp_path: Path) -> None:
    with pytest.raises(PanelNotOpened):
        Leds(LedNames(green="absent"), tmp_path)


def test_a_missing_lamp_still_blinks_on_another() -> None:
    green_and_red = frozenset({GREEN, RED})
    assert shown_on(AMBER, green_and_red) == RED
    assert shown_on(GREEN | AMBER, frozenset({GREEN})) == NONE
    assert shown_on(GREEN, frozenset({GREEN})) == GREEN
    assert shown_on(GREEN | BLUE, green_and_red) == GREEN
    assert shown_on(GREEN, frozenset()) == NONE


@pytest.mark.parametrize("there", [{GREEN}, {GREEN, RED}, {GREEN, AMBER}, {BLUE, RED}])
def test_what_asks_for_somebody_never_looks_like_ready(there: set[Lamp]) -> None:
    def looks(pattern: Pattern) -> list[Lamp]:
        return [shown_on(pattern_lamps(pattern, at), frozenset(there)) for at in range(0, 2000, 50)]

    for pattern in (Pattern.ATTENTION, Pattern.FAULT, Pattern.UPDATE):
        assert looks(pattern) != looks(Pattern.READY)


def test_presses_are_judged_by_the_times_of_the_kernel() -> None:
    assert presses_of(event(1, 1), event(1.2, 0)) == [Press.SHORT]
    assert presses_of(event(1, 1), event(1.5, 2), event(12, 2), event(12.1, 0)) == [Press.HELD]
    assert presses_of(event(1, 1), event(6, 0)) == []
    assert presses_of(event(1, 1), event(22, 0)) == []
    assert presses_of(event(1, 0), event(2, 1), event(2.1, 0)) == [Press.SHORT]
    assert presses_of(event(5, 1), event(1, 0)) == []


def test_only_the_key_named_is_the_button() -> None:
    events = (event(1, 1, KEY_POWER), event(1.1, 0, KEY_POWER), event(2, 1, KEY_RESTART), event(2.1, 0, KEY_RESTART))
    assert presses_of(*events, code=KEY_RESTART) == [Press.SHORT]
    assert presses_of(*events) == [Press.SHORT, Press.SHORT]


def test_a_press_of_which_the_kernel_lost_events_is_forgotten() -> None:
    dropped = struct.pack("@llHHi", 2, 0, EV_SYN, 3, 0)
    assert presses_of(event(1, 1), dropped, event(12, 0)) == []


def test_events_may_come_in_pieces() -> None:
    presser = Presser(None)
    content = event(1, 1) + event(1.2, 0)
    assert [press for at in range(len(content)) for press in presser.feed(content[at : at + 1])] == [Press.SHORT]


def test_the_bounds_of_a_press() -> None:
    assert [press_of(ms) for ms in (0, 1999, 2000, 9999, 10_000, 19_999, 20_000)] == [
        Press.SHORT, Press.SHORT, None, None, Press.HELD, Press.HELD, None,
    ]  # fmt: skip


async def test_the_lamps_follow_what_is_asked(tmp_path: Path) -> None:
    folder, hour = leds(tmp_path / "leds", "box:green", "box:blue", "box:amber", "box:red"), Hour()
    panel = KernelPanel(FOUR, folder=folder, clock=hour, backoff=quick)
    async with served(panel):
        await connected(panel)
        assert panel.status == Status(name="kernel", connected=True)
        for pattern in Pattern:
            for step in range(8):
                hour.now = 200 + step * 0.25
                panel.show(pattern)
                expected = {NAMES[lamp] for lamp in pattern_lamps(pattern, step * 250)}
                await until(lambda expected=expected: lit(folder) == expected)  # type: ignore[misc]
        panel.show(Pattern.READY)
        await until(lambda: lit(folder) == {"box:green"})
    assert lit(folder) == set(), "nobody is left to keep them true"


def test_what_is_shown_over_the_pattern(tmp_path: Path) -> None:
    hour = Hour()
    panel = KernelPanel(FOUR, folder=tmp_path, clock=hour)
    assert panel.lamps() == GREEN, "starting"
    panel.show(Pattern.READY, pairing=True)
    assert panel.lamps() == GREEN | BLUE
    hour.now += 0.125
    assert panel.lamps() == GREEN
    hour.now = 112.0
    assert panel.lamps() == AMBER, "no heartbeat for ten seconds"
    panel.heartbeat()
    assert panel.lamps() == GREEN | BLUE
    panel.show(Pattern.UPDATE)
    hour.now = 152.0
    assert panel.lamps() == GREEN, "an update is silent"


async def test_the_key_is_heard_and_the_hold_is_confirmed(tmp_path: Path) -> None:
    folder = leds(tmp_path / "leds", "box:green")
    os.mkfifo(tmp_path / "key")
    keyboard = os.open(tmp_path / "key", os.O_RDWR)
    panel = KernelPanel(LedNames(green="box:green"), str(tmp_path / "key"), folder=folder, backoff=quick)
    presses = panel.presses()
    async with served(panel):
        await connected(panel)
        os.write(keyboard, event(1, 1) + event(1.3, 0))
        async with asyncio.timeout(5):
            assert await anext(presses) is Press.SHORT
            os.write(keyboard, event(2, 1))
            os.write(keyboard, event(13, 0))
            assert await anext(presses) is Press.HELD
        assert panel.lamps() in (Lamp(15), NONE)
    os.close(keyboard)


async def test_what_goes_away_is_found_again(tmp_path: Path) -> None:
    folder = leds(tmp_path / "leds", "box:green")
    os.mkfifo(tmp_path / "key")
    keyboard = os.open(tmp_path / "key", os.O_RDWR)
    panel = KernelPanel(LedNames(green="box:green"), str(tmp_path / "key"), folder=folder, backoff=quick)
    async with served(panel):
        await connected(panel)
        (tmp_path / "key").unlink()
        os.close(keyboard)
        await connected(panel, wanted=False)
        assert panel.status.trouble in ("panel-lost", "panel-not-opened")
        os.mkfifo(tmp_path / "key")
        keyboard = os.open(tmp_path / "key", os.O_RDWR)
        await connected(panel)
        (tmp_path / "leds").rename(tmp_path / "elsewhere")
        panel.show(Pattern.FAULT)
        await connected(panel, wanted=False)
        (tmp_path / "elsewhere").rename(tmp_path / "leds")
        await connected(panel)
    os.close(keyboard)


@pytest.mark.parametrize("what", ["folder", "file"])
async def test_a_key_that_is_none_leaves_the_lamps_lit_and_no_descriptor_behind(tmp_path: Path, what: str) -> None:
    """Such as /dev/input instead of one of its devices."""
    folder = leds(tmp_path / "leds", "box:green")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    panel = KernelPanel(LedNames(green="box:green"), str(tmp_path / what), folder=folder, backoff=quick)
    panel.show(Pattern.READY)
    async with served(panel):
        await until(lambda: lit(folder) == {"box:green"})
        await until(lambda: panel.status.trouble == "panel-not-opened")
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names alone
        await asyncio.sleep(0.5)
        assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208 - as above
        assert lit(folder) == {"box:green"}


@pytest.mark.parametrize("panel", [NoPanel(), KernelPanel(FOUR)])
def test_without_a_board_there_is_no_watchdog_to_arm(panel: Panel) -> None:
    assert not panel.status.watchdog
    with pytest.raises(WatchdogMissing):
        panel.arm(60)
    panel.disarm()


async def test_without_a_panel_everything_works_and_it_is_said() -> None:
    panel = NoPanel()
    assert panel.status == Status(name=None, connected=False)
    panel.show(Pattern.FAULT, pairing=True)
    panel.heartbeat()
    presses = panel.presses()
    async with served(panel):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(presses)


def test_the_settings_choose() -> None:
    assert open_panel(PanelRules()).status == Status(name=None, connected=False)
    assert isinstance(open_panel(PanelRules()), SerialPanel)
    assert open_panel(PanelRules(kind="line", line="/dev/ttyAMA0")).status.name == "rp2040"
    assert isinstance(open_panel(PanelRules(kind="kernel", leds=FOUR)), KernelPanel)
    assert isinstance(open_panel(PanelRules(kind="none")), NoPanel)
