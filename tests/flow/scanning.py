"""A desk for scanners over a real watch on pseudo-terminals, as the device process and the gateway do it, without the socket between."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from firmware import protocol
from firmware.scanners.ports import ScannerRules, ports_of
from firmware.scanners.watch import ScannerEvent, ScannerWatch
from gateway.flow.scanners.desk import ScannerDesk
from tests.firmware.scanners.plug import EVERY

_R = TypeVar("_R", bound=protocol.Response)


class Devices:
    """The device process: a watch, its answers, and its notices as they go over the wire."""

    def __init__(self, *paths: Path, memory: Path | None = None) -> None:
        rules = ScannerRules(lines=tuple(map(str, paths)))
        self.watch = ScannerWatch(rules, self._tell, memory=memory, every=EVERY, discover=lambda *given: ports_of([], *given))
        self.notices: asyncio.Queue[protocol.Notice] = asyncio.Queue()
        self._numbers = itertools.count(1)

    async def call(self, request: protocol.Request, kind: type[_R]) -> _R:
        """One call; raises as the client of the process does."""
        answer: protocol.Response = protocol.Done()
        match request:
            case protocol.ListDevices():
                answer = protocol.Devices(scanners=self.watch.list())
            case protocol.TestScanner():
                self.watch.begin_test(request.scanner, request.seconds)
            case _:
                raise AssertionError(request)
        assert isinstance(answer, kind)
        return answer

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
    desk.call = devices.call

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
