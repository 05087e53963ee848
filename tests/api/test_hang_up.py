"""Callers who leave, or fall silent, in the middle of what they send: no alarm, no connection held."""

from __future__ import annotations

import asyncio
import ssl

import pytest
from structlog.testing import capture_logs

from gateway.api import remainder
from tests.api.rig import Served

FORM = (
    b"POST /connexion HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 500\r\n\r\njeton=a"
)
DOCUMENT = (
    b"POST /api/v1/documents HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Length: 500\r\n"
    b"Content-Type: multipart/form-data; boundary=limite\r\n\r\n--limite\r\n"
)


async def connected(here: Served) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    trust = ssl.create_default_context(cafile=here.box.home / "lan-ca.pem")
    return await asyncio.open_connection("127.0.0.1", here.port, ssl=trust)


@pytest.mark.parametrize("sent", [FORM, DOCUMENT])
async def test_a_caller_who_leaves_is_not_an_unexpected_error(here: Served, sent: bytes) -> None:
    with capture_logs() as lines:
        _, writer = await connected(here)
        writer.write(sent.replace(b"%s", here.box.token.encode()))
        await writer.drain()
        await asyncio.sleep(0.2)
        writer.transport.abort()
        async with here.client() as client:
            assert (await client.get("/api/v1/status")).status_code == 200
        await asyncio.sleep(0.2)
    assert [one for one in lines if one["log_level"] in ("error", "critical")] == []


async def test_a_form_that_stops_is_ended_without_a_token(here: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remainder, "_SILENCE", 0.2)
    with capture_logs() as lines:
        reader, writer = await connected(here)
        writer.write(FORM)
        async with asyncio.timeout(10):
            answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 4")
    assert b"connection: close" in answer.lower()
    assert [one for one in lines if one["log_level"] == "error"] == []
