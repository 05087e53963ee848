"""Requests read byte for byte, and everything that is no request refused."""

from __future__ import annotations

import asyncio

import pytest

from gateway.sandbox.exchange import Answer
from gateway.sandbox.http_message import BODY_LIMIT, HEAD_LIMIT, Body, Head, MessageBroken, answer_head, read_body, read_head


def stream(raw: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=HEAD_LIMIT)
    reader.feed_data(raw)
    reader.feed_eof()
    return reader


async def never() -> None:
    pytest.fail("nobody asked for 100 Continue")


async def whole(raw: bytes) -> tuple[Head, Body]:
    reader = stream(raw)
    head = await read_head(reader)
    assert head is not None
    return head, await read_body(reader, head, never)


async def test_bytes_are_kept_as_they_came() -> None:
    raw = b"POST /si-dmp-server/v2/services/patients HTTP/1.1\r\nHOST: h\r\nX-Odd:\t  two  words \r\ncontent-length: 5\r\n\r\n\x00\xff\r\nz"
    head, body = await whole(raw)
    assert head.raw + body.raw == raw
    assert (head.method, head.target, body.content) == ("POST", "/si-dmp-server/v2/services/patients", b"\x00\xff\r\nz")
    assert ("X-Odd", "two  words") in head.headers


async def test_chunks_are_joined_and_their_framing_kept() -> None:
    head_bytes = b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    framing = b"4;note=1\r\nWiki\r\nA\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n"
    head, body = await whole(head_bytes + framing)
    assert body.content == b"Wiki0123456789"
    assert head.raw + body.raw == head_bytes + framing


async def test_a_client_may_wait_for_the_go_ahead() -> None:
    reader = asyncio.StreamReader(limit=HEAD_LIMIT)
    reader.feed_data(b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    head = await read_head(reader)
    assert head is not None
    asked = []

    async def go_on() -> None:
        asked.append(True)
        reader.feed_data(b"ok")

    assert (await read_body(reader, head, go_on)).content == b"ok"
    assert asked == [True]


async def test_silence_between_two_requests_is_no_fault() -> None:
    assert await read_head(stream(b"")) is None


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Len", 400),
        (b"GET /x HTTP/1.0\r\n\r\n", 400),
        (b"GET  /x HTTP/1.1\r\n\r\n", 400),
        (b"get /x HTTP/1.1\r\n\r\n", 400),
        (b"GET /x HTTP/1.1\nHost: h\n\r\n\r\n", 400),
        (b"GET /x HTTP/1.1\r\nNo colon\r\n\r\n", 400),
        (b"GET /x HTTP/1.1\r\nSpace : before\r\n\r\n", 400),
        (b"GET /x HTTP/1.1\r\n Folded: line\r\n\r\n", 400),
        (b"GET /x HTTP/1.1\r\n" + b"A: b\r\n" * 101 + b"\r\n", 400),
        (b"GET /x HTTP/1.1\r\nA: " + b"b" * HEAD_LIMIT * 2 + b"\r\n\r\n", 431),
        (b"POST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", 400),
        (b"POST /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
        (b"POST /x HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /x HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", 400),
        (b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", 400),
        (b"POST /x HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (BODY_LIMIT + 1), 413),
        (b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n", 413),
    ],
)
async def test_what_is_no_request_is_refused(raw: bytes, status: int) -> None:
    with pytest.raises(MessageBroken) as caught:
        await whole(raw)
    assert caught.value.status == status


def test_an_answer_says_its_length_and_whether_it_is_the_last() -> None:
    head = answer_head(Answer(503, "text/plain", b"12345"), close=True)
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nContent-Length: 5\r\n" in head
    assert b"\r\nConnection: close\r\n" in head
    assert head.endswith(b"\r\n\r\n")
