"""One TCP or TLS stream for the HTTP library, on asyncio alone, so that we know exactly what may have left.

Never retries and never interprets a byte. Two promises the library's own stream does not make: a `WriteError` means that not one byte of
that write left, and a TLS alert that comes after the handshake (how TLS 1.3 refuses a client certificate) is kept as the cause of the
read error instead of being lost behind the reset that follows it.
"""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, cast

import httpcore
from typing_extensions import override

_PAUSE_ABOVE = 256 * 1024
_SOCKET_OPTION = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


class _Inbox(asyncio.Protocol):
    """What has arrived and was not read yet; the end of the connection and its reason."""

    def __init__(self) -> None:
        self.chunks: deque[bytes] = deque()
        self.size = 0
        self.ended = False
        self.reason: Exception | None = None
        self.transport: asyncio.Transport | None = None
        self.arrival = asyncio.Event()
        self.drained = asyncio.Event()
        self.drained.set()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    @override
    def data_received(self, data: bytes) -> None:
        self.chunks.append(data)
        self.size += len(data)
        self.arrival.set()
        if self.size > _PAUSE_ABOVE and self.transport is not None:
            self.transport.pause_reading()

    @override
    def eof_received(self) -> bool:
        self._end()
        return False

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.reason = self.reason or exc
        self._end()

    @override
    def pause_writing(self) -> None:
        self.drained.clear()

    @override
    def resume_writing(self) -> None:
        self.drained.set()

    def take(self, limit: int) -> bytes:
        """The next bytes, at most `limit`; empty when none is there."""
        if not self.chunks:
            return b""
        chunk = self.chunks.popleft()
        if len(chunk) > limit:
            self.chunks.appendleft(chunk[limit:])
            chunk = chunk[:limit]
        self.size -= len(chunk)
        if self.size <= _PAUSE_ABOVE and self.transport is not None:
            self.transport.resume_reading()
        if not self.chunks and not self.ended:
            self.arrival.clear()
        return chunk

    def _end(self) -> None:
        self.ended = True
        self.arrival.set()
        self.drained.set()


class Stream(httpcore.AsyncNetworkStream):
    """A connected stream; `start_tls` gives the same one under TLS."""

    def __init__(self, transport: asyncio.Transport, inbox: _Inbox) -> None:
        self._transport = transport
        self._inbox = inbox

    @override
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """At least one byte, or none at the end; raises httpcore.ReadTimeout, or ReadError with the reason as its cause."""
        async with _limited(timeout, httpcore.ReadTimeout):
            await self._inbox.arrival.wait()
        data = self._inbox.take(max_bytes)
        if not data and self._inbox.reason is not None:
            raise httpcore.ReadError(type(self._inbox.reason).__name__) from self._inbox.reason
        return data

    @override
    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Hand the bytes over; raises httpcore.WriteError when not one of them left, WriteTimeout when some may have."""
        if not buffer:
            return
        await asyncio.sleep(0)
        if self._inbox.ended or self._transport.is_closing():
            raise httpcore.WriteError("the connection had ended") from self._inbox.reason
        self._transport.write(buffer)
        async with _limited(timeout, httpcore.WriteTimeout):
            await self._inbox.drained.wait()

    @override
    async def aclose(self) -> None:
        """End the connection at once."""
        self._transport.abort()
        await asyncio.sleep(0)

    @override
    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Shake hands; raises httpcore.ConnectError (cause: the ssl.SSLError or OSError) or ConnectTimeout."""
        loop = asyncio.get_running_loop()
        try:
            async with _limited(timeout, httpcore.ConnectTimeout):
                secured = await loop.start_tls(self._transport, self._inbox, ssl_context, server_hostname=server_hostname)
        except OSError as problem:
            self._transport.abort()
            raise httpcore.ConnectError(type(problem).__name__) from problem
        if secured is None:
            raise httpcore.ConnectError("the connection ended during the handshake")
        self._inbox.transport = secured
        return Stream(secured, self._inbox)

    @override
    def get_extra_info(self, info: str) -> Any:
        """`is_readable`: True when the idle connection has ended or holds unasked bytes; the rest is asyncio's."""
        if info == "is_readable":
            return self._inbox.ended or self._transport.is_closing() or bool(self._inbox.chunks) or _readable(self._transport)
        return self._transport.get_extra_info("ssl_object" if info == "ssl_object" else info)


class Backend(httpcore.AsyncNetworkBackend):
    """How the HTTP library opens its streams."""

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[_SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises httpcore.ConnectError (cause: the OSError) or ConnectTimeout."""
        loop = asyncio.get_running_loop()
        try:
            async with _limited(timeout, httpcore.ConnectTimeout):
                transport, inbox = await loop.create_connection(_Inbox, host, port, happy_eyeballs_delay=0.25)
        except OSError as problem:
            raise httpcore.ConnectError(type(problem).__name__) from problem
        return Stream(transport, inbox)

    @override
    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        await asyncio.sleep(seconds)


@asynccontextmanager
async def _limited(seconds: float | None, error: type[httpcore.TimeoutException]) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as problem:
        raise error("too slow") from problem


def _readable(transport: asyncio.BaseTransport) -> bool:
    plug = cast("socket.socket | None", transport.get_extra_info("socket"))
    if plug is None or plug.fileno() < 0:
        return True
    watch = select.poll()
    watch.register(plug.fileno(), select.POLLIN)
    return bool(watch.poll(0))
