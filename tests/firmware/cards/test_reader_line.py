"""One thread for each reader: whatever a card does there, callers are told in time and nobody else waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from firmware.cards.pcsc import Link
from firmware.cards.reader_line import ReaderLine
from firmware.errors import CardFault, CardTimeout, DeviceDefect, ReaderBusy, ServiceDown
from tests.firmware.cards.scripted_pcsc import World
from tests.rig.cards.virtual import CPS3_AID, CpsCard

READER = "Reader A 00 00"
SELECT = bytes.fromhex("00A4040C0D") + CPS3_AID


@pytest.fixture
def world() -> World:
    world = World()
    world.cards[READER] = CpsCard()
    return world


@pytest.fixture
async def line(world: World) -> AsyncIterator[ReaderLine]:
    line = ReaderLine(READER, world.open)
    yield line
    line.close()


async def test_work_is_done_within_a_transaction_and_the_card_left_as_it_is(world: World, line: ReaderLine) -> None:
    assert await line.run(lambda link: link.transmit(SELECT), seconds=20) == b"\x90\x00"
    assert (world.opened, world.released, world.resets) == (1, 1, [])


async def test_a_card_that_was_given_a_right_is_reset_even_when_the_work_fails(world: World, line: ReaderLine) -> None:
    def fails(link: Link) -> None:
        raise CardFault("status 6F00")

    with pytest.raises(CardFault):
        await line.run(fails, seconds=20, reset=True)
    assert world.resets == [READER]
    assert world.released == 1


async def test_a_defect_in_one_work_does_not_end_the_line(line: ReaderLine) -> None:
    def defective(link: Link) -> None:
        raise ZeroDivisionError

    with pytest.raises(DeviceDefect, match="ZeroDivisionError"):
        await line.run(defective, seconds=20)
    assert await line.run(lambda link: link.protocol, seconds=20) == 0


async def test_no_service_is_told(world: World, line: ReaderLine) -> None:
    world.up = False
    with pytest.raises(ServiceDown):
        await line.run(lambda link: None, seconds=20)


async def test_a_card_that_hangs_is_told_in_time_and_the_reader_is_busy_until_it_comes_back(world: World, line: ReaderLine) -> None:
    hanging = threading.Event()
    world.on_begin = lambda: hanging.wait(60)
    with pytest.raises(CardTimeout):
        await line.run(lambda link: None, seconds=0.05)
    with pytest.raises(ReaderBusy) as busy:
        await line.run(lambda link: None, seconds=20)
    assert busy.value.retry_after is not None
    hanging.set()
    for _ in range(2000):
        try:
            assert await line.run(lambda link: "back", seconds=20) == "back"
            return
        except ReaderBusy:
            await asyncio.sleep(0.005)
    pytest.fail("the line never came back")


async def test_what_a_caller_gave_up_before_its_turn_never_touches_the_card(world: World, line: ReaderLine) -> None:
    first, done = threading.Event(), []
    world.on_begin = lambda: first.wait(60)
    waiting = asyncio.create_task(line.run(lambda link: done.append("first"), seconds=20))
    await asyncio.sleep(0)
    given_up = asyncio.create_task(line.run(lambda link: done.append("second"), seconds=20))
    await asyncio.sleep(0)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    first.set()
    await waiting
    assert done == ["first"]


async def test_a_queue_that_is_too_long_is_refused(world: World, line: ReaderLine) -> None:
    first = threading.Event()
    world.on_begin = lambda: first.wait(60)
    waiting = [asyncio.create_task(line.run(lambda link: None, seconds=20)) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(ReaderBusy):
        await line.run(lambda link: None, seconds=20)
    first.set()
    await asyncio.gather(*waiting)


async def test_a_machine_without_room_for_a_thread_costs_no_place_in_the_queue(line: ReaderLine) -> None:
    threading.stack_size(1 << 47)  # more than there is to address
    try:
        for _ in range(6):
            with pytest.raises(ReaderBusy, match="no thread"):
                await line.run(lambda link: link.protocol, seconds=20)
    finally:
        threading.stack_size(0)
    assert await line.run(lambda link: link.protocol, seconds=20) == 0
