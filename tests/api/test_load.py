"""What callers may ask of the box at once: bytes being received, seconds of silence. Beyond, a typed refusal and no harm done."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.kernel.config import Limits
from tests.api.judge import check_answer, check_problem
from tests.api.rig import Box, Served, form, open_box, served

HEAD = (
    b"POST /api/v1/%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
    b"Content-Type: multipart/form-data; boundary=limite\r\nContent-Length: 190000\r\n\r\n"
    b'--limite\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\nContent-Type: application/pdf\r\n\r\n'
)
HALF = b"x" * 90_000


async def running(folder: Path, limits: Limits) -> AsyncIterator[Served]:
    async with served(await open_box(folder, limits=limits)) as here:
        yield here


@pytest.fixture
async def narrow(tmp_path: Path) -> AsyncIterator[Served]:
    """A box that holds two unfinished bodies, not three."""
    async for here in running(tmp_path, Limits(document_bytes=200_000, uploads_bytes=200_000, disk_reserve_bytes=0)):
        yield here


@pytest.fixture
async def impatient(tmp_path: Path) -> AsyncIterator[Served]:
    async for here in running(tmp_path, Limits(body_idle_seconds=0.2, disk_reserve_bytes=0)):
        yield here


@contextlib.asynccontextmanager
async def unfinished(here: Served, path: str = "documents") -> AsyncIterator[asyncio.StreamReader]:
    """A body that stops in the middle, for the time of the block."""
    trust = ssl.create_default_context(cafile=here.box.home / "lan-ca.pem")
    reader, writer = await asyncio.open_connection("127.0.0.1", here.port, ssl=trust)
    writer.write(HEAD % (path.encode(), here.box.token.encode()) + HALF)
    await writer.drain()
    try:
        yield reader
    finally:
        writer.transport.abort()


async def taken(box: Box, size: int) -> None:
    """Wait until the bodies under way hold this much."""
    async with asyncio.timeout(10):
        while box.relay.admission._allowance.taken != size:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("path", ["documents", "signatures", "signatures/verify"])
async def test_unfinished_bodies_never_hold_more_than_the_allowance(narrow: Served, path: str) -> None:
    big = form(file=b"%PDF-" + HALF)
    async with narrow.client() as client:
        async with unfinished(narrow, path), unfinished(narrow, path):
            await taken(narrow.box, 2 * len(HALF))
            answer = await client.post("/api/v1/documents", files=big)
            check_answer(answer, "/documents")
            check_problem(answer, 503, "not-accepting")
            assert answer.headers["retry-after"] == "30"
        await taken(narrow.box, 0)
        assert (await client.post("/api/v1/documents", files=form())).status_code == 202
    await taken(narrow.box, 0)


@pytest.mark.parametrize("path", ["documents", "signatures", "signatures/verify"])
async def test_a_body_of_which_nothing_comes_any_more_is_refused(impatient: Served, path: str) -> None:
    async with unfinished(impatient, path) as reader, asyncio.timeout(10):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"body-too-slow"' in answer
    assert b"connection: close" in answer.lower()
    await taken(impatient.box, 0)


async def test_the_size_of_the_file_is_kept_for_the_stages_that_follow(box: Box) -> None:
    receipt = await box.accept()
    record = await box.store.document(receipt["id"])
    assert record is not None
    [original] = [one for one in await box.store.blobs_of(record.id) if one.role == "original"]
    assert box.relay.reader._custody.admitted(record).size == original.size > 0
