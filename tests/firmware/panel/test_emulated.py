"""The real image on an emulated RP2040, the Python driver at the other end of the wire: lamps and button through the pins of the chip."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from firmware.panel.backoff import Backoff
from firmware.panel.frame import Frame, Reader, encode
from firmware.panel.lamps import ALL, NONE, Lamp, pattern_lamps
from firmware.panel.messages import Hello, Message, hello, led, watchdog
from firmware.panel.port import Pattern, Press
from firmware.panel.rp2040 import SerialPanel
from tests.firmware.panel.serving import served, until
from tests.firmware.panel.wire import Board, Noise, Wire

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("panel")]
GREEN, BLUE, AMBER, RED = Lamp.GREEN, Lamp.BLUE, Lamp.AMBER, Lamp.RED
MINUTE = 60_000
FREE = (0, 0, 0x5EA70000)
"""What a panel keeps over a restart that has reset nothing for an hour."""
CHECKSUM_AT = 32 + 252
"""Of the boot block, in the first UF2 block."""


@pytest.fixture
def board(uf2: Path) -> Iterator[Board]:
    one = Board(uf2)
    yield one
    one.close()


@pytest.fixture
def wire(board: Board, tmp_path: Path) -> Iterator[Wire]:
    one = Wire(board, tmp_path / "panel")
    yield one
    one.close()


@pytest.fixture
async def driver(wire: Wire) -> AsyncIterator[SerialPanel]:
    """Running, but perhaps not connected yet."""
    panel = SerialPanel(str(wire.path), backoff=Backoff(0.1, 0.5))
    async with served(panel):
        yield panel


async def asked(board: Board, milliseconds: int, every: int = 10) -> list[Lamp]:
    return await asyncio.to_thread(board.sample, milliseconds, every)


async def reached(board: Board, lamps: set[Lamp], seconds: float = 20) -> None:
    """Until two seconds of the board show these and no others."""
    async with asyncio.timeout(seconds):
        while set(await asked(board, 2000)) != lamps:  # noqa: ASYNC110 - a board rings no bell
            await asyncio.sleep(0.1)


def shown(pattern: Pattern) -> set[Lamp]:
    return {pattern_lamps(pattern, at) for at in range(0, 2000, 10)}


async def hold(board: Board, milliseconds: int) -> list[Lamp]:
    await asyncio.to_thread(board.press, down=True)
    lamps = await asked(board, milliseconds)
    await asyncio.to_thread(board.press, down=False)
    await asked(board, 100)
    return lamps


async def next_press(presses: AsyncIterator[Press], seconds: float = 10) -> Press:
    async with asyncio.timeout(seconds):
        return await anext(presses)


class Talk:
    """The other side of the line by hand, when the time of the board must leap further than a driver would believe."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._reader = Reader()
        self._sequence = 0

    def send(self, message: Message, payload: bytes = b"") -> Frame:
        """Its answer."""
        self._sequence = (self._sequence + 1) % 128
        stdin, stdout = self._board.process.stdin, self._board.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(encode(Frame(type=message, sequence=self._sequence, payload=payload)))
        stdin.flush()
        while True:
            for frame in self._reader.feed(stdout.read1(4096)):  # type: ignore[attr-defined]
                if frame.sequence == self._sequence:
                    return frame

    def hello(self) -> Hello:
        said = hello(self.send(Message.HELLO).payload)
        assert said is not None
        return said

    def arm(self, seconds: int | None) -> None:
        assert self.send(Message.WATCHDOG, watchdog(seconds)).type == Message.ACK

    def resets(self) -> list[float]:
        return [one["at"] for one in self._board.ask(state=True)["resets"]]


async def test_the_driver_meets_the_board(board: Board, driver: SerialPanel) -> None:
    assert (driver.status.connected, driver.status.watchdog) == (False, True)
    await until(lambda: driver.status.connected)
    status = driver.status
    assert (status.name, status.firmware, status.serial, status.box_resets) == ("rp2040", "1.0.0", "RELAIS-00042", 0)
    state = await asyncio.to_thread(board.ask, state=True)
    assert (state["baud"], state["restarts"], state["pulled"]) == (19200, 0, False)


def test_a_board_whose_boot_block_is_damaged_does_not_start(uf2: Path, tmp_path: Path) -> None:
    content = bytearray(uf2.read_bytes())
    assert struct.unpack_from("<I", content, CHECKSUM_AT) != (0,)
    content[CHECKSUM_AT] ^= 1
    damaged = tmp_path / "damaged.uf2"
    damaged.write_bytes(content)
    board = Board(damaged)
    assert board.ask(state=True)["dead"]
    assert set(board.sample(1500)) == {NONE}
    board.close()


def test_every_lamp_is_lit_at_power_up(board: Board) -> None:
    lamps = [Lamp(one) for one, _ in board.ask(power=True, sample={"for": 3000, "every": 10})["samples"]]
    assert lamps[3:100] == [ALL] * 97
    assert set(lamps[103:]) <= {GREEN, NONE}


async def test_the_lamps_show_every_pattern(board: Board, driver: SerialPanel) -> None:
    for pattern in Pattern:
        driver.show(pattern)
        await reached(board, shown(pattern))
        lamps = await asked(board, 2000)
        expected = [pattern_lamps(pattern, at) for at in range(0, 2000, 10)]
        likeness = max(sum(a == b for a, b in zip(lamps, expected[shift:] + expected[:shift], strict=True)) for shift in range(200))
        assert likeness >= 190, "the rhythm, to within the steps at its edges"
    driver.show(Pattern.READY, pairing=True)
    await reached(board, {GREEN, GREEN | BLUE})


