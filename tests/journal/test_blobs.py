"""The payloads: what is given comes back, what is damaged says so, what is refused leaves nothing, nothing is readable on the disk."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.journal import blobs as rooms
from gateway.journal.blobs import INLINE_BYTES, BlobStore, PayloadDamaged
from gateway.journal.draft import Draft
from gateway.journal.memory import MemoryStore
from gateway.journal.records import BlobRecord
from gateway.journal.store import NotAccepting
from gateway.kernel.errors import ErrorClass
from gateway.trust.vault import DataKey, open_vault
from tests.journal.samples import document

SIZES = [0, 1, INLINE_BYTES, INLINE_BYTES + 1, 262_144, 262_145, 1_000_003]
LARGE = 300_000


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path)


def payload(size: int) -> bytes:
    return hashlib.shake_128(b"payload").digest(size)


def files(home: Path) -> list[Path]:
    return sorted(path for path in (home / "blobs").rglob("*") if path.is_file())


async def chunks(data: bytes, step: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), step):
        yield data[start : start + step]


async def streamed(blobs: BlobStore, record: BlobRecord, key: DataKey) -> bytes:
    return b"".join([piece async for piece in blobs.open_stream(record, key)])


@pytest.mark.parametrize("size", SIZES)
async def test_a_payload_comes_back(blobs: BlobStore, key: DataKey, tmp_path: Path, size: int) -> None:
    data = payload(size)
    for record in (
        await blobs.write("d", "original", memoryview(data), key),
        await blobs.receive("d", "original", chunks(data, 70_001), key),
    ):
        assert (record.document_id, record.role, record.size) == ("d", "original", size)
        assert record.sha256 == hashlib.sha256(data).hexdigest()
        assert (record.inline is not None) == (size <= INLINE_BYTES)
        assert await blobs.read(record, key) == data
        assert await streamed(blobs, record, key) == data
    assert len(files(tmp_path)) == (0 if size <= INLINE_BYTES else 2)


async def test_files_are_private_and_hold_nothing_readable(blobs: BlobStore, key: DataKey, tmp_path: Path) -> None:
    data = b"DUPONT Jeanne 279035121518989 " * 20_000
    record = await blobs.write("document", "original", data, key)
    small = await blobs.write("document", "cda", data[:100], key)
    [path] = files(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.name == record.id
    for sealed in (path.read_bytes(), small.inline or b""):
        assert b"DUPONT" not in sealed
        assert b"279035121518989" not in sealed


async def test_neighbours_share_a_folder(blobs: BlobStore, key: DataKey, tmp_path: Path) -> None:
    await asyncio.gather(*(blobs.write("d", "original", payload(LARGE), key) for _ in range(10)))
    assert len(files(tmp_path)) == 10
    assert len({path.parent for path in files(tmp_path)}) <= 2


async def test_a_damaged_payload_says_so(blobs: BlobStore, key: DataKey, tmp_path: Path) -> None:
    good = await blobs.write("d", "original", payload(LARGE), key)
    [path] = files(tmp_path)
    sealed = path.read_bytes()
    flipped = bytearray(sealed)
    flipped[len(sealed) // 2] ^= 1
    for damaged in (bytes(flipped), sealed[:-1], sealed[:-LARGE], b"", sealed + b"\x00", sealed[: len(sealed) // 2]):
        path.write_bytes(damaged)
        for reading in (blobs.read(good, key), streamed(blobs, good, key)):
            with pytest.raises(PayloadDamaged) as caught:
                await reading
            assert caught.value.error_class is ErrorClass.HUMAN
            assert str(tmp_path) not in f"{caught.value} {caught.value.technical}"
    path.unlink()
    with pytest.raises(PayloadDamaged):
        await blobs.read(good, key)


async def test_a_payload_opens_only_where_it_belongs(blobs: BlobStore, key: DataKey, tmp_path: Path) -> None:
    for size in (100, LARGE):
        record = await blobs.write("d", "original", payload(size), key)
        strangers = [
            replace(record, document_id="e"),
            replace(record, role="cda"),
            replace(record, size=size + 1),
        ]
        for stranger in strangers:
            with pytest.raises(PayloadDamaged):
                await blobs.read(stranger, key)
        with pytest.raises(PayloadDamaged):
            await blobs.read(record, open_vault(tmp_path).new_key())
    first, second = [await blobs.write("d", "answer", payload(LARGE), key) for _ in range(2)]
    [one], [two] = [[path for path in files(tmp_path) if path.name == record.id] for record in (first, second)]
    one.write_bytes(two.read_bytes())
    with pytest.raises(PayloadDamaged):
        await blobs.read(first, key)


@pytest.mark.parametrize("name", ["../../../etc/passwd", "", "a" * 36, "0199ABCD-0000-7000-8000-000000000000"])
async def test_no_identifier_leads_out_of_the_folder(blobs: BlobStore, key: DataKey, name: str) -> None:
    record = replace(await blobs.write("d", "original", payload(LARGE), key), id=name)
    with pytest.raises(PayloadDamaged):
        await blobs.read(record, key)
    with pytest.raises(PayloadDamaged):
        await blobs.remove(name)


async def test_an_upload_that_breaks_leaves_nothing(blobs: BlobStore, key: DataKey, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield payload(LARGE)
        yield payload(LARGE)
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        await blobs.receive("d", "original", broken(), key)
    assert files(tmp_path) == []


async def test_a_cancelled_write_leaves_nothing(blobs: BlobStore, key: DataKey, tmp_path: Path) -> None:
    data = payload(16_000_000)
    cancelled = 0
    for delay in (0.0, 0.001, 0.002, 0.005, 0.01, 0.02):
        task = asyncio.create_task(blobs.write("d", "original", data, key))
        await asyncio.sleep(delay)
        if task.cancel():
            cancelled += 1
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            await blobs.discard(await task)
        assert files(tmp_path) == []
    assert cancelled


async def test_a_disk_that_refuses_is_not_accepting_and_leaves_nothing(
    blobs: BlobStore, key: DataKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int, *_: object) -> int:
        raise OSError(28, "No space left on device", str(tmp_path))

    for place, name in ((os, "write"), (os, "fsync"), (rooms, "sync_folder")):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, full)
            with pytest.raises(NotAccepting) as caught:
                await blobs.write("d", "original", payload(LARGE), key)
            assert str(tmp_path) not in f"{caught.value} {caught.value.technical}"
        assert files(tmp_path) == []
    record = await blobs.write("d", "original", payload(LARGE), key)
    assert await blobs.read(record, key) == payload(LARGE)


async def test_the_sweep_removes_what_no_row_knows(blobs: BlobStore, key: DataKey, tmp_path: Path) -> None:
    assert await blobs.sweep(MemoryStore()) == 0
    store, one = MemoryStore(), document()
    kept = await blobs.write(one.id, "original", payload(LARGE), key)
    await blobs.write(one.id, "original", payload(LARGE), key)
    await store.commit(one, kept)
    folder = files(tmp_path)[0].parent
    (folder / f"{kept.id}.part").write_bytes(b"half")
    (folder / "anything").write_bytes(b"")
    assert await blobs.sweep(store) == 3
    assert [path.name for path in files(tmp_path)] == [kept.id]
    assert await blobs.read(kept, key) == payload(LARGE)
    assert await blobs.sweep(store) == 0


async def test_a_payload_can_be_removed_twice(blobs: BlobStore, key: DataKey, tmp_path: Path) -> None:
    record = await blobs.write("d", "original", payload(LARGE), key)
    await blobs.discard(record, await blobs.write("d", "cda", b"small", key))
    await blobs.remove(record.id)
    assert files(tmp_path) == []


async def test_a_large_upload_is_never_whole_in_memory(blobs: BlobStore, key: DataKey) -> None:
    async def upload() -> AsyncIterator[bytes]:
        for number in range(320):
            yield bytes([number % 256]) * 65_536

    tracemalloc.start()
    try:
        record = await blobs.receive("d", "original", upload(), key)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert record.size == 320 * 65_536
    assert peak < 4_000_000


def test_a_dropped_draft_stays_dropped(key: DataKey, tmp_path: Path) -> None:
    draft = Draft(tmp_path / "folder" / "name", key.sealer(b"c"))
    draft.add(b"x" * 1_000_000)
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["name.part"]
    draft.drop()
    with pytest.raises(OSError, match="descriptor"):
        draft.publish()
    assert list((tmp_path / "folder").iterdir()) == []
    unused = Draft(tmp_path / "other" / "name", key.sealer(b"c"))
    unused.drop()
    with pytest.raises(OSError, match="descriptor"):
        unused.add(b"x" * 1_000_000)
    assert not (tmp_path / "other").exists()


@pytest.mark.usefixtures("no_blocking")
async def test_the_loop_is_never_blocked(blobs: BlobStore, key: DataKey) -> None:
    record = await blobs.write("d", "original", payload(LARGE), key)
    assert await blobs.read(record, key) == payload(LARGE)
    assert await streamed(blobs, record, key) == payload(LARGE)
    await blobs.sweep(MemoryStore())
    await blobs.discard(record)


async def test_payloads_written_together_come_back_in_order(blobs: BlobStore, key: DataKey, tmp_path: Path) -> None:
    given = [("cda", payload(LARGE)), ("answer", b"250 ok"), ("mail", payload(LARGE + 1))]
    records = await blobs.write_all("d", given, key)
    assert [(one.role, one.size, one.sha256) for one in records] == [
        (role, len(data), hashlib.sha256(data).hexdigest()) for role, data in given
    ]
    assert [await blobs.read(one, key) for one in records] == [data for _, data in given]
    assert len(files(tmp_path)) == 2


async def test_payloads_written_together_are_all_there_or_none(
    blobs: BlobStore, key: DataKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = Draft.publish

    def second_fails(draft: Draft) -> None:
        if any(one.suffix != ".part" for one in files(tmp_path)):
            raise OSError(28, "No space left on device")
        published(draft)

    monkeypatch.setattr(Draft, "publish", second_fails)
    with pytest.raises(NotAccepting):
        await blobs.write_all("d", [("cda", payload(LARGE)), ("mail", payload(LARGE))], key)
    assert files(tmp_path) == []


async def test_what_was_just_written_is_at_hand_once(key: DataKey, tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path, recent_bytes=8 * LARGE)
    first, second = await blobs.write_all("d", [("cda", payload(LARGE)), ("mail", memoryview(payload(LARGE)))], key)
    assert blobs.recent("other", first.id) is None
    assert [blobs.recent("d", first.id), blobs.recent("d", first.id)] == [payload(LARGE), None]
    assert blobs.recent("d", second.id) == payload(LARGE)
    assert await blobs.read(first, key) == payload(LARGE)
    gone = await blobs.write("d", "mail", payload(LARGE), key)
    await blobs.discard(gone)
    assert blobs.recent("d", gone.id) is None


async def test_little_is_kept_at_hand(key: DataKey, tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path, recent_bytes=8 * LARGE)
    large = await blobs.write("d", "original", payload(LARGE + 1), key)
    assert blobs.recent("d", large.id) is None
    records = await blobs.write_all("d", [("mail", payload(LARGE))] * 9, key)
    assert [blobs.recent("d", one.id) is None for one in records] == [True] + [False] * 8
