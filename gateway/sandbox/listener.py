"""A listening socket that hands over accepted connections, and the ways a connection can be made to die.

Never reads a byte: TLS and protocols belong to whoever serves the connection. Accepting by hand is what lets a fault reset a
connection before any handshake.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Awaitable, Callable

from gateway.sandbox.problems import PortTaken

Serve = Callable[[socket.socket], Awaitable[None]]

_LOG = logging.getLogger(__name__)
_BACKLOG = 256
_LINGER_NOTHING = struct.pack("ii", 1, 0)


class Listener:
    """One loopback port; each accepted connection is served in its own task, which closes it."""

    def __init__(self, serve: Serve, *, host: str = "127.0.0.1") -> None:
        self._serve = serve
        self._host = host
        self._socket: socket.socket | None = None
        self.port = 0
        """The port really bound, once started."""
        self._accepting: asyncio.Task[None] | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self, port: int, *, or_any: bool = False) -> None:
        """Bind and accept; port 0 means any free one, `or_any` falls back to that. Raises PortTaken."""
        try:
            self._socket = socket.create_server((self._host, port), backlog=_BACKLOG)
        except OSError as error:
            if not or_any:
                raise PortTaken(str(port)) from error
            self._socket = socket.create_server((self._host, 0), backlog=_BACKLOG)
        self.port = self._socket.getsockname()[1]
        self._socket.setblocking(False)
        self._accepting = asyncio.create_task(self._accept(self._socket))

    async def stop(self) -> None:
        """Close the port and end every connection."""
        tasks = [task for task in (self._accepting, *self._connections) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
        if self._socket is not None:
            self._socket.close()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listening)
            except OSError:
                _LOG.exception("accept failed")
                await asyncio.sleep(0.1)
                continue
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = asyncio.create_task(self._guarded(connection))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

    async def _guarded(self, connection: socket.socket) -> None:
        try:
            await self._serve(connection)
        except OSError as error:
            _LOG.info("connection ended: %s", type(error).__name__)
        except Exception:  # noqa: BLE001 - one connection's failure stops no other
            _LOG.exception("connection failed")


def reset(connection: socket.socket) -> None:
    """End a connection that no transport owns with a TCP reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOTHING)
    connection.close()


def reset_transport(transport: asyncio.WriteTransport) -> None:
    """End the connection of a transport with a TCP reset; what was not sent yet is lost."""
    with contextlib.suppress(OSError):
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOTHING)
    transport.abort()
