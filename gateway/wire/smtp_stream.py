"""The byte stream under an SMTP session: lines in, bytes out, TLS in place; on asyncio alone.

Never interprets a line and never retries. A failed write tells whether any byte of it may have left, and bytes received in clear before
STARTTLS are never read as if they had come under TLS (command injection).
"""

from __future__ import annotations

import asyncio
import ssl
from typing import cast

from typing_extensions import override

from gateway.egress.outlet import through, way_out

_LONGEST_LINE = 8192
_PAUSE_ABOVE = 64 * 1024
_CHUNK = 128 * 1024


class StreamEnded(Exception):
    """The connection is over, or was of no use; `reason` is the name of the system's own error. Stays inside the SMTP room."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Inbox(asyncio.Protocol):
    """Bytes received and not read yet, and the end of the connection."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.ended = False
        self.reason = "EOF"
        self.transport: asyncio.Transport | None = None
        self.arrival = asyncio.Event()
        self.drained = asyncio.Event()
        self.drained.set()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The transport, for a flood to be cut by."""
        self.transport = cast(asyncio.Transport, transport)

    @override
    def data_received(self, data: bytes) -> None:
        """Kept until it is read; a peer that sends without end is cut (`flood`)."""
        self.buffer += data
        self.arrival.set()
        if len(self.buffer) > _PAUSE_ABOVE:
            self.end("flood")
            if self.transport is not None:
                self.transport.abort()

    @override
    def eof_received(self) -> bool:
        """The other side has no more to say: nor have we."""
        self.end("EOF")
        return False

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Ends, for the reason that comes first."""
        self.end(_named(exc) if exc is not None else "EOF")

    @override
    def pause_writing(self) -> None:
        """Whoever writes waits for `drained`."""
        self.drained.clear()

    @override
    def resume_writing(self) -> None:
        """Whoever waited goes on."""
        self.drained.set()

    def end(self, reason: str) -> None:
        """Nothing more will come; the first reason told stays."""
        if not self.ended:
            self.ended, self.reason = True, reason
        self.arrival.set()
        self.drained.set()


class SmtpStream:
    """One connection. Every wait is bounded by its caller: TimeoutError is the caller's own."""

    def __init__(self, transport: asyncio.Transport, inbox: _Inbox) -> None:
        self._transport = transport
        self._inbox = inbox

    @classmethod
    async def connect(cls, host: str, port: int) -> SmtpStream:
        """A connection in clear; raises StreamEnded."""
        try:
            transport, inbox = await _connected(host, port)
        except (OSError, ValueError, OverflowError) as problem:
            raise StreamEnded(type(problem).__name__) from None
        return cls(transport, inbox)

    @property
    def alive(self) -> bool:
        """False once the connection has ended, or when bytes came that nobody asked for."""
        return not (self._inbox.ended or self._transport.is_closing() or self._inbox.buffer)

    @property
    def tls_version(self) -> str | None:
        """`TLSv1.2`, `TLSv1.3`..., None in clear."""
        tls = self._transport.get_extra_info("ssl_object")
        return tls.version() if tls is not None else None

    async def read_line(self) -> bytes:
        """The next line without its CRLF; raises StreamEnded."""
        inbox = self._inbox
        while (end := inbox.buffer.find(b"\n")) < 0:
            if inbox.ended:
                raise StreamEnded(inbox.reason)
            if len(inbox.buffer) > _LONGEST_LINE:
                raise StreamEnded("line too long")
            inbox.arrival.clear()
            await inbox.arrival.wait()
        line = bytes(inbox.buffer[:end]).removesuffix(b"\r")
        del inbox.buffer[: end + 1]
        return line

    def check_writable(self) -> None:
        """Raises StreamEnded when it is already known that nothing more can leave."""
        if self._inbox.ended or self._transport.is_closing():
            raise StreamEnded(self._inbox.reason)

    async def write(self, data: bytes, silence: float) -> None:
        """Hand the bytes over, waiting at most `silence` seconds at a time for room; raises StreamEnded, TimeoutError."""
        view = memoryview(data)
        for start in range(0, len(view), _CHUNK):
            self.check_writable()
            self._transport.write(view[start : start + _CHUNK])
            async with asyncio.timeout(silence):
                await self._inbox.drained.wait()

    async def start_tls(self, context: ssl.SSLContext, name: str) -> None:
        """Shake hands and go on under TLS; raises StreamEnded with OpenSSL's reason."""
        if self._inbox.buffer:
            self.abort()
            raise StreamEnded("bytes in clear after STARTTLS")
        try:
            secured = await asyncio.get_running_loop().start_tls(self._transport, self._inbox, context, server_hostname=name)
        except (OSError, ValueError) as problem:
            self.abort()
            raise StreamEnded(_named(problem)) from None
        if secured is None:
            raise StreamEnded(self._inbox.reason)
        self._transport = self._inbox.transport = secured

    def abort(self) -> None:
        """End the connection at once."""
        self._inbox.end("closed")
        self._transport.abort()


async def _connected(host: str, port: int) -> tuple[asyncio.Transport, _Inbox]:
    loop, relay = asyncio.get_running_loop(), way_out()
    if relay is None:
        return await loop.create_connection(_Inbox, host, port)
    transport, inbox = await loop.create_unix_connection(_Inbox, sock=await through(relay, host, port))
    return transport, inbox


def _named(problem: Exception) -> str:
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"certificate verify code {problem.verify_code}"
    return (problem.reason if isinstance(problem, ssl.SSLError) else None) or type(problem).__name__
