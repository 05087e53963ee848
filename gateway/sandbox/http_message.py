"""HTTP/1.1 requests read from a stream, every byte kept; answers written as bytes.

Never decides anything about a request's meaning. Strict on purpose: bare LF, two lengths or a length beside chunks are refused.
Source: RFC 9112.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from gateway.sandbox.exchange import Answer

HEAD_LIMIT: Final = 64 * 1024
BODY_LIMIT: Final = 64 * 1024 * 1024
_HEADERS_LIMIT = 100
_REQUEST_LINE = re.compile(r"([A-Z]{3,20}) ([!-~]{1,8000}) HTTP/1\.1")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\x00]*?)[ \t]*")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;[^\r\n]*)?\r\n")


class MessageBroken(Exception):
    """What came is no HTTP request we accept; `raw` is what was read of it. Stays inside the server."""

    def __init__(self, status: int, raw: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.raw = raw


@dataclass(frozen=True, slots=True)
class Head:
    """Request line and headers."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    raw: bytes

    def values(self, name: str) -> list[str]:
        """All values of a header, name given in lower case."""
        return [value for key, value in self.headers if key.lower() == name]

    @property
    def wants_close(self) -> bool:
        """True when the client asks to end the connection after the answer."""
        return any("close" in value.lower() for value in self.values("connection"))

    @property
    def chunked(self) -> bool:
        """True when the body comes in chunks."""
        return bool(self.values("transfer-encoding"))

    @property
    def length(self) -> int:
        """Content-Length, 0 without one. Raises MessageBroken."""
        values = self.values("content-length")
        if self.chunked and (values or self.values("transfer-encoding") != ["chunked"]):
            raise MessageBroken(HTTPStatus.BAD_REQUEST, self.raw)
        if not values:
            return 0
        if len(values) > 1 or not re.fullmatch(r"[0-9]{1,12}", values[0]):
            raise MessageBroken(HTTPStatus.BAD_REQUEST, self.raw)
        return int(values[0])


@dataclass(frozen=True, slots=True)
class Body:
    """A body: its content, and its bytes on the wire (the same but for chunks)."""

    content: bytes
    raw: bytes


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """The next request's head, None when the client has closed between two requests. Raises MessageBroken."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise MessageBroken(HTTPStatus.BAD_REQUEST, error.partial) from error
    except asyncio.LimitOverrunError as error:
        raise MessageBroken(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, await reader.read(HEAD_LIMIT)) from error
    lines = raw[:-4].decode("latin-1").split("\r\n")
    request_line = _REQUEST_LINE.fullmatch(lines[0])
    headers = [_HEADER.fullmatch(line) for line in lines[1:]]
    if request_line is None or len(headers) > _HEADERS_LIMIT or not all(headers):
        raise MessageBroken(HTTPStatus.BAD_REQUEST, raw)
    pairs = tuple((header[1], header[2]) for header in headers if header)
    return Head(request_line[1], request_line[2], pairs, raw)


async def read_body(reader: asyncio.StreamReader, head: Head, go_on: Callable[[], Awaitable[None]]) -> Body:
    """The body that follows a head; `go_on` sends the 100 Continue asked for. Raises MessageBroken."""
    length = head.length
    if length > BODY_LIMIT:
        raise MessageBroken(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, head.raw)
    if any(value.lower() == "100-continue" for value in head.values("expect")):
        await go_on()
    try:
        if head.chunked:
            return await _read_chunks(reader, head)
        content = await reader.readexactly(length)
    except asyncio.IncompleteReadError as error:
        raise MessageBroken(HTTPStatus.BAD_REQUEST, head.raw + error.partial) from error
    return Body(content, content)


async def _read_chunks(reader: asyncio.StreamReader, head: Head) -> Body:
    raw: list[bytes] = []
    content: list[bytes] = []
    total = 0
    while True:
        line = await reader.readuntil(b"\r\n")
        raw.append(line)
        size_match = _CHUNK_SIZE.fullmatch(line)
        if size_match is None:
            raise MessageBroken(HTTPStatus.BAD_REQUEST, head.raw + b"".join(raw))
        size = int(size_match[1], 16)
        total += size
        if total > BODY_LIMIT:
            raise MessageBroken(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, head.raw)
        if size == 0:
            break
        chunk = await reader.readexactly(size + 2)
        raw.append(chunk)
        if chunk[-2:] != b"\r\n":
            raise MessageBroken(HTTPStatus.BAD_REQUEST, head.raw + b"".join(raw))
        content.append(chunk[:-2])
    while (trailer := await reader.readuntil(b"\r\n")) != b"\r\n":
        raw.append(trailer)
    raw.append(trailer)
    return Body(b"".join(content), b"".join(raw))


def answer_head(answer: Answer, *, close: bool) -> bytes:
    """Status line and headers of an answer, empty line included."""
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [
        f"HTTP/1.1 {answer.status} {phrase}",
        "Server: relais-bac-a-sable",
        f"Date: {datetime.now(UTC):%a, %d %b %Y %H:%M:%S} GMT",
        f"Content-Type: {answer.content_type}",
        f"Content-Length: {len(answer.body)}",
        f"Connection: {'close' if close else 'keep-alive'}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
