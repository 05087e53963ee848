"""The Unix socket of the device process: who may connect, one task for each call, every notice to every client.

A client that does not read what it is sent is let go; one that leaves has its batches closed, so that no card stays unlocked for nobody.
Who connects is checked by the kernel's word (SO_PEERCRED), beside the mode of the socket (0660). Source: unix(7).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import stat
import struct
import time
from functools import partial
from pathlib import Path

import msgspec

from firmware.cards.batch import LONGEST
from firmware.devices.desk import Desk, Happened
from firmware.errors import CallInvalid, DeviceDefect, DeviceError, ReaderBusy
from firmware.frames import frame, read_frame, wipe, write_frame
from firmware.protocol import (
    Answer,
    ArmWatchdog,
    BatchOpened,
    CloseBatch,
    Done,
    Failure,
    Heartbeat,
    ListDevices,
    Notice,
    OpenBatch,
    Request,
    Response,
    SetPattern,
    TestScanner,
)  # fmt: skip

_LOG = logging.getLogger(__name__)
_MOST_CLIENTS = 8
_MOST_CALLS = 128
"""Of one client at a time; more are told to come back, but those that wait for no device always get through."""
_BUSY_AGAIN = 1.0
_MOST_UNREAD = 256
_AT_ONCE = (ListDevices, CloseBatch, TestScanner, SetPattern, Heartbeat, ArmWatchdog)
_CREDENTIALS = struct.Struct("3i")


class SocketTaken(DeviceError):
    """Another device process listens there, or something that is no socket is in the way."""

    code = "device-socket-taken"


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    request: msgspec.Raw


_ENVELOPE = msgspec.msgpack.Decoder(_Envelope)
_REQUEST: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)


class Server:
    """Serves `desk` at `path` to these users."""

    def __init__(self, path: Path, desk: Desk, uids: frozenset[int], longest_batch: float = LONGEST) -> None:
        self._path, self._desk, self._uids, self._longest_batch = path, desk, uids, longest_batch
        self._sequence = 0
        self._clients: dict[_Client, asyncio.Task[None]] = {}
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None

    @property
    def clients(self) -> int:
        """How many are served now."""
        return len(self._clients)

    async def start(self) -> None:
        """Listening on return. Raises SocketTaken, and OSError where no socket can be made."""
        self._listener = _listen(self._path)
        self._accepting = asyncio.create_task(self._accept(self._listener), name="accept")

    async def stop(self) -> None:
        """Nobody is served any more; the socket is gone."""
        if self._accepting is None or self._listener is None:
            return
        tasks = [self._accepting, *self._clients.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def publish(self, happened: Happened) -> None:
        """Tell every client."""
        self._sequence += 1
        notice = happened.notice(self._sequence, time.time())
        for client in list(self._clients):
            client.send(notice)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError as error:  # no descriptor left, most often
                _LOG.error("accept: %s", type(error).__name__)
                await asyncio.sleep(1)
                continue
            connection.setblocking(False)
            user = _user(connection)
            full = len(self._clients) >= _MOST_CLIENTS
            if user not in self._uids or full:
                _LOG.warning("client of user %d refused%s", user, ": too many clients" if full else "")
                connection.close()
                continue
            client = _Client(connection, self._desk, self._longest_batch)
            task = self._clients[client] = asyncio.create_task(client.serve(), name="client")
            task.add_done_callback(partial(self._left, client))

    def _left(self, client: _Client, _: asyncio.Task[None]) -> None:
        client.connection.close()  # of a task that was cancelled before it began, too
        self._clients.pop(client, None)


class _Client:
    def __init__(self, connection: socket.socket, desk: Desk, longest_batch: float) -> None:
        self.connection, self._desk, self._longest_batch = connection, desk, longest_batch
        self._unread: asyncio.Queue[bytearray] = asyncio.Queue(_MOST_UNREAD)
        self._calls: set[asyncio.Task[None]] = set()
        self._batches: dict[str, tuple[str, float]] = {}
        """Owner, and the time after which the batch is over by itself: most are used up without being closed."""
        self._let_go = asyncio.Event()

    async def serve(self) -> None:
        """Until either end leaves."""
        parts = [asyncio.create_task(part, name="client") for part in (self._write(), self._read(), self._told_to_leave())]
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._let_go.set()
            tasks = [*parts, *self._calls]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            while not self._unread.empty():
                wipe(self._unread.get_nowait())
            await self._close_batches()

    def send(self, message: Answer | Notice) -> None:
        """Queue it; a client whose queue is full is let go."""
        if self._let_go.is_set():
            return
        try:
            self._unread.put_nowait(frame(message))
        except asyncio.QueueFull:
            _LOG.warning("a client reads too slowly, it is let go")
            self._let_go.set()

    async def _told_to_leave(self) -> None:
        await self._let_go.wait()

    async def _read(self) -> None:
        try:
            while (received := await read_frame(self.connection)) is not None:
                try:
                    envelope = _ENVELOPE.decode(received)
                    number, request = envelope.number, self._request(envelope.request)
                finally:
                    wipe(received)
                self._begin(number, request)
                await asyncio.sleep(0)  # what waits for nothing is done before the next is read
        except (CallInvalid, msgspec.MsgspecError):
            _LOG.warning("a client sent what is no call, it is let go")

    def _request(self, raw: msgspec.Raw) -> Request | None:
        try:
            return _REQUEST.decode(raw)
        except msgspec.MsgspecError:
            return None

    def _begin(self, number: int, request: Request | None) -> None:
        """Cards that do not answer must not keep a heartbeat, nor the end of a batch, from being heard."""
        if len(self._calls) >= _MOST_CALLS and not isinstance(request, _AT_ONCE):
            wipe(getattr(request, "pin", None))
            self.send(Answer(number=number, response=ReaderBusy("too many calls", retry_after=_BUSY_AGAIN).failure))
            return
        task = asyncio.create_task(self._call(number, request), name="call")
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _call(self, number: int, request: Request | None) -> None:
        try:
            response = await self._answer(request)
        finally:
            wipe(getattr(request, "pin", None))
        if isinstance(request, OpenBatch) and isinstance(response, BatchOpened):
            self._opened(response.batch, request.owner)
        if isinstance(request, CloseBatch) and isinstance(response, Done):
            self._batches.pop(request.batch, None)
        try:
            self.send(Answer(number=number, response=response))
        except DeviceError as error:
            self.send(Answer(number=number, response=error.failure))

    def _opened(self, batch: str, owner: str) -> None:
        now = asyncio.get_running_loop().time()
        self._batches = {one: held for one, held in self._batches.items() if held[1] > now}
        self._batches[batch] = owner, now + self._longest_batch

    async def _answer(self, request: Request | None) -> Response:
        try:
            if request is None:
                raise CallInvalid("request")
            return await self._desk.answer(request)
        except DeviceError as error:
            return error.failure
        except Exception as error:  # noqa: BLE001 - a defect is an answer too, and the other calls go on
            _LOG.error("%s failed: %s at %s", type(request).__name__, type(error).__name__, _place(error))
            return Failure(code=DeviceDefect.code, technical=type(error).__name__)

    async def _write(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                await write_frame(self.connection, await self._unread.get())

    async def _close_batches(self) -> None:
        for batch, (owner, _) in self._batches.items():
            with contextlib.suppress(DeviceError):
                await self._desk.answer(CloseBatch(batch=batch, owner=owner))


def _listen(path: Path) -> socket.socket:
    _clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    mask = os.umask(0o117)
    try:
        listener.bind(str(path))
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(mask)
    listener.listen()
    listener.setblocking(False)
    return listener


def _clear(path: Path) -> None:
    """Remove a socket that a process which is no more has left. Raises SocketTaken."""
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise SocketTaken("no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise SocketTaken(type(error).__name__) from error
    raise SocketTaken("served")


def _user(connection: socket.socket) -> int:
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    user: int = _CREDENTIALS.unpack(raw)[1]
    return user


def _place(error: BaseException) -> str:
    """Where it was raised, without what was worked on."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else "?"
