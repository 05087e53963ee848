"""The socket of the device process: who may come in, what is answered, who is let go."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
from typing_extensions import override

from firmware.devices.desk import Happened
from firmware.devices.server import Server, SocketTaken
from firmware.errors import BatchNotYours, DeviceDefect, ReaderBusy
from firmware.frames import frame, read_frame, write_frame
from firmware.protocol import (
    Answer,
    Call,
    CardObject,
    CardObjects,
    CloseBatch,
    Devices,
    Done,
    Failure,
    FromDevices,
    Heartbeat,
    ListDevices,
    Notice,
    NoticeType,
    OpenBatch,
    ReadFreeData,
    ReadProtectedData,
)
from tests.firmware.devices.desk import UIDS, ScriptedDesk, failing, served

READ = ReadFreeData(reader="reader-00000000", insertion_id="x")
DECODER: msgspec.msgpack.Decoder[FromDevices] = msgspec.msgpack.Decoder(FromDevices)


class Line:
    """A bare client."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line

    @classmethod
    async def to(cls, path: Path) -> Line:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.setblocking(False)
        await asyncio.get_running_loop().sock_connect(line, str(path))
        return cls(line)

    async def send(self, message: object) -> None:
        await write_frame(self.line, frame(message))

    async def receive(self) -> Answer | Notice | None:
        received = await asyncio.wait_for(read_frame(self.line), 20)
        return None if received is None else DECODER.decode(received)

    async def ask(self, request: object, number: int = 1) -> Answer | Notice | None:
        await self.send({"number": number, "request": request})
        return await self.receive()

    def close(self) -> None:
        self.line.close()


def mode(path: Path) -> int | None:
    """Of the file; None without one."""
    return stat.S_IMODE(path.stat().st_mode) if path.exists() else None


async def until(holds: Callable[[], bool]) -> None:
    """Soon enough, whatever the load."""
    for _ in range(4000):
        if holds():
            return
        await asyncio.sleep(0.005)
    pytest.fail("never happened")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "devices.sock"


@pytest.fixture
def desk() -> ScriptedDesk:
    return ScriptedDesk()


@pytest.fixture
async def line(path: Path, desk: ScriptedDesk) -> AsyncIterator[Line]:
    async with served(path, desk):
        line = await Line.to(path)
        yield line
        line.close()


async def test_the_socket_is_for_its_owner_and_group_alone(path: Path, desk: ScriptedDesk) -> None:
    async with served(path, desk):
        assert mode(path) == 0o660
    assert mode(path) is None


async def test_a_user_who_is_not_named_is_let_go_unheard(path: Path, desk: ScriptedDesk) -> None:
    async with served(path, desk, frozenset({os.geteuid() + 1})):
        line = await Line.to(path)
        assert await line.receive() is None
        line.close()
    assert desk.asked == []


async def test_calls_are_answered_by_number_in_any_order(line: Line, desk: ScriptedDesk) -> None:
    desk.let_go.clear()
    await line.send(Call(number=7, request=READ))
    assert await line.ask(ListDevices(), 8) == Answer(number=8, response=Devices())
    desk.let_go.set()
    assert await line.receive() == Answer(number=7, response=Done())


async def test_errors_are_answers(path: Path) -> None:
    async with served(path, failing(ReaderBusy("held", retry_after=2.0))):
        line = await Line.to(path)
        assert await line.ask(READ) == Answer(number=1, response=Failure(code="reader-busy", retry_after=2.0, technical="held"))
        line.close()


async def test_a_defect_is_an_answer_too_and_the_process_goes_on(line: Line, desk: ScriptedDesk) -> None:
    desk.error = ZeroDivisionError("what was worked on")
    assert await line.ask(READ) == Answer(number=1, response=Failure(code=DeviceDefect.code, technical="ZeroDivisionError"))
    assert await line.ask(ListDevices()) == Answer(number=1, response=Devices())


async def test_an_unknown_request_is_refused_by_its_number(line: Line) -> None:
    answer = await line.ask({"type": "MakeCoffee"}, 3)
    assert isinstance(answer, Answer)
    assert isinstance(answer.response, Failure)
    assert (answer.number, answer.response.code) == (3, "device-call-invalid")


