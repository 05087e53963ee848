"""The gateway's end: right about what is there whatever was missed, and never in doubt about what it does not know."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from firmware.cards.readers import Change
from firmware.client import Away, DeviceClient, Happening
from firmware.devices.desk import Happened
from firmware.devices.server import Server
from firmware.errors import DeviceError, OutcomeUnknown, PartFault, PinWrong, ProcessAway, ReaderBusy, from_failure
from firmware.protocol import (
    BatchOpened,
    Card,
    CardKind,
    CardObjects,
    CloseBatch,
    Devices,
    Done,
    Failure,
    KeyUse,
    Notice,
    NoticeType,
    OpenBatch,
    Reader,
    ReadFreeData,
    Sign,
    Signature,
)
from tests.firmware.devices.desk import ScriptedDesk, served

READ = ReadFreeData(reader="reader-00000000", insertion_id="x")
READER = Reader(id="reader-00000000", name="Reader")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "devices.sock"


@pytest.fixture
async def desk() -> ScriptedDesk:
    return ScriptedDesk()


@pytest.fixture
async def server(path: Path, desk: ScriptedDesk) -> AsyncIterator[Server]:
    async with served(path, desk) as server:
        yield server


@asynccontextmanager
async def connected(path: Path) -> AsyncIterator[DeviceClient]:
    client = DeviceClient(path)
    await client.start()
    async with client.happenings() as events:
        await reach(events, Devices)
    try:
        yield client
    finally:
        await client.stop()


async def reach(events: AsyncIterator[Happening], kind: type[Happening]) -> list[Happening]:
    """All up to the first of that kind."""
    got: list[Happening] = []
    while not got or not isinstance(got[-1], kind):
        got.append(await asyncio.wait_for(anext(events), 20))
    return got


async def test_a_call_gets_its_response(server: Server, path: Path) -> None:
    async with connected(path) as client:
        assert client.connected
        assert await client.call(READ, Done) == Done()


async def test_many_calls_at_a_time(server: Server, path: Path) -> None:
    async with connected(path) as client:
        assert await asyncio.gather(*(client.call(READ, Done) for _ in range(50))) == [Done()] * 50


async def test_a_failure_is_raised_as_the_error_of_its_code(server: Server, path: Path, desk: ScriptedDesk) -> None:
    desk.error = PinWrong("card", tries_left=2)
    async with connected(path) as client:
        with pytest.raises(PinWrong) as wrong:
            await client.call(READ, CardObjects)
    assert (wrong.value.tries_left, wrong.value.technical) == (2, "card")


def test_a_code_of_a_newer_process_is_kept() -> None:
    error = from_failure(Failure(code="not-yet-known", retry_after=3.0))
    assert type(error) is DeviceError
    assert (error.code, error.retry_after) == ("not-yet-known", 3.0)
    assert isinstance(from_failure(ReaderBusy(retry_after=1.0).failure), ReaderBusy)


async def test_another_response_than_due_is_a_fault_of_the_process(server: Server, path: Path) -> None:
    async with connected(path) as client:
        with pytest.raises(PartFault):
            await client.call(READ, CardObjects)


async def test_without_a_process_calls_fail_at_once(path: Path) -> None:
    client = DeviceClient(path)
    await client.start()
    async with client.happenings() as events:
        assert await anext(events) == Away()
        with pytest.raises(ProcessAway):
            await client.call(READ, Done)
    await client.stop()


async def test_what_is_under_way_when_the_process_ends_is_lost_and_a_signature_is_in_doubt(path: Path, desk: ScriptedDesk) -> None:
    sign = Sign(batch="b", owner="o", key=KeyUse.SIGN, data=b"x")
    client = DeviceClient(path)
    await client.start()
    async with client.happenings() as events:
        async with served(path, desk):
            await reach(events, Devices)
            desk.let_go.clear()
            reading, signing = (asyncio.create_task(one) for one in (client.call(READ, Done), client.call(sign, Signature)))
            while len(desk.asked) < 3:  # noqa: ASYNC110 - the list and both calls; the desk has no event for it
                await asyncio.sleep(0.001)
        with pytest.raises(ProcessAway):
            await reading
        with pytest.raises(OutcomeUnknown):
            await signing
        assert Away() in await reach(events, Away)
    await client.stop()


async def test_it_comes_back_with_the_process_and_asks_anew(path: Path, desk: ScriptedDesk) -> None:
    client = DeviceClient(path)
    await client.start()
    async with client.happenings() as events:
        async with served(path, desk):
            assert (await reach(events, Devices))[-1] == Devices()
        desk.readers = (READER,)
        async with served(path, desk):
            assert (await reach(events, Devices))[-2:] == [Away(), Devices(readers=(READER,))]
            assert await client.call(READ, Done) == Done()
    await client.stop()


async def test_notices_follow_the_list_in_order(server: Server, path: Path) -> None:
    async with connected(path) as client, client.happenings() as events:
        await reach(events, Devices)
        for _ in range(3):
            server.publish(Happened(type=NoticeType.SERVICE_UP))
        got = [await asyncio.wait_for(anext(events), 20) for _ in range(3)]
        assert [one.sequence for one in got if isinstance(one, Notice)] == [1, 2, 3]


async def test_a_late_listener_is_told_what_is_there_now(server: Server, path: Path, desk: ScriptedDesk) -> None:
    async with connected(path) as client:
        desk.readers = (READER,)
        async with client.happenings() as events:
            assert await asyncio.wait_for(anext(events), 20) == Devices(readers=(READER,))


async def test_a_slow_listener_is_told_anew_and_a_quick_one_misses_nothing(server: Server, path: Path, desk: ScriptedDesk) -> None:
    async with connected(path) as client, client.happenings() as slow, client.happenings() as quick:
        await reach(slow, Devices)
        await reach(quick, Devices)
        desk.readers = (READER,)
        for sequence in range(1, 401):
            server.publish(Happened(type=NoticeType.SERVICE_UP))
            notice = await asyncio.wait_for(anext(quick), 20)
            assert isinstance(notice, Notice)
            assert notice.sequence == sequence
        assert (await reach(slow, Devices))[-1] == Devices(readers=(READER,))


async def test_a_scan_is_not_lost_to_a_listener_that_waits_for_its_list(server: Server, path: Path) -> None:
    async with connected(path) as client, client.happenings() as events:
        server.publish(Happened(type=NoticeType.SCAN))
        server.publish(Happened(type=NoticeType.CARD_IN))
        got = [await asyncio.wait_for(anext(events), 20) for _ in range(2)]
    assert {one.type if isinstance(one, Notice) else "list" for one in got} == {NoticeType.SCAN, "list"}


async def test_a_batch_that_nobody_waits_for_any_more_is_closed(server: Server, path: Path, desk: ScriptedDesk) -> None:
    async with connected(path) as client:
        desk.let_go.clear()
        with pytest.raises(OutcomeUnknown):
            await client.call(OpenBatch(reader="r", insertion_id="i", owner="desk 1"), BatchOpened, seconds=0.05)
        desk.let_go.set()
        while CloseBatch(batch="batch of desk 1", owner="desk 1") not in desk.asked:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.001)


async def test_whenever_its_caller_leaves_a_batch_is_the_callers_or_closed(server: Server, path: Path, desk: ScriptedDesk) -> None:
    """Cancelled after so many turns of the loop: before the call is sent, on its way, and between its answer and the caller's next step."""
    kept: set[str] = set()
    async with connected(path) as client:
        for turns in range(60):
            owner = f"desk {turns}"
            caller = asyncio.create_task(client.call(OpenBatch(reader="r", insertion_id="i", owner=owner), BatchOpened))
            for _ in range(turns):
                await asyncio.sleep(0)
            caller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await caller
                kept.add(owner)
        await client.call(READ, Done)
        opened = {one.owner for one in desk.asked if isinstance(one, OpenBatch)}
        async with asyncio.timeout(20):
            while {one.owner for one in desk.asked if isinstance(one, CloseBatch)} != opened - kept:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.001)
    assert kept < opened


