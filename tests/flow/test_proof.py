from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.flow import proof as proofs
from gateway.flow.proof import Entries, Proof, Proofs, TooManyProofs
from tests.tools import need_tool

LARGE = os.urandom(300_000)


async def entries() -> Entries:
    yield "journal.jsonl", b"{}\n" * 1000
    yield "01-original", LARGE


async def fetched(proof: Proof) -> bytes:
    return b"".join([piece async for piece in proof.pieces()])


async def test_the_archive_is_whole_and_only_what_is_small_is_deflated(tmp_path: Path) -> None:
    proof = await Proofs().write(entries())
    size, content = proof.size, await fetched(proof)
    assert len(content) == size
    path = tmp_path / "p.zip"
    path.write_bytes(content)
    unzip = need_tool("unzip")
    said = await asyncio.to_thread(lambda: subprocess.check_output([unzip, "-p", path, "01-original"]))
    assert said == LARGE
    with zipfile.ZipFile(path) as archive:
        assert [(one.filename, one.compress_type) for one in archive.infolist()] == [("journal.jsonl", 8), ("01-original", 0)]


async def test_archives_beyond_two_wait_then_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proofs, "_PATIENCE", 0.02)
    desk = Proofs()
    first, second = await desk.write(entries()), await desk.write(entries())
    with pytest.raises(TooManyProofs) as refusal:
        await desk.write(entries())
    assert (refusal.value.code, refusal.value.status) == ("not-accepting", 503)
    await fetched(first)
    await fetched(await desk.write(entries()))
    second.close()


async def test_what_is_never_fetched_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proofs, "_PATIENCE", 0.02)
    monkeypatch.setattr(proofs, "_TO_FETCH", 0.5)
    desk = Proofs()
    late = await desk.write(entries())
    pieces = late.pieces()
    assert await anext(pieces)
    gone = await desk.write(entries())
    gone.pieces()
    gc.collect()
    assert gone.file.closed, "nobody holds its pieces"
    async with asyncio.timeout(20):
        while not late.file.closed:  # noqa: ASYNC110 - closed by the loop's own clock
            await asyncio.sleep(0.02)
    assert [piece async for piece in pieces] == []
    monkeypatch.setattr(proofs, "_TO_FETCH", 60.0)
    for _ in range(3):
        await fetched(await desk.write(entries()))


async def test_a_payload_that_cannot_be_read_leaves_no_archive() -> None:
    desk = Proofs()

    async def broken() -> AsyncIterator[tuple[str, bytes]]:
        yield "recepisse.json", b"{}"
        raise LookupError

    for _ in range(3):
        with pytest.raises(LookupError):
            await desk.write(broken())
    await fetched(await desk.write(entries()))