async def test_a_gateway_that_has_gone_silent_is_shown(board: Board, driver: SerialPanel) -> None:
    driver.show(Pattern.READY)
    await reached(board, {GREEN})
    await asked(board, 10_000)
    await reached(board, {AMBER, NONE})
    driver.heartbeat()
    await reached(board, {GREEN})


async def test_a_short_press_is_told_once(board: Board, driver: SerialPanel) -> None:
    await until(lambda: driver.status.connected)
    presses = driver.presses()
    for _ in range(3):
        await hold(board, 200)
        assert await next_press(presses) is Press.SHORT
    with pytest.raises(TimeoutError):
        await next_press(presses, 1.5)


async def test_ten_seconds_are_confirmed_by_the_lamps_and_told(board: Board, driver: SerialPanel) -> None:
    driver.show(Pattern.READY)
    await reached(board, {GREEN})
    presses = driver.presses()
    lamps = await hold(board, 10_800)
    assert [lamps[at // 10] for at in (3000, 5500, 8000)] == [GREEN, GREEN | BLUE, GREEN | BLUE | AMBER]
    assert set(lamps[1010:]) == {ALL, NONE}
    assert set(await asked(board, 1000)) == {ALL, NONE}
    assert await next_press(presses) is Press.HELD
    await hold(board, 5000)
    await hold(board, 21_000)
    await hold(board, 200)
    assert await next_press(presses) is Press.SHORT, "neither the one too short nor the one too long was told"


async def test_lost_and_damaged_bytes_lose_and_double_nothing(board: Board, wire: Wire, driver: SerialPanel) -> None:
    await until(lambda: driver.status.connected)
    noises = wire.to_board, wire.from_board = Noise(1, 60), Noise(2, 60)
    presses = driver.presses()
    for pattern in (Pattern.BUSY, Pattern.FAULT, Pattern.ATTENTION, Pattern.READY):
        driver.show(pattern)
        await reached(board, shown(pattern), 30)
    rounds = 0
    while rounds < 4 or min(count for noise in noises for count in (noise.lost, noise.flipped)) < 3:
        await asyncio.to_thread(board.press, down=True)
        await asyncio.sleep(0.2)
        await asyncio.to_thread(board.press, down=False)
        assert await next_press(presses) is Press.SHORT
        rounds += 1
    with pytest.raises(TimeoutError):
        await next_press(presses, 3)


async def test_unplugged_then_plugged_again_it_shows_what_was_asked_meanwhile(board: Board, wire: Wire, driver: SerialPanel) -> None:
    driver.show(Pattern.READY)
    await reached(board, {GREEN})
    await asyncio.to_thread(wire.unplug)
    await until(lambda: not driver.status.connected)
    assert driver.status.trouble in ("panel-lost", "panel-not-opened")
    driver.show(Pattern.FAULT)
    await asyncio.sleep(1)
    await asyncio.to_thread(wire.plug)
    await until(lambda: driver.status.connected)
    await reached(board, shown(Pattern.FAULT))


async def test_a_panel_that_lost_its_power_is_told_again(board: Board, driver: SerialPanel) -> None:
    driver.show(Pattern.FAULT)
    driver.arm(60)
    await reached(board, shown(Pattern.FAULT))
    await asyncio.to_thread(board.ask, power=True)
    await asyncio.sleep(1.2)
    await reached(board, shown(Pattern.FAULT))


async def test_a_box_left_without_a_heartbeat_is_reset(board: Board, driver: SerialPanel) -> None:
    await asyncio.to_thread(board.ask, kept=FREE)
    await until(lambda: driver.status.connected)
    driver.arm(10)
    for _ in range(4):
        driver.heartbeat()
        await asyncio.sleep(2)
    state = await asyncio.to_thread(board.ask, state=True)
    assert state["resets"] == []
    await asked(board, 12_000)
    await until(lambda: driver.status.box_resets == 1)
    [reset] = (await asyncio.to_thread(board.ask, state=True))["resets"]
    assert reset["lasted"] == pytest.approx(500, abs=15)


def test_the_box_is_reset_when_armed_only_never_in_an_update_and_three_times_an_hour(board: Board) -> None:
    talk = Talk(board)
    assert talk.hello().allowed == 0, "after a power cut, not before twenty minutes"
    board.ask(kept=FREE)
    board.sample(2 * MINUTE, 1000)
    assert talk.hello().allowed == 3
    assert talk.resets() == [], "not armed"
    talk.send(Message.LED, led(Pattern.UPDATE, pairing=False))
    talk.arm(10)
    board.sample(14 * MINUTE, 10_000)
    assert talk.resets() == [], "in an update"
    talk.send(Message.LED, led(Pattern.READY, pairing=False))
    for _ in range(8):
        talk.arm(10)
        board.sample(MINUTE, 10_000)
    assert [round(at / MINUTE) for at in talk.resets()] == [16, 17, 18]
    assert (talk.hello().allowed, talk.hello().resets, talk.hello().armed) == (0, 3, True)


def test_a_program_that_hangs_is_restarted_and_remembers_its_resets(board: Board) -> None:
    talk = Talk(board)
    board.ask(kept=FREE)
    for _ in range(3):
        talk.arm(10)
        board.sample(11_000, 1000)
    assert (len(talk.resets()), talk.hello().allowed) == (3, 0)
    talk.arm(10)
    board.ask(hang=True)
    board.sample(3000, 1000)
    assert board.ask(state=True)["restarts"] == 1
    said = talk.hello()
    assert (said.restarted, said.resets, said.allowed, said.armed) == (True, 3, 0, False)
    assert said.up <= 2
    talk.arm(10)
    board.sample(5 * MINUTE, 1000)
    assert len(talk.resets()) == 3, "their hour is not forgotten"