async def test_the_pin_of_a_call_is_the_callers_to_wipe(server: Server, path: Path, desk: ScriptedDesk) -> None:
    pin = bytearray(b"4711")
    async with connected(path) as client:
        await client.call(OpenBatch(reader="r", insertion_id="i", owner="o", pin=pin), BatchOpened)
    assert (bytes(pin), desk.pins) == (b"4711", [b"4711"])


async def test_a_listener_ends_with_the_client(server: Server, path: Path) -> None:
    client = DeviceClient(path)
    await client.start()
    async with client.happenings() as events:
        await reach(events, Devices)
        await client.stop()
        assert [one async for one in events] in ([], [Away()])


async def test_a_listener_that_comes_after_the_end_hears_the_end(server: Server, path: Path) -> None:
    """Else whoever starts late would wait for ever on a box that stops."""
    client = DeviceClient(path)
    await client.start()
    await client.stop()
    async with asyncio.timeout(10), client.happenings() as events:
        assert [one async for one in events] == []
    await client.start()
    async with client.happenings() as events:
        await reach(events, Devices)
    await client.stop()


async def test_whatever_was_missed_the_picture_is_right_in_the_end(server: Server, path: Path, desk: ScriptedDesk) -> None:
    """Cards that come and go at random, listeners that join late, dawdle, or see the process away: each ends with what there is."""
    chance = random.Random(7)

    def change(number: int) -> None:
        card = Card(insertion_id=str(number), kind=CardKind.CPX) if chance.random() < 0.6 else None
        before = desk.readers[0].card if desk.readers else None
        desk.readers = (Reader(id=READER.id, name=READER.name, card=card),)
        if before is not None:
            server.publish(Happened(type=NoticeType.CARD_OUT, device=READER.id, change=Change(type=NoticeType.CARD_OUT, card=before)))
        if card is not None:
            server.publish(Happened(type=NoticeType.CARD_IN, device=READER.id, change=Change(type=NoticeType.CARD_IN, card=card)))

    async def follow(client: DeviceClient, lag: float) -> Card | None:
        seen: Card | None = None
        async with client.happenings() as events:
            async for one in events:
                if isinstance(one, Devices):
                    seen = one.readers[0].card if one.readers else None
                elif isinstance(one, Notice) and one.type is NoticeType.SERVICE_UP:
                    return seen
                elif isinstance(one, Notice):
                    seen = one.card if one.type is NoticeType.CARD_IN else None
                await asyncio.sleep(lag * chance.random())
        raise AssertionError("the client ended")

    async with connected(path) as client:
        followers = []
        for number in range(900):
            if number % 100 == 0:
                followers.append(asyncio.create_task(follow(client, 0.02 if number % 200 else 0.0)))
            change(number)
            await asyncio.sleep(0)
        ending = asyncio.create_task(keep_saying_the_end(server))
        assert await asyncio.gather(*followers) == [desk.readers[0].card] * len(followers)
        ending.cancel()


async def keep_saying_the_end(server: Server) -> None:
    """A listener that is told anew does not hear what came before its list: it is said again."""
    while True:
        await asyncio.sleep(0.05)
        server.publish(Happened(type=NoticeType.SERVICE_UP))
