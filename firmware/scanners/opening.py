"""Opens serial lines beside the loop, within a bounded time: the driver of a USB device that died may keep whoever opens it for minutes.

Each line has a thread of its own that nobody waits for at the end of the process. While one is stuck its line is not tried again; a line
that comes too late is closed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Final

from firmware.scanners.errors import LineNotOpened
from firmware.scanners.wire import Wire

SECONDS: Final = 3.0
"""A line that opens does so in milliseconds."""

OpenWire = Callable[[str, int], Wire]


class Openings:
    """The lines of one loop that are being opened."""

    def __init__(self, open_wire: OpenWire = Wire, *, seconds: float = SECONDS) -> None:
        self._open_wire = open_wire
        self._seconds = seconds
        self._under_way: set[str] = set()

    async def open(self, path: str, speed: int) -> Wire:
        """The line, open; raises LineNotOpened, after so many seconds at most, and at once while an earlier try is stuck."""
        if path in self._under_way:
            raise LineNotOpened("failed", "stuck")
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[Wire | LineNotOpened] = loop.create_future()

        def deliver(result: Wire | LineNotOpened) -> None:
            self._under_way.discard(path)
            if not opened.done():
                opened.set_result(result)
            elif isinstance(result, Wire):
                result.close()

        def work() -> None:
            result = _result(self._open_wire, path, speed)
            try:
                loop.call_soon_threadsafe(deliver, result)
            except RuntimeError:  # the loop is closed: nobody wants the line any more
                if isinstance(result, Wire):
                    result.close()

        self._under_way.add(path)
        threading.Thread(target=work, name="scanner-opening", daemon=True).start()
        return await self._within(opened)

    async def _within(self, opened: asyncio.Future[Wire | LineNotOpened]) -> Wire:
        try:
            async with asyncio.timeout(self._seconds):
                result = await opened
        except TimeoutError:
            _close(opened)
            raise LineNotOpened("failed", "too slow") from None
        except asyncio.CancelledError:
            _close(opened)
            raise
        if isinstance(result, LineNotOpened):
            raise result
        return result


def _result(open_wire: OpenWire, path: str, speed: int) -> Wire | LineNotOpened:
    try:
        return open_wire(path, speed)
    except LineNotOpened as refusal:
        return refusal
    except Exception as defect:  # noqa: BLE001 - a defect in a thread would be told nowhere
        return LineNotOpened("failed", type(defect).__name__)


def _close(opened: asyncio.Future[Wire | LineNotOpened]) -> None:
    """What came in the very instant nobody waited any more."""
    if opened.done() and not opened.cancelled() and isinstance(result := opened.result(), Wire):
        result.close()
