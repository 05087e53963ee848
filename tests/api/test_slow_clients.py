"""Clients without a token that hold connections: cut after a while, counted, and the others go on."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path

import pytest

from gateway.api import server
from tests.api.rig import Box, Served, open_box

HALF = b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
WHOLE = b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
async def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Box:
    monkeypatch.setattr(server, "HEADER_SECONDS", 0.5)
    return await open_box(tmp_path)


async def connected(here: Served) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    trust = ssl.create_default_context(cafile=here.box.home / "lan-ca.pem")
    return await asyncio.open_connection("127.0.0.1", here.port, ssl=trust)


async def is_cut(reader: asyncio.StreamReader) -> bool:
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(5):
            return await reader.read() == b""
    return True


@pytest.mark.parametrize("beginning", [b"", b"GET", HALF])
async def test_a_header_that_does_not_end_is_cut(here: Served, beginning: bytes) -> None:
    reader, writer = await connected(here)
    writer.write(beginning)
    assert await is_cut(reader)
    writer.close()


async def test_the_header_of_a_second_request_is_bounded_too(here: Served) -> None:
    reader, writer = await connected(here)
    writer.write(WHOLE)
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
    await reader.readuntil(b"}")
    await asyncio.sleep(0.7)
    writer.write(WHOLE)
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200"), "idle between two requests is not slow"
    await reader.readuntil(b"}")
    writer.write(HALF)
    assert await is_cut(reader)
    writer.close()


async def test_a_handshake_that_does_not_begin_is_cut(here: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
    assert await is_cut(reader)
    writer.close()


async def test_connections_beyond_the_limit_are_cut_and_the_others_served(here: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_MOST_CONNECTIONS", 2)
    monkeypatch.setattr(server, "HEADER_SECONDS", 30.0)
    first, second, third = await connected(here), await connected(here), await connected(here)
    assert await is_cut(third[0])
    second[1].write(WHOLE)
    assert (await second[0].readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
    second[1].transport.abort()
    fourth = await connected(here)
    fourth[1].write(WHOLE)
    assert (await fourth[0].readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
    for _, writer in (first, third, fourth):
        writer.transport.abort()
