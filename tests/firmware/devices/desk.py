"""A desk of our own behind a real socket: answers what the test says, when the test says."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from firmware.devices.server import Server
from firmware.errors import DeviceError
from firmware.protocol import BatchOpened, CloseBatch, Devices, Done, ListDevices, OpenBatch, Reader, Request, Response

UIDS = frozenset({os.geteuid()})


class ScriptedDesk:
    """Lists `readers`; opens a batch at once; anything else waits for `let_go`, then is answered by `response` or fails with `error`."""

    def __init__(self) -> None:
        self.readers: tuple[Reader, ...] = ()
        self.response: Response = Done()
        self.error: Exception | None = None
        self.asked: list[Request] = []
        self.pins: list[bytes] = []
        self.cancelled = 0
        self.let_go = asyncio.Event()
        self.let_go.set()

    async def answer(self, request: Request) -> Response:
        self.asked.append(request)
        pin = getattr(request, "pin", None)
        if pin is not None:
            self.pins.append(bytes(pin))
        if isinstance(request, ListDevices):
            return Devices(readers=self.readers)
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        if isinstance(request, OpenBatch):
            return BatchOpened(batch=f"batch of {request.owner}", until=0.0)
        return Done() if isinstance(request, CloseBatch) else self.response


@asynccontextmanager
async def served(path: Path, desk: ScriptedDesk, uids: frozenset[int] = UIDS) -> AsyncIterator[Server]:
    """The desk behind a socket."""
    server = Server(path, desk, uids)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def failing(error: DeviceError) -> ScriptedDesk:
    """Every call but the list fails with it."""
    desk = ScriptedDesk()
    desk.error = error
    return desk
