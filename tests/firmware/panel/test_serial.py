"""The driver of the serial panel without its board: which lines are tried, what is written to a stranger, what lasts between tries."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from firmware.errors import CallInvalid
from firmware.panel.backoff import Backoff
from firmware.panel.errors import PanelLost, PanelNotOpened
from firmware.panel.frame import Frame, Reader, encode
from firmware.panel.line import Line, adapters
from firmware.panel.messages import Message, hello, led, press, watchdog
from firmware.panel.port import Pattern, Press, Status
from firmware.panel.rp2040 import SerialPanel
from firmware.panel.session import Pace
from tests.firmware.panel.serving import connected, served, until

QUICK = Pace(greeting=0.4, again=0.05, question=0.1, silence=0.5)
HELLO = bytes([1, 2, 3, 0, 0, 0, 0, 9, 0, 3, 0]) + b"SERIAL-1    "


class Plug(msgspec.Struct):
    device: str
    vid: int | None
    pid: int | None


class Far:
    """The other end of a pseudo-terminal, played by hand."""

    def __init__(self, path: Path) -> None:
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self.master, False)
        path.symlink_to(os.ttyname(self._slave))
        self.path = str(path)
        self._reader = Reader()
        self.heard: list[Frame] = []

    def say(self, message: Message, sequence: int, payload: bytes = b"", protocol: int = 1) -> None:
        os.write(self.master, encode(Frame(type=message, sequence=sequence, payload=payload, protocol=protocol)))

    def listen(self) -> list[Frame]:
        with contextlib.suppress(BlockingIOError):
            self.heard += self._reader.feed(os.read(self.master, 4096))
        return self.heard

    def count(self, message: Message) -> int:
        return sum(frame.type == message for frame in self.listen())

    async def until(self, message: Message, payload: bytes | None = None, *, after: int = 0) -> Frame:
        async with asyncio.timeout(5):
            while True:
                for frame in self.listen()[after:]:
                    if frame.type == message and payload in (None, frame.payload):
                        return frame
                await asyncio.sleep(0.01)

    async def greet(self) -> None:
        """As the board does, until the driver has opened the line and answers."""
        async with asyncio.timeout(5):
            while not any(frame.type == Message.ACK for frame in self.listen()):
                self.say(Message.HELLO, 128, HELLO)
                await asyncio.sleep(0.05)

    async def greet_until(self, panel: SerialPanel) -> None:
        """Until the driver is connected, again."""
        async with asyncio.timeout(5):
            while not panel.status.connected:
                self.say(Message.HELLO, 200, HELLO)
                await asyncio.sleep(0.05)

    def close(self) -> None:
        os.close(self.master)
        os.close(self._slave)


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    one = Far(tmp_path / "line")
    yield one
    with contextlib.suppress(OSError):
        one.close()


def quick(path: str) -> SerialPanel:
    return SerialPanel(path, pace=QUICK, backoff=Backoff(0.05, 0.1))


def test_only_adapters_that_panels_are_wired_to_are_tried() -> None:
    plugs = [
        Plug("/dev/ttyUSB1", 0x10C4, 0xEA60),
        Plug("/dev/ttyUSB0", 0x0403, 0x6001),
        Plug("/dev/ttyACM0", 0x0C2E, 0x0B61),
        Plug("/dev/ttyS0", None, None),
        Plug("/dev/ttyUSB2", 0x0403, None),
    ]
    assert adapters(plugs) == ["/dev/ttyUSB0", "/dev/ttyUSB1"]
    assert isinstance(adapters(), list)


async def test_nothing_is_written_to_a_line_on_which_no_panel_speaks(far: Far) -> None:
    panel = quick(far.path)
    panel.show(Pattern.FAULT)
    panel.arm(60)
    async with served(panel):
        for noise in (b"\x02scanned\r\n", bytes(40), encode(Frame(type=Message.BUTTON, sequence=200, payload=b"\x01"))):
            os.write(far.master, noise)
            panel.heartbeat()
            await asyncio.sleep(0.3)
        with pytest.raises(BlockingIOError):
            os.read(far.master, 1)
        assert not panel.status.connected
        assert panel.status.trouble == "panel-not-opened"


async def test_a_panel_of_another_protocol_is_left_alone(far: Far) -> None:
    panel = quick(far.path)
    async with served(panel):
        for sequence in range(128, 140):
            far.say(Message.HELLO, sequence, HELLO, protocol=9)
            await asyncio.sleep(0.05)
        assert far.listen() == []
        assert not panel.status.connected


def settled(panel: SerialPanel) -> bool:
    return panel.status.settled


async def test_it_is_settled_once_the_panel_has_taken_all_it_was_told(far: Far) -> None:
    panel = quick(far.path)
    assert settled(panel), "nothing was wanted yet"
    panel.arm(60)
    assert not settled(panel), "no panel to take it"
    async with served(panel):
        await far.greet()
        for payload in (watchdog(60), watchdog(None)):
            await far.until(Message.WATCHDOG, payload)
            assert not settled(panel)
            async with asyncio.timeout(5):
                while not settled(panel):
                    far.say(Message.ACK, far.listen()[-1].sequence)
                    await asyncio.sleep(0.02)
            panel.disarm()


async def test_what_is_wanted_is_said_until_it_is_acknowledged_and_not_after(far: Far) -> None:
    panel = quick(far.path)
    panel.show(Pattern.BUSY, pairing=True)
    panel.arm(60)
    async with served(panel):
        await far.greet()
        await until(lambda: far.count(Message.LED) > 2)
        assert {frame.payload for frame in far.listen() if frame.type == Message.LED} == {b"\x01\x01"}
        await far.until(Message.WATCHDOG, b"\x01\x00\x3c")
        assert all(frame.sequence < 128 for frame in far.listen() if frame.type != Message.ACK)
        async with asyncio.timeout(5):
            while not settled(panel):
                for frame in far.listen()[-3:]:
                    far.say(Message.ACK, frame.sequence)
                await asyncio.sleep(0.02)
        before = far.count(Message.LED), far.count(Message.WATCHDOG)
        await asyncio.sleep(0.3)
        assert (far.count(Message.LED), far.count(Message.WATCHDOG)) == before
        panel.show(Pattern.READY)
        await far.until(Message.LED, b"\x00\x00")


async def test_a_refusal_is_not_insisted_upon(far: Far) -> None:
    panel = quick(far.path)
    panel.disarm()
    async with served(panel):
        await far.greet()
        await far.until(Message.WATCHDOG, b"\x00\x00\x00")
        for _ in range(10):
            far.say(Message.NAK, far.listen()[-1].sequence, b"\x03")
            await asyncio.sleep(0.01)
        before = far.count(Message.WATCHDOG)
        await asyncio.sleep(0.3)
        assert far.count(Message.WATCHDOG) == before


async def test_a_panel_that_restarted_is_told_everything_again(far: Far) -> None:
    panel = quick(far.path)
    panel.show(Pattern.FAULT)
    async with served(panel):
        await far.greet()
        asked = await far.until(Message.LED)
        far.say(Message.ACK, asked.sequence)
        await asyncio.sleep(0.1)
        told = len(far.listen())
        far.say(Message.HELLO, 128, HELLO)
        await far.until(Message.LED, after=told)


async def test_a_press_told_twice_is_one_and_the_next_is_another(far: Far) -> None:
    panel = quick(far.path)
    presses = panel.presses()
    async with served(panel):
        await far.greet()
        for sequence, payload in ((129, b"\x01"), (129, b"\x01"), (130, b"\x02"), (131, b"\x09"), (129, b"\x01")):
            far.say(Message.BUTTON, sequence, payload)
        async with asyncio.timeout(5):
            assert [await anext(presses) for _ in range(3)] == [Press.SHORT, Press.HELD, Press.SHORT]
        acknowledged = [frame.sequence for frame in far.listen() if frame.type == Message.ACK]
        assert [one for one in acknowledged if one != 128] == [129, 129, 130, 131, 129], "each time, or the panel would go on"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await anext(presses)


async def test_a_press_nobody_listens_to_opens_nothing_later(far: Far) -> None:
    panel = quick(far.path)
    async with served(panel):
        await far.greet()
        far.say(Message.BUTTON, 129, b"\x01")
        await asyncio.sleep(0.2)
        presses = panel.presses()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await anext(presses)


async def test_a_silent_panel_is_lost_and_found_again(far: Far) -> None:
    panel = quick(far.path)
    async with served(panel):
        await far.greet()
        assert panel.status == msgspec.structs.replace(panel.status, connected=True, firmware="1.2.3", serial="SERIAL-1", trouble=None)
        await connected(panel, wanted=False)
        assert panel.status.trouble == "panel-lost"
        await far.greet_until(panel)


async def test_a_line_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    panel = quick(str(tmp_path / "line"))
    async with served(panel):
        await until(lambda: panel.status.trouble == "panel-not-opened")
        far = Far(tmp_path / "line")
        await far.greet_until(panel)
    far.close()


async def test_each_adapter_is_tried_in_turn(far: Far, tmp_path: Path) -> None:
    mute = Far(tmp_path / "mute")
    panel = SerialPanel(discover=lambda: [mute.path, str(tmp_path / "gone"), far.path], pace=QUICK, backoff=Backoff(0.05, 0.1))
    assert panel.status == Status(name=None, connected=False), "nothing shows the lamps until a panel was met"
    async with served(panel):
        await far.greet_until(panel)
        assert panel.status.name == "rp2040"
        assert mute.listen() == []
    mute.close()


@pytest.mark.parametrize("fault", [OSError, TypeError, ValueError])
async def test_a_system_that_cannot_list_its_lines_stops_nothing(fault: type[Exception]) -> None:
    looks = 0

    def broken() -> list[str]:
        nonlocal looks
        looks += 1
        raise fault

    panel = SerialPanel(discover=broken, backoff=Backoff(0.01, 0.02))
    async with served(panel):
        await until(lambda: looks > 3)
        assert not panel.status.connected


async def test_the_line_is_held_alone(far: Far) -> None:
    first = Line(far.path)
    with pytest.raises(PanelNotOpened):
        Line(far.path)
    first.close()
    Line(far.path).close()


async def test_a_line_that_takes_nothing_holds_nobody_up(far: Far) -> None:
    line = Line(far.path)
    for _ in range(20):
        line.write(bytes(4096))
    far.close()
    with pytest.raises(PanelLost):
        line.write(bytes(4096))
    line.close()


@pytest.mark.parametrize("seconds", [0, 9, 3601])
def test_a_time_no_watchdog_takes_is_refused(seconds: int) -> None:
    with pytest.raises(CallInvalid):
        SerialPanel("/nowhere").arm(seconds)


def test_waits_double_up_to_a_bound_and_begin_again() -> None:
    backoff = Backoff(0.5, 3)
    assert [backoff.wait() for _ in range(5)] == [0.5, 1, 2, 3, 3]
    backoff.begin_again()
    assert backoff.wait() == 0.5


def test_payloads() -> None:
    assert [led(pattern, pairing=False)[0] for pattern in Pattern] == [0, 1, 2, 3, 4]
    assert (watchdog(None), watchdog(3600)) == (b"\0\0\0", b"\x01\x0e\x10")
    assert (press(b""), press(b"\x07"), hello(HELLO[:-1])) == (None, None, None)
