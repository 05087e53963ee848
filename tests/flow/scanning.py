"""A desk for scanners over a real watch on pseudo-terminals, as the device process and the gateway do it, without the socket between."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from firmware import protocol
from firmware.errors import DeviceError
from firmware.scanners.ports import ScannerRules, ports_of
from firmware.scanners.watch import ScannerEvent, ScannerWatch
from gateway.flow.scanners import ScannerDesk
from tests.firmware.scanners.plug import EVERY


class Devices:
    """The device process: a watch, its answers, and its notices as they go over the wire."""

    def __init__(self, *paths: Path, memory: Path | None = None) -> None:
        rules = ScannerRules(lines=tuple(map(str, paths)))
        self.watch = ScannerWatch(rules, self._tell, memory=memory, every=EVERY, discover=lambda *given: ports_of([], *given))
        self.notices: asyncio.Queue[protocol.Notice] = asyncio.Queue()
        self._numbers = itertools.count(1)

    async def ask(self, request: protocol.Request) -> protocol.Response:
        """One call."""
        try:
            match request:
                case protocol.ListDevices():
                    return protocol.Devices(scanners=self.watch.list())
                case protocol.TestScanner():
                    self.watch.begin_test(request.scanner, request.seconds)
                    return protocol.Done()
        except DeviceError as problem:
            return problem.failure
        raise AssertionError(request)

    def _tell(self, event: ScannerEvent) -> None:
        self.notices.put_nowait(
            protocol.Notice(
                sequence=next(self._numbers),
                type=event.type,
                at=time.time(),
                device=event.device,
                scan=event.scan,
                scan_faults=event.faults,
                test=event.test,
            )
        )


@asynccontextmanager
async def scanning(desk: ScannerDesk, *paths: Path) -> AsyncIterator[Devices]:
    """The desk fed by a device process that watches these lines, until the block ends."""
    devices = Devices(*paths)
    await devices.watch.start()
    desk.ask = devices.ask

    async def hand_over() -> None:
        while True:
            await desk.heard(await devices.notices.get())

    task = asyncio.create_task(hand_over())
    try:
        yield devices
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await devices.watch.stop()
