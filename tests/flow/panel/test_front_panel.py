"""The panel kept true over a device process played by hand: what it is told and when, what the button does, when the heart beats."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from firmware import protocol
from firmware.client import Away, Happening
from firmware.errors import ProcessAway
from firmware.panel.errors import WatchdogMissing
from firmware.protocol import ArmWatchdog, Devices, Done, Heartbeat, ListDevices, Notice, NoticeType, PanelState, SetPattern
from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.condition import Condition, Standing
from gateway.flow.panel.pairing_window import PairingBody, PairingWindow
from gateway.flow.panel.panel import FrontPanel, Pace
from gateway.flow.panel.reset_requests import ResetRequests
from gateway.journal.memory import MemoryStore
from gateway.journal.store import NotAccepting
from gateway.kernel.clock import SystemClock
from tests.api.rig import configuration_of

_R = TypeVar("_R", bound=protocol.Response)
QUICK = Pace(beat=0.02, look=0.05, least=0.02, word=0.01, proof=0.2, farewell=1.0, again=0.05)


class Process:
    """The device process: what it was told, in order, and what it says."""

    def __init__(self) -> None:
        self.told: list[protocol.Request] = []
        self.happenings: asyncio.Queue[Happening] = asyncio.Queue()
        self.there = True
        self.name: str | None = "rp2040"
        self.state = PanelState(connected=True, watchdog=True)

    async def call(self, request: protocol.Request, kind: type[_R], *, seconds: float = 30.0) -> _R:
        await asyncio.sleep(0)
        if not self.there:
            raise ProcessAway("not connected")
        answer: protocol.Response = Done()
        if isinstance(request, ListDevices):
            answer = self.listed()
        else:
            self.told.append(request)
        if isinstance(request, ArmWatchdog) and request.seconds is not None and not self.state.watchdog:
            raise WatchdogMissing
        assert isinstance(answer, kind)
        return answer

    def listed(self) -> Devices:
        return Devices(panel=self.name, panel_state=self.state)

    @asynccontextmanager
    async def line(self) -> AsyncIterator[AsyncIterator[Happening]]:
        self.happenings.put_nowait(self.listed())

        async def heard() -> AsyncIterator[Happening]:
            while True:
                yield await self.happenings.get()

        yield heard()

    def press(self, kind: NoticeType, *, ago: float = 0.0) -> None:
        at = SystemClock().now().timestamp() - ago
        self.happenings.put_nowait(Notice(sequence=1, type=kind, at=at))

    def asked(self, *kinds: type) -> list[protocol.Request]:
        return [one for one in self.told if isinstance(one, kinds or (SetPattern, ArmWatchdog))]


class Scene:
    """A panel over that process, with the state of the box in hand."""

    def __init__(self, home: Path, *, watchdog: int | None = None, expected: bool = False) -> None:
        self.process, self.store, self.clock = Process(), MemoryStore(), SystemClock()
        self.books = Bookkeeper(self.store, self.clock)
        self.window = PairingWindow(configuration_of(), self.store, self.books, self.clock)
        self.requests = ResetRequests(home, self.store, self.books)
        self.condition, self.moves = Condition.READY, True
        self.hangs = self.broken = False
        self.panel = FrontPanel(
            self.process.call,
            self._look,
            self._proof,
            self.window,
            self.requests,
            self.books,
            self.clock,
            watchdog_seconds=watchdog,
            expected=expected,
            pace=QUICK,
        )

    async def _look(self) -> Standing:
        if self.broken:
            raise ZeroDivisionError
        if not self.store.accepting:
            raise NotAccepting
        return Standing(condition=self.condition, backlogs=())

    async def _proof(self) -> bool:
        if self.hangs:
            await asyncio.Event().wait()
        await self.store.last_event()
        return self.moves

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.panel.run(self.process.line))
        try:
            yield
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled(), "it stops when told to, and for nothing else"

    def turn(self, condition: Condition) -> None:
        self.condition = condition
        self.books.announce()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():  # noqa: ASYNC110 - a process played by hand rings no bell
                await asyncio.sleep(0.005)

    async def shown(self, pattern: str, *, pairing: bool = False) -> None:
        wanted = [SetPattern(pattern=pattern, pairing=pairing)]  # type: ignore[arg-type]
        await self.until(lambda: self.process.asked(SetPattern)[-1:] == wanted)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


async def test_the_lamps_follow_the_box_and_are_told_only_what_changed(scene: Scene) -> None:
    async with scene.running():
        for condition in Condition:
            scene.turn(condition)
            await scene.shown(condition.value)
        await asyncio.sleep(0.3)
    patterns = [one.pattern for one in scene.process.asked(SetPattern) if isinstance(one, SetPattern)]
    assert [one for one, after in zip(patterns, [*patterns[1:], ""], strict=True) if one != after] == [one.value for one in Condition]
    assert len(patterns) <= len(Condition) + 1, "told again only for the list of devices at the beginning"


async def test_a_process_that_came_back_is_told_everything_again(scene: Scene) -> None:
    async with scene.running():
        await scene.shown("ready")
        scene.process.there = False
        scene.process.happenings.put_nowait(Away())
        scene.turn(Condition.FAULT)
        await scene.until(lambda: scene.panel.view().fitted is False)
        scene.process.told.clear()
        scene.process.there = True
        scene.process.happenings.put_nowait(scene.process.listed())
        again = [SetPattern(pattern="fault"), ArmWatchdog(seconds=None)]  # maybe after the word of before, which was looked at already
        await scene.until(lambda: all(one in scene.process.asked() for one in again))
        assert scene.process.asked(SetPattern)[-1] == again[0]


async def test_a_journal_that_cannot_be_read_is_a_fault_without_a_heartbeat(scene: Scene) -> None:
    async with scene.running():
        await scene.shown("ready")
        scene.store.accepting = False
        await scene.shown("fault")
        await asyncio.sleep(0.1)
        beats = len(scene.process.asked(Heartbeat))
        await asyncio.sleep(0.2)
        assert len(scene.process.asked(Heartbeat)) == beats


async def test_the_heart_beats_only_while_the_queue_moves(scene: Scene) -> None:
    async with scene.running():
        await scene.until(lambda: len(scene.process.asked(Heartbeat)) > 3)
        scene.moves = False
        await asyncio.sleep(0.1)
        beats = len(scene.process.asked(Heartbeat))
        await asyncio.sleep(0.2)
        assert len(scene.process.asked(Heartbeat)) == beats
        scene.moves = True
        await scene.until(lambda: len(scene.process.asked(Heartbeat)) > beats)


async def test_a_journal_that_never_answers_stops_the_heart(scene: Scene) -> None:
    async with scene.running():
        await scene.until(lambda: len(scene.process.asked(Heartbeat)) > 3)
        scene.hangs = True
        await asyncio.sleep(0.1)
        beats = len(scene.process.asked(Heartbeat))
        await asyncio.sleep(0.5)
        assert len(scene.process.asked(Heartbeat)) == beats


async def test_without_the_setting_the_watchdog_is_only_ever_disarmed(scene: Scene) -> None:
    async with scene.running():
        await scene.until(lambda: len(scene.process.asked(Heartbeat)) > 5)
    assert {one.seconds for one in scene.process.asked(ArmWatchdog) if isinstance(one, ArmWatchdog)} == {None}
    assert scene.panel.view().watchdog_armed is False


async def test_it_is_armed_after_a_proof_off_during_an_update_and_off_at_the_end(tmp_path: Path) -> None:
    scene = Scene(tmp_path, watchdog=60)
    scene.moves = False
    async with scene.running():
        await scene.shown("ready")
        await asyncio.sleep(0.1)
        assert ArmWatchdog(seconds=60) not in scene.process.told, "nothing has proven yet that the queue moves"
        scene.moves = True
        await scene.until(lambda: scene.process.asked(ArmWatchdog)[-1] == ArmWatchdog(seconds=60))
        assert scene.panel.view().watchdog_armed
        scene.process.told.clear()
        scene.turn(Condition.UPDATE)
        await scene.shown("update")
        assert scene.process.asked() == [ArmWatchdog(seconds=None), SetPattern(pattern="update")]
        scene.turn(Condition.READY)
        await scene.until(lambda: len(scene.process.asked()) == 4)
        assert scene.process.asked()[2:] == [SetPattern(pattern="ready"), ArmWatchdog(seconds=60)]
    assert scene.process.asked()[-1] == ArmWatchdog(seconds=None), "stopped on purpose"


async def test_a_stop_waits_for_the_word_of_the_panel(tmp_path: Path) -> None:
    scene = Scene(tmp_path, watchdog=60)
    async with scene.running():
        await scene.until(lambda: ArmWatchdog(seconds=60) in scene.process.told)
        scene.process.state = PanelState(connected=True, watchdog=True, settled=False)
        taken = asyncio.get_running_loop().time() + 0.4
        asyncio.get_running_loop().call_at(taken, setattr, scene.process, "state", PanelState(connected=True, watchdog=True))
    assert taken <= asyncio.get_running_loop().time() < taken + 0.5


async def test_a_process_that_is_away_does_not_keep_the_box_from_stopping(tmp_path: Path) -> None:
    scene = Scene(tmp_path, watchdog=60)
    async with scene.running():
        await scene.until(lambda: ArmWatchdog(seconds=60) in scene.process.told)
        scene.process.there = False


async def test_lamps_that_cannot_reset_the_box_say_so(tmp_path: Path) -> None:
    scene = Scene(tmp_path, watchdog=60)
    scene.process.name, scene.process.state = "kernel", PanelState(connected=True)
    async with scene.running():
        await scene.until(lambda: scene.panel.view().trouble is not None)
        await asyncio.sleep(0.2)
        view = scene.panel.view()
        assert (view.connected, view.watchdog_armed) == (True, False)
        assert view.trouble is not None
        assert view.trouble.code == "panel-cannot-reset"
        assert len(scene.process.asked(ArmWatchdog)) <= 3, "not insisted upon"


@pytest.mark.parametrize("expected", [False, True])
async def test_a_box_without_a_panel_works_and_says_so_when_one_was_due(tmp_path: Path, *, expected: bool) -> None:
    scene = Scene(tmp_path, watchdog=60, expected=expected)
    scene.process.name, scene.process.state = None, PanelState()
    async with scene.running():
        await scene.until(lambda: len(scene.process.asked(Heartbeat)) > 3)
        view = scene.panel.view()
        assert (view.fitted, view.connected) == (False, False)
        assert (view.trouble.code if view.trouble else None) == ("panel-silent" if expected else None)
    assert ArmWatchdog(seconds=60) not in scene.process.told


async def test_a_panel_plugged_in_later_is_armed(tmp_path: Path) -> None:
    scene = Scene(tmp_path, watchdog=60)
    scene.process.name, scene.process.state = None, PanelState()
    async with scene.running():
        await scene.until(lambda: len(scene.process.asked(Heartbeat)) > 3)
        scene.process.name, scene.process.state = "rp2040", PanelState(connected=True, watchdog=True)
        await scene.until(lambda: ArmWatchdog(seconds=60) in scene.process.told)


async def test_a_short_press_opens_the_window_and_the_lamps_show_it(scene: Scene) -> None:
    async with scene.running():
        await scene.shown("ready")
        scene.process.press(NoticeType.BUTTON_SHORT)
        await scene.shown("ready", pairing=True)
        assert scene.window.is_open
        await scene.window.pair(PairingBody(name="Cabinet 1"))
        await scene.shown("ready", pairing=False)


async def test_a_press_that_was_held_up_on_its_way_opens_nothing(scene: Scene) -> None:
    async with scene.running():
        scene.process.press(NoticeType.BUTTON_SHORT, ago=60)
        await asyncio.sleep(0.2)
        assert not scene.window.is_open


async def test_a_press_the_journal_cannot_take_opens_nothing_and_the_next_one_does(scene: Scene) -> None:
    async with scene.running():
        scene.store.accepting = False
        scene.process.press(NoticeType.BUTTON_SHORT)
        await asyncio.sleep(0.2)
        assert not scene.window.is_open
        scene.store.accepting = True
        scene.process.press(NoticeType.BUTTON_SHORT)
        await scene.until(lambda: scene.window.is_open)


async def test_a_held_button_is_kept_even_if_the_journal_is_full_for_a_moment(scene: Scene) -> None:
    async with scene.running():
        scene.store.accepting = False
        scene.process.press(NoticeType.BUTTON_HELD)
        await scene.until(lambda: scene.requests.view() is not None)
        scene.store.accepting = True
        async with asyncio.timeout(10):
            while [one.act for one in await scene.store.audit_after(0, 9)] != ["reset.requested"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert not scene.window.is_open


async def test_a_defect_in_the_state_stops_neither_button_nor_heart(scene: Scene) -> None:
    scene.broken = True
    async with scene.running():
        scene.process.press(NoticeType.BUTTON_SHORT)
        await scene.until(lambda: scene.window.is_open)
        await scene.until(lambda: len(scene.process.asked(Heartbeat)) > 3)
