"""What a refused caller is still sending: read and thrown away before the answer, so that he gets it rather than a broken connection.

Bounded in bytes and in time. A caller who waits for `100 Continue` is answered at once, on a connection that is then closed. Source:
RFC 9110 sections 10.1.1 and 9.6.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from litestar.enums import ScopeType
from litestar.types import Message, Receive, Scope, Send

_MOST_BYTES = 64_000_000
_MOST_SECONDS = 20
_SILENCE = 120.0
"""Seconds without a byte after which a caller who still owes some is taken for gone: whatever reads the body, with or without a token."""
_REFUSAL, _TOO_SLOW = 400, 408


class Remainder:
    """The rest of one request's body."""

    def __init__(self, headers: list[tuple[bytes, bytes]], receive: Receive) -> None:
        named = {name.lower(): value.lower() for name, value in headers}
        self._receive = receive
        self._left = named.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in named
        self.waits = b"100-continue" in named.get(b"expect", b"")
        """True while the caller has sent nothing and waits to be told to go on."""
        self.silent = False
        """True once the caller was taken for gone."""

    async def receive(self) -> Any:
        """As ASGI's, noting how far the body is read."""
        self.waits = False
        try:
            async with asyncio.timeout(_SILENCE if self._left else None):
                message = await self._receive()
        except TimeoutError:
            self.silent, self._left = True, False
            return {"type": "http.disconnect"}
        self._left = message["type"] == "http.request" and message["more_body"]
        return message

    async def discard(self) -> None:
        """Read what is left, within bounds."""
        seen = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_MOST_SECONDS):
                while self._left and not self.waits and seen < _MOST_BYTES:
                    message = await self.receive()
                    seen += len(message.get("body", b""))


async def answer_after_reading(application: Any, scope: Scope, receive: Receive, send: Send) -> None:
    """Run an ASGI application; a refusal leaves once the body is read."""
    if scope["type"] != ScopeType.HTTP:
        await application(scope, receive, send)
        return
    remainder = Remainder(list(scope["headers"]), receive)

    async def send_in_turn(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= _REFUSAL:
            if remainder.waits or remainder.silent or message["status"] == _TOO_SLOW:
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            if message["status"] != _TOO_SLOW:
                await remainder.discard()
        await send(message)

    await application(scope, remainder.receive, send_in_turn)
