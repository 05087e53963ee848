"""The gateway's end of the device process: calls, and what happens to the devices. The connection is made again whenever it breaks.

A listener first gets `Devices`, all there is, then a `Notice` for each thing that happens; `Away` when the process cannot be reached, and
`Devices` again once it can. So what a listener knows is right whatever was missed in between. Nothing is repeated: a call that was under
way when the connection broke fails, as `card-outcome-unknown` where a PIN or a signature may have reached a card.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import TypeVar

import msgspec
from typing_extensions import override

from firmware.errors import CallInvalid, DeviceError, OutcomeUnknown, PartFault, ProcessAway, from_failure
from firmware.frames import frame, read_frame, wipe, write_frame
from firmware.protocol import (
    Answer,
    BatchOpened,
    Call,
    CloseBatch,
    Devices,
    Failure,
    FromDevices,
    ListDevices,
    Notice,
    NoticeType,
    OpenBatch,
    ReadProtectedData,
    Request,
    Response,
    Sign,
)  # fmt: skip

_LOG = logging.getLogger(__name__)
_DECODER: msgspec.msgpack.Decoder[FromDevices] = msgspec.msgpack.Decoder(FromDevices)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_CONNECT_SECONDS = 5.0
_MOST_UNREAD = 256
_MOST_UNSENT = 64
_OF_THE_MOMENT = (NoticeType.SCAN, NoticeType.BUTTON_SHORT, NoticeType.BUTTON_HELD)
"""Notices that no list of devices makes up for."""

_R = TypeVar("_R", bound=Response)


class Away(msgspec.Struct, frozen=True):
    """The device process cannot be reached; calls fail with `device-process-away`."""


Happening = Devices | Notice | Away


class DeviceClient:
    """One connection. `start` returns at once; calls fail until it is made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: _Connection | None = None
        self._listeners: set[_Listener] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    @property
    def connected(self) -> bool:
        """Calls can be made now."""
        return self._connection is not None

    async def start(self) -> None:
        """Connect, and stay connected."""
        self._stopped = False
        self._spawn(self._stay_connected(), "device-client")

    async def stop(self) -> None:
        """Every call fails; every listener ends, and those that come later at once."""
        self._stopped = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for listener in list(self._listeners):
            listener.end()

    async def call(self, request: Request, kind: type[_R], *, seconds: float = 30.0) -> _R:
        """The response, of that kind. A PIN in the request is the caller's to wipe.

        Raises the DeviceError of the Failure, by its code; ProcessAway; after so many seconds, or when the process ends meanwhile,
        OutcomeUnknown for a request that spends a PIN or signs, else ProcessAway.
        """
        if self._connection is None:
            raise ProcessAway("not connected", retry_after=_LONGEST_PAUSE)
        response = await self._connection.call(request, seconds)
        if isinstance(response, Failure):
            raise from_failure(response)
        if not isinstance(response, kind):
            raise PartFault(f"{type(response).__name__} where {kind.__name__} was due")
        return response

    @contextlib.asynccontextmanager
    async def happenings(self) -> AsyncIterator[AsyncIterator[Happening]]:
        """What is there, then what happens, until the client stops; a listener that is too slow gets `Devices` for what it missed."""
        listener = _Listener()
        self._listeners.add(listener)
        try:
            if self._stopped:
                listener.end()
            elif self._connection is None:
                listener.away()
            else:
                self._refresh()
            yield listener
        finally:
            self._listeners.discard(listener)

    async def _stay_connected(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._one_connection()
                pause = _FIRST_PAUSE
            except (OSError, DeviceError):
                pause = min(pause * 2, _LONGEST_PAUSE)
            except Exception as error:  # noqa: BLE001 - a defect must not keep the devices away for good
                _LOG.error("device client: %s", type(error).__name__)
                pause = _LONGEST_PAUSE
            finally:
                if self._connection is not None:
                    self._connection = None
                    for listener in self._listeners:
                        listener.away()
            await asyncio.sleep(pause)

    async def _one_connection(self) -> None:
        """From the first word to the last; returns when a connection that had begun well breaks. Raises OSError, DeviceError."""
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        line.setblocking(False)
        with line:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await asyncio.get_running_loop().sock_connect(line, str(self._path))
            connection = _Connection(line, self._heard)
            serving = asyncio.create_task(connection.serve(), name="device-connection")
            try:
                self._connection = connection  # before the list is heard: whoever reads it may call
                await connection.call(ListDevices(), _CONNECT_SECONDS)
                await asyncio.wait((serving,))
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)

    def _heard(self, happening: Devices | Notice) -> None:
        """In the order of the line: a list of devices holds what all notices before it told, and nothing of those after it."""
        for listener in self._listeners:
            if isinstance(happening, Devices):
                listener.list(happening)
            elif not listener.put(happening):
                self._refresh()

    def _refresh(self) -> None:
        connection = self._connection

        async def ask() -> None:
            if connection is not None:
                with contextlib.suppress(DeviceError):
                    await connection.call(ListDevices(), _CONNECT_SECONDS)

        self._spawn(ask(), "device-list")

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Connection:
    def __init__(self, line: socket.socket, heard: Callable[[Devices | Notice], None]) -> None:
        self._line, self._heard = line, heard
        self._unsent: asyncio.Queue[bytearray] = asyncio.Queue(_MOST_UNSENT)
        self._waiting: dict[int, asyncio.Future[Response]] = {}
        self._opening: dict[int, str] = {}
        """Owners of the batches whose opening has no answer yet, by the number of the call, whether somebody waits for it or not."""
        self._last = 0
        self._broken = False

    async def serve(self) -> None:
        """Until the other end leaves, or says what makes no sense."""
        writing = asyncio.create_task(self._write(), name="device-writer")
        try:
            while (received := await read_frame(self._line)) is not None:
                message = _DECODER.decode(received)
                wipe(received)
                if isinstance(message, Answer):
                    self._answered(message)
                else:
                    self._heard(message)
        except (DeviceError, msgspec.MsgspecError, OSError):
            return
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            self.fail_all()

    async def call(self, request: Request, seconds: float) -> Response:
        """Raises as `DeviceClient.call`, and returns a Failure as it is."""
        if self._broken:
            raise ProcessAway("connection lost")
        self._last += 1
        number = self._last
        self._put(Call(number=number, request=request))
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        if isinstance(request, OpenBatch):
            self._opening[number] = request.owner
        taken = False
        try:
            async with asyncio.timeout(seconds):
                response: Response = await future
            taken = True
            return response
        except TimeoutError as error:
            raise _lost(request, "no answer in time") from error
        except ProcessAway as error:
            raise _lost(request, error.technical) from error
        finally:
            del self._waiting[number]
            if not taken and isinstance(request, OpenBatch):
                self._left(future, request.owner)

    def fail_all(self) -> None:
        """Whoever waits learns that no answer comes."""
        self._broken = True
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ProcessAway("connection lost"))
        while not self._unsent.empty():
            wipe(self._unsent.get_nowait())

    def _put(self, call: Call) -> None:
        sent = frame(call)
        try:
            self._unsent.put_nowait(sent)
        except asyncio.QueueFull as error:
            wipe(sent)
            raise ProcessAway("the process takes no calls", retry_after=_FIRST_PAUSE) from error

    def _left(self, future: asyncio.Future[Response], owner: str) -> None:
        """The answer may be there already: its caller was cancelled between it and his next step."""
        if future.done() and not future.cancelled() and future.exception() is None:
            self._unwanted(future.result(), owner)

    def _answered(self, answer: Answer) -> None:
        if isinstance(answer.response, Devices):
            self._heard(answer.response)
        future, owner = self._waiting.get(answer.number), self._opening.pop(answer.number, None)
        if future is not None and not future.done():
            future.set_result(answer.response)
        elif owner is not None:
            self._unwanted(answer.response, owner)

    def _unwanted(self, response: Response, owner: str) -> None:
        """Close a batch that nobody waits for any more."""
        if isinstance(response, BatchOpened):
            with contextlib.suppress(ProcessAway, CallInvalid):
                self._last += 1
                self._put(Call(number=self._last, request=CloseBatch(batch=response.batch, owner=owner)))

    async def _write(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                await write_frame(self._line, await self._unsent.get())


class _Listener(AsyncIterator[Happening]):
    """Holds what one listener has not read yet. Until it has been given a list it is told of the moment's notices alone."""

    def __init__(self) -> None:
        self._unread: deque[Happening] = deque()
        self._bell = asyncio.Event()
        self._listed = False
        self._ended = False

    def list(self, devices: Devices) -> None:
        """Taken by a listener that waits for one."""
        if not self._listed:
            self._listed = True
            self._add(devices)

    def put(self, notice: Notice) -> bool:
        """False when it has too much to read: all of it is forgotten, and it waits for a list."""
        if not self._listed and notice.type not in _OF_THE_MOMENT:
            return True
        if len(self._unread) >= _MOST_UNREAD:
            self._forget()
            return False
        self._add(notice)
        return True

    def away(self) -> None:
        """Nothing of what it was told holds any more."""
        self._forget()
        self._add(Away())

    def end(self) -> None:
        """Nothing more comes."""
        self._ended = True
        self._bell.set()

    def _add(self, happening: Happening) -> None:
        self._unread.append(happening)
        self._bell.set()

    def _forget(self) -> None:
        self._listed = False
        self._unread.clear()

    @override
    async def __anext__(self) -> Happening:
        while not self._unread:
            if self._ended:
                raise StopAsyncIteration
            self._bell.clear()
            await self._bell.wait()
        return self._unread.popleft()


def _lost(request: Request, technical: str) -> DeviceError:
    counts = isinstance(request, OpenBatch | ReadProtectedData | Sign)
    return OutcomeUnknown(technical) if counts else ProcessAway(technical, retry_after=_FIRST_PAUSE)
