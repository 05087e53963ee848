"""A port whose library is loaded at its first request: a start has no use for it, and it costs a tenth of a second.

Adds nothing to what the port behind it promises. Source: stack.md section 9 (import times).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.wire.http import HttpPort, HttpRequest, HttpResponse


class LatePort:
    """An HttpPort; `make` is called once, on a thread, and imports what it needs."""

    def __init__(self, make: Callable[[], HttpPort]) -> None:
        self._make = make
        self._making = asyncio.Lock()
        self._port: HttpPort | None = None

    async def send(self, request: HttpRequest) -> HttpResponse:
        """What the port behind it gives or raises."""
        return await (self._port or await self._made()).send(request)

    async def close(self) -> None:
        """End the connections, if any were made."""
        if self._port is not None:
            await self._port.close()

    async def _made(self) -> HttpPort:
        async with self._making:
            port = self._port if self._port is not None else await asyncio.to_thread(self._make)
            self._port = port
            return port
