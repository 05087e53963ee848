"""A small HTTP/1.1 server on asyncio streams, TLS or plain: verbatim requests in, exact answers (or exact accidents) out.

Never judges a request: a handler does. Serves contract.md 2, where the bytes of each request are evidence and faults must fall at a precise
place, which general servers do not allow.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Protocol

from gateway.sandbox.exchange import Answer, Request
from gateway.sandbox.http_message import HEAD_LIMIT, Head, MessageBroken, answer_head, read_body, read_head
from gateway.sandbox.listener import Listener, reset, reset_transport
from gateway.sandbox.tls import CONNECTION

_LOG = logging.getLogger(__name__)
_HANDSHAKE_SECONDS = 15.0
_SHUTDOWN_SECONDS = 2.0
_IDLE_SECONDS = 75.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What to do with the connection: answer (None: die without a byte), wholly or up to half of the body then a reset."""

    answer: Answer | None
    cut_in_half: bool = False


class Handler(Protocol):
    """Who the server works for."""

    def refuses_connection(self) -> bool:
        """True: reset this new connection, or this idle one, before reading it."""
        ...

    def tls_context(self) -> ssl.SSLContext | None:
        """Context for a new connection; None: plain HTTP."""
        ...

    def cuts_request(self, head: Head) -> bool:
        """True: read half of this request's body, then reset the connection."""
        ...

    async def handle(self, request: Request) -> Reply:
        """Judge one whole request."""
        ...

    async def broken(self, raw: bytes, status: int | None) -> None:
        """Take note of a request that could not be read whole; `status` is what was answered, None when nothing was."""
        ...


class HttpServer:
    """One port, one handler."""

    def __init__(self, handler: Handler, now: Callable[[], datetime]) -> None:
        self._handler = handler
        self._now = now
        self.listener = Listener(self._serve)

    async def _serve(self, connection: socket.socket) -> None:
        if self._handler.refuses_connection():
            reset(connection)
            return
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=HEAD_LIMIT)
        protocol = asyncio.StreamReaderProtocol(reader)
        context = self._handler.tls_context()
        CONNECTION.set(connection)
        seconds = {"ssl_handshake_timeout": _HANDSHAKE_SECONDS, "ssl_shutdown_timeout": _SHUTDOWN_SECONDS} if context else {}
        try:
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection, ssl=context, **seconds)
        except (OSError, ssl.SSLError) as error:
            _LOG.info("handshake refused: %s", error)
            return
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        try:
            while await self._exchange(reader, writer):
                pass
        except asyncio.CancelledError:
            transport.abort()
            raise
        finally:
            transport.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; False when the connection is over."""
        try:
            async with asyncio.timeout(_IDLE_SECONDS):
                head = await read_head(reader)
            if head is None:
                return False
            if self._handler.refuses_connection():
                reset_transport(writer.transport)
                return False
            if self._handler.cuts_request(head):
                await self._cut(reader, writer, head)
                return False
            body = await read_body(reader, head, lambda: _go_on(writer))
        except TimeoutError:
            return False
        except MessageBroken as broken:
            await self._handler.broken(broken.raw, broken.status)
            await _write(writer, Answer(broken.status, "text/plain; charset=utf-8", b""), close=True)
            return False
        request = Request(
            method=head.method,
            path=head.target,
            headers=head.headers,
            body=body.content,
            raw=head.raw + body.raw,
            client_certificate=_peer_certificate(writer),
            received_at=self._now(),
        )
        return await self._reply(writer, head, await self._handler.handle(request))

    async def _reply(self, writer: asyncio.StreamWriter, head: Head, reply: Reply) -> bool:
        if reply.answer is None:
            writer.transport.abort()
            return False
        if reply.cut_in_half:
            writer.write(answer_head(reply.answer, close=False) + reply.answer.body[: len(reply.answer.body) // 2])
            await writer.drain()
            reset_transport(writer.transport)
            return False
        await _write(writer, reply.answer, close=head.wants_close)
        return not head.wants_close

    async def _cut(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: Head) -> None:
        if head.values("expect"):
            await _go_on(writer)
        wanted = max(1, head.length // 2)
        got = bytearray()
        while len(got) < wanted and (chunk := await reader.read(wanted - len(got))):
            got += chunk
        await self._handler.broken(head.raw + bytes(got), None)
        reset_transport(writer.transport)


async def _write(writer: asyncio.StreamWriter, answer: Answer, *, close: bool) -> None:
    writer.write(answer_head(answer, close=close) + answer.body)
    await writer.drain()


async def _go_on(writer: asyncio.StreamWriter) -> None:
    writer.write(f"HTTP/1.1 {HTTPStatus.CONTINUE.value} Continue\r\n\r\n".encode())
    await writer.drain()


def _peer_certificate(writer: asyncio.StreamWriter) -> bytes | None:
    tls: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    return tls.getpeercert(binary_form=True) if tls else None
