"""A disk that fills up: nothing half is kept, nobody is told a lie, and the journal serves again when there is room."""

from __future__ import annotations

import asyncio
import resource
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gateway.journal.blobs import BlobStore
from gateway.journal.sqlite import SqliteStore
from gateway.journal.store import NotAccepting
from gateway.trust.vault import DataKey
from tests.journal.samples import audit, blob, delivery, document, event

PAYLOAD = b"x" * 60_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A 2 MB file system; only root may mount one, elsewhere the test on file sizes below stands alone."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may grow over `size` bytes, as if the disk ended there."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


async def fill(store: SqliteStore) -> list[str]:
    """Commit documents until the journal takes no more; the identifiers of those it took."""
    taken: list[str] = []
    for _ in range(500):
        ones = [document() for _ in range(4)]
        outcomes = await asyncio.gather(
            *(store.commit(one, delivery(one), blob(one, inline=PAYLOAD), audit(one), event(one)) for one in ones), return_exceptions=True
        )
        taken += [one.id for one, outcome in zip(ones, outcomes, strict=True) if outcome is None]
        refusals = [outcome for outcome in outcomes if outcome is not None]
        assert all(isinstance(outcome, NotAccepting) for outcome in refusals), refusals
        if refusals:
            return taken
    pytest.fail("the disk never filled up")


async def is_whole(store: SqliteStore, path: Path, taken: list[str]) -> None:
    for document_id in taken:
        assert await store.document(document_id) is not None
        assert len(await store.deliveries_of(document_id)) == 1
        assert [one.inline for one in await store.blobs_of(document_id)] == [PAYLOAD]
    assert await store.verify_audit() is None
    assert await store.last_event() == len(taken)
    with closing(sqlite3.connect(path)) as stranger:
        assert stranger.execute("SELECT count(*) FROM documents").fetchone() == (len(taken),)
        assert stranger.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_full_disk_takes_nothing_half_and_serves_again(small_disk: Path) -> None:
    ballast, path = small_disk / "ballast", small_disk / "journal.sqlite"
    store = await SqliteStore.open(path)
    ballast.write_bytes(b"\0" * 400_000)
    taken = await fill(store)
    assert taken
    one = document()
    with pytest.raises(NotAccepting):
        await store.commit(one, blob(one, inline=PAYLOAD * 40))
    await is_whole(store, path, taken)
    ballast.unlink()
    one = document()
    await store.commit(one, delivery(one), blob(one, inline=PAYLOAD), audit(one), event(one))
    await is_whole(store, path, [*taken, one.id])
    await store.close()
    store = await SqliteStore.open(path)
    await is_whole(store, path, [*taken, one.id])
    await store.close()


async def test_a_payload_that_does_not_fit_leaves_nothing(small_disk: Path, key: DataKey) -> None:
    blobs = BlobStore(small_disk)
    with pytest.raises(NotAccepting):
        await blobs.write("d", "original", b"x" * 3_000_000, key)
    assert [path for path in (small_disk / "blobs").rglob("*") if path.is_file()] == []
    record = await blobs.write("d", "original", b"x" * 1_000_000, key)
    assert await blobs.read(record, key) == b"x" * 1_000_000


async def test_files_that_may_not_grow_take_nothing_half_and_serve_again(tmp_path: Path, key: DataKey) -> None:
    path = tmp_path / "journal.sqlite"
    store = await SqliteStore.open(path)
    with largest_file(1_500_000):
        taken = await fill(store)
        with pytest.raises(NotAccepting):
            await BlobStore(tmp_path).write("d", "original", b"x" * 3_000_000, key)
    assert taken
    await is_whole(store, path, taken)
    one = document()
    await store.commit(one, delivery(one), blob(one, inline=PAYLOAD), audit(one), event(one))
    await is_whole(store, path, [*taken, one.id])
    await store.close()