@pytest.mark.parametrize(
    "bytes_sent",
    [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x02\xc1\xc1", b"\0\0\0\x01\x01", b"GET / HTTP/1.1\r\n\r\n"],
    ids=["too long", "empty", "no MessagePack", "a number", "a browser"],
)
async def test_who_sends_no_call_is_let_go_and_others_are_served(path: Path, desk: ScriptedDesk, bytes_sent: bytes) -> None:
    async with served(path, desk):
        odd, good = await Line.to(path), await Line.to(path)
        await asyncio.get_running_loop().sock_sendall(odd.line, bytes_sent)
        assert await odd.receive() is None
        assert await good.ask(ListDevices()) == Answer(number=1, response=Devices())
        odd.close()
        good.close()


async def test_an_answer_too_long_to_send_is_a_failure(line: Line, desk: ScriptedDesk) -> None:
    desk.response = CardObjects(objects=(CardObject(label="BIG", value=bytes(4_000_000)),))
    answer = await line.ask(READ)
    assert isinstance(answer, Answer)
    assert isinstance(answer.response, Failure)


async def test_every_client_is_told_in_order(path: Path, desk: ScriptedDesk) -> None:
    async with served(path, desk) as server:
        lines = [await Line.to(path) for _ in range(3)]
        for line in lines:
            await line.ask(ListDevices())
        for _ in range(5):
            server.publish(Happened(type=NoticeType.SERVICE_UP))
        for line in lines:
            notices = [await line.receive() for _ in range(5)]
            assert [one.sequence for one in notices if isinstance(one, Notice)] == [1, 2, 3, 4, 5]
            line.close()


async def test_a_client_that_does_not_read_is_let_go_and_the_others_miss_nothing(path: Path, desk: ScriptedDesk) -> None:
    async with served(path, desk) as server:
        slow, good = await Line.to(path), await Line.to(path)
        await slow.ask(ListDevices())
        await good.ask(ListDevices())
        for sequence in range(1, 5001):
            server.publish(Happened(type=NoticeType.SERVICE_UP, device="x" * 200))
            notice = await good.receive()
            assert isinstance(notice, Notice)
            assert notice.sequence == sequence
        while await slow.receive() is not None:
            pass
        slow.close()
        good.close()


async def test_who_leaves_takes_its_calls_and_batches_away(path: Path, desk: ScriptedDesk) -> None:
    async with served(path, desk):
        line = await Line.to(path)
        await line.ask(OpenBatch(reader="r", insertion_id="i", owner="desk 1", pin=bytearray(b"1234")))
        desk.let_go.clear()
        await line.send(Call(number=2, request=READ))
        await until(lambda: READ in desk.asked)
        line.close()
        await until(lambda: desk.cancelled == 1)
        desk.let_go.set()
        await until(lambda: CloseBatch(batch="batch of desk 1", owner="desk 1") in desk.asked)


async def test_however_many_calls_hang_at_a_card_the_heartbeat_gets_through(line: Line, desk: ScriptedDesk) -> None:
    """A card that does not answer must not reset the box, nor keep other readers away."""
    desk.let_go.clear()
    for number in range(140):
        await line.send(Call(number=number, request=READ))
    await line.send(Call(number=999, request=Heartbeat()))
    await until(lambda: Heartbeat() in desk.asked)
    refused = [await line.receive() for _ in range(12)]
    assert [one.response.code for one in refused if isinstance(one, Answer) and isinstance(one.response, Failure)] == ["reader-busy"] * 12
    desk.let_go.set()
    answered = {one.number for one in [await line.receive() for _ in range(129)] if isinstance(one, Answer)}
    assert answered == {*range(128), 999}


async def test_who_closes_the_batch_of_another_leaves_it_to_be_closed_in_the_end(path: Path, desk: ScriptedDesk) -> None:
    async with served(path, desk):
        line = await Line.to(path)
        await line.ask(OpenBatch(reader="r", insertion_id="i", owner="desk 1", pin=bytearray(b"1234")))
        desk.error = BatchNotYours()
        await line.ask(CloseBatch(batch="batch of desk 1", owner="desk 2"))
        desk.error = None
        line.close()
        await until(lambda: CloseBatch(batch="batch of desk 1", owner="desk 1") in desk.asked)


async def test_batches_that_are_over_by_themselves_are_not_kept_for_ever(path: Path, desk: ScriptedDesk) -> None:
    """A gateway stays connected for months, and closes only what it leaves unfinished."""
    server = Server(path, desk, UIDS, longest_batch=0.02)
    await server.start()
    line = await Line.to(path)
    for number in range(20):
        await line.ask(OpenBatch(reader="r", insertion_id="i", owner=f"desk {number}", pin=bytearray(b"1234")))
        await asyncio.sleep(0.01)
    line.close()
    await until(lambda: server.clients == 0)
    closed = [one.owner for one in desk.asked if isinstance(one, CloseBatch)]
    assert "desk 19" in closed
    assert len(closed) < 10
    await server.stop()


async def test_a_pin_reaches_the_desk_and_is_wiped_when_it_is_done(line: Line, desk: ScriptedDesk) -> None:
    await line.ask(ReadProtectedData(reader="r", insertion_id="i", pin=bytearray(b"4711")))
    assert desk.pins == [b"4711"]
    (request,) = desk.asked
    assert isinstance(request, ReadProtectedData)
    assert request.pin == bytes(4)


class Seen(socket.socket):
    """Remembers where what it receives is put."""

    last: bytearray

    @override
    def recv_into(self, buffer: memoryview, *_: int) -> int:  # type: ignore[override]
        assert isinstance(buffer.obj, bytearray)
        self.last = buffer.obj
        return super().recv_into(buffer)


async def test_a_frame_of_which_no_more_is_waited_for_is_wiped() -> None:
    """Half a call with a PIN has come when the process lets its client go."""
    near, far = socket.socketpair()
    line = Seen(fileno=near.detach())
    line.setblocking(False)
    far.send(b"\0\0\0\x40" + b"4711")
    reading = asyncio.create_task(read_frame(line))
    await asyncio.sleep(0.05)
    assert bytes(line.last) == b"4711" + bytes(60)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert bytes(line.last) == bytes(64)
    line.close()
    far.close()


async def test_a_socket_that_a_dead_process_left_is_taken(path: Path, desk: ScriptedDesk) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    async with served(path, desk):
        line = await Line.to(path)
        assert await line.ask(ListDevices()) == Answer(number=1, response=Devices())
        line.close()


async def test_a_socket_that_is_served_is_left_alone(path: Path, desk: ScriptedDesk) -> None:
    async with served(path, desk):
        with pytest.raises(SocketTaken):
            async with served(path, ScriptedDesk()):
                pass
        line = await Line.to(path)
        assert await line.ask(ListDevices()) == Answer(number=1, response=Devices())
        line.close()


async def test_a_file_in_the_way_is_not_removed(path: Path, desk: ScriptedDesk) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    os.close(descriptor)
    with pytest.raises(SocketTaken):
        async with served(path, desk):
            pass
    assert mode(path) == 0o600


async def test_whatever_bytes_come_the_others_are_served(path: Path, desk: ScriptedDesk) -> None:
    """Calls with bytes changed, cut and doubled at random, each on a line of its own."""
    chance = random.Random(20261130)
    sound = bytes(frame(Call(number=1, request=OpenBatch(reader="r", insertion_id="i", owner="o", pin=bytearray(b"1234")))))
    async with served(path, desk) as server:
        for _ in range(300):
            spoilt = bytearray(sound)
            for _ in range(chance.randint(1, 4)):
                spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
            odd = await Line.to(path)
            with contextlib.suppress(OSError):  # refused: those before it have not been let go yet
                await asyncio.get_running_loop().sock_sendall(odd.line, spoilt[: chance.randint(1, len(spoilt))])
            odd.close()
            await asyncio.sleep(0)
        await until(lambda: server.clients == 0)
        good = await Line.to(path)
        assert await good.ask(ListDevices()) == Answer(number=1, response=Devices())
        good.close()
