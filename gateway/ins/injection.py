"""Official answers from files in the place of those of INSi, for the CNDA's tests (insi.md 6). Never in production: the caller sees to it.

As long as the folder holds a file `*.xml`, the first one by name answers every call; an empty folder lets calls through.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.ins.errors import InsiUnreadable
from gateway.ins.reading import MAX_BYTES
from gateway.wire.http import HttpPort, HttpRequest, HttpResponse


class InjectionPort:
    """An HttpPort that answers from a folder, or passes on to the real one."""

    def __init__(self, folder: Path, port: HttpPort) -> None:
        self._folder = folder
        self._port = port

    async def send(self, request: HttpRequest) -> HttpResponse:
        """The injected answer, 500 when it is a fault; else what the port behind gives or raises. Raises InsiUnreadable."""
        injected = await asyncio.to_thread(_injected, self._folder)
        if injected is None:
            return await self._port.send(request)
        status = 500 if b":Fault" in injected or b"<Fault" in injected else 200
        return HttpResponse(status=status, headers={"content-type": "application/soap+xml;charset=utf-8"}, body=injected)

    async def close(self) -> None:
        """End the connections of the port behind."""
        await self._port.close()


def _injected(folder: Path) -> bytes | None:
    try:
        path = next(iter(sorted(folder.glob("*.xml"))), None)
        if path is None:
            return None
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as problem:
        raise InsiUnreadable(f"injection: {type(problem).__name__}") from None
