"""One TCP or TLS stream for the HTTP library, on a bare socket, so that we know exactly what may have left.

Never retries and never interprets a byte. Two promises the library's own stream does not make: a `WriteError` means that not one byte of
that write left, and a TLS alert that comes after the handshake (how TLS 1.3 refuses a client certificate) is read and kept as the cause
of the error, even when the peer resets the connection right behind it. One reader and writer at a time, as HTTP/1.1 has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpcore
from typing_extensions import override

from gateway.egress.outlet import through, way_out

_READ = 262_144
_SOCKET_OPTION = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]
_Result = TypeVar("_Result")


class Stream(httpcore.AsyncNetworkStream):
    """A connected socket, in clear."""

    def __init__(self, plug: socket.socket) -> None:
        self._plug = plug

    @override
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """At least one byte, or none at the end; raises httpcore.ReadTimeout, or ReadError with the reason as its cause."""
        async with _limited(timeout, httpcore.ReadTimeout, httpcore.ReadError):
            return await self._receive(max_bytes)

    @override
    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Hand the bytes over; raises httpcore.WriteError when not one of them left, WriteTimeout when some may have.

        A connection that ends after the first byte raises nothing here: the read that follows tells why.
        """
        if buffer:
            await self._send(self._wrapped(buffer), timeout)

    @override
    async def aclose(self) -> None:
        """End the connection at once."""
        self._plug.close()

    @override
    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Shake hands; raises httpcore.ConnectError (cause: the ssl.SSLError or OSError) or ConnectTimeout."""
        secured = TlsStream(self._plug, ssl_context, server_hostname)
        try:
            async with _limited(timeout, httpcore.ConnectTimeout, httpcore.ConnectError):
                await secured.shake_hands()
        except BaseException:
            self._plug.close()
            raise
        return secured

    @override
    def get_extra_info(self, info: str) -> Any:
        """`is_readable`: True when the idle connection has ended or holds bytes nobody asked for; `socket`."""
        if info == "is_readable":
            return _readable(self._plug)
        return self._plug if info == "socket" else None

    def _wrapped(self, buffer: bytes) -> bytes:
        return buffer

    async def _receive(self, limit: int) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._plug, limit)

    async def _send(self, octets: bytes, seconds: float | None) -> None:
        try:
            sent = self._plug.send(octets)
        except BlockingIOError:
            sent = 0
        except OSError as problem:
            raise httpcore.WriteError(type(problem).__name__) from problem
        if sent < len(octets):
            with contextlib.suppress(httpcore.WriteError):
                async with _limited(seconds, httpcore.WriteTimeout, httpcore.WriteError):
                    await asyncio.get_running_loop().sock_sendall(self._plug, memoryview(octets)[sent:])


class TlsStream(Stream):
    """The same under TLS; made by `Stream.start_tls`."""

    def __init__(self, plug: socket.socket, context: ssl.SSLContext, hostname: str | None) -> None:
        super().__init__(plug)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=hostname)

    async def shake_hands(self) -> None:
        """Raises ssl.SSLError or OSError; the alert we owe the peer is sent first."""
        try:
            await self._pump(self._tls.do_handshake)
        except ssl.SSLError:
            with contextlib.suppress(OSError):
                self._plug.send(self._outgoing.read())
            raise

    @override
    async def aclose(self) -> None:
        """Say goodbye when the socket takes it at once, and end the connection."""
        with contextlib.suppress(OSError):
            self._tls.unwrap()
        with contextlib.suppress(OSError):
            self._plug.send(self._outgoing.read())
        await super().aclose()

    @override
    def get_extra_info(self, info: str) -> Any:
        """`ssl_object` besides those of a stream in clear."""
        return self._tls if info == "ssl_object" else super().get_extra_info(info)

    @override
    def _wrapped(self, buffer: bytes) -> bytes:
        self._tls.write(buffer)
        return self._outgoing.read()

    @override
    async def _receive(self, limit: int) -> bytes:
        try:
            return await self._pump(lambda: self._tls.read(limit))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    async def _pump(self, step: Callable[[], _Result]) -> _Result:
        loop = asyncio.get_running_loop()
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                await self._flush()
            else:
                await self._flush()
                return result
            received = await loop.sock_recv(self._plug, _READ)
            if received:
                self._incoming.write(received)
            else:
                self._incoming.write_eof()

    async def _flush(self) -> None:
        # a reset does not stop the reading: the alert that explains it may already be there
        if self._outgoing.pending:
            with contextlib.suppress(OSError):
                await asyncio.get_running_loop().sock_sendall(self._plug, self._outgoing.read())


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
        """The first address that answers, each given its share of the time; raises httpcore.ConnectError or ConnectTimeout."""
        async with _limited(timeout, httpcore.ConnectTimeout, httpcore.ConnectError):
            if (relay := way_out()) is not None:
                return Stream(await through(relay, host, port))
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            for family, kind, protocol, _, address in found[:-1]:
                with contextlib.suppress(OSError):
                    async with asyncio.timeout(None if timeout is None else timeout / len(found)):
                        return Stream(await _connected(family, kind, protocol, address))
            family, kind, protocol, _, address = found[-1]
            return Stream(await _connected(family, kind, protocol, address))

    @override
    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        await asyncio.sleep(seconds)


async def _connected(family: int, kind: int, protocol: int, address: Any) -> socket.socket:
    plug = socket.socket(family, kind, protocol)
    try:
        plug.setblocking(False)
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(plug, address)
    except BaseException:
        plug.close()
        raise
    return plug


@asynccontextmanager
async def _limited(
    seconds: float | None, late: type[httpcore.TimeoutException], broken: type[httpcore.NetworkError]
) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as problem:
        raise late("too slow") from problem
    except OSError as problem:
        raise broken(type(problem).__name__) from problem


def _readable(plug: socket.socket) -> bool:
    if plug.fileno() < 0:
        return True
    watch = select.poll()
    watch.register(plug.fileno(), select.POLLIN)
    return bool(watch.poll(0))
