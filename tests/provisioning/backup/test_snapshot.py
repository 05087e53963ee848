"""What a backup holds, judged by tar and by SQLite itself, taken from a journal that is being written."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from gateway.journal.schema import migrations
from gateway.journal.sqlite import SqliteStore
from gateway.kernel.home import Home
from gateway.model.delivery import Channel, DeliveryState
from provisioning.backup import snapshot
from provisioning.backup.container import plain_pieces, read_header
from provisioning.backup.errors import BackupBusy, DestinationFull, NoRoomForSnapshot, SnapshotFailed
from provisioning.backup.job import _alone, back_up
from provisioning.backup.receipt import SENTENCE
from provisioning.backup.recipient import found_key
from provisioning.backup.restore import OldBox, restore
from tests.journal.samples import audit, document
from tests.provisioning.backup.homes import Practice
from tests.tools import need_tool

QUEUED = (Channel.DMP, DeliveryState.QUEUED, True)


@pytest.fixture
def practice(tmp_path: Path) -> Practice:
    return Practice(tmp_path / "old")


async def test_tar_and_sqlite_find_it_whole_while_the_box_goes_on_writing(practice: Practice, tmp_path: Path) -> None:
    await practice.holds(QUEUED)
    store, begun, over, written = await SqliteStore.open(practice.home.journal), asyncio.Event(), asyncio.Event(), 0

    async def writing() -> None:
        nonlocal written
        while not over.is_set():
            one = document()
            await store.commit(one, audit(one))
            written += 1
            if written == 20:
                begun.set()

    busy = asyncio.create_task(writing())
    await begun.wait()
    made = await asyncio.to_thread(back_up, practice.home, practice.configuration, practice.folder)
    at_the_end = written
    over.set()
    await busy
    await store.close()
    with made.path.open("rb") as file:
        header, opening = read_header(file)
        plain = b"".join(plain_pieces(file, opening, found_key(practice.phrase, header.recipient, header.ephemeral)))
    (tmp_path / "opened.tar").write_bytes(plain)
    listed = untarred(tmp_path / "opened.tar")
    assert {"box-key", "journal.sqlite", "home/relais.toml", "home/lan-ca.sealed", "end.json"} <= set(listed)
    assert len([one for one in listed if one.startswith("blobs/")]) == 1
    assert not {"home/lock", "home/box.key", "home/epoch.json", "home/journal.sqlite"} & set(listed)
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        documents, lines = (copy.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("documents", "audit"))  # noqa: S608
    assert documents == lines, "a commit is in it whole or not at all"
    assert 20 < documents <= at_the_end + 2


def untarred(path: Path) -> list[str]:
    """Lay a tar out beside itself by the system's own tool; what it lists."""
    tar = need_tool("tar")
    subprocess.run([tar, "-xf", path.name], cwd=path.parent, check=True)
    return subprocess.run([tar, "-tf", path.name], cwd=path.parent, check=True, capture_output=True, text=True).stdout.split()


async def test_what_the_version_before_wrote_is_restored_and_brought_up_to_date(
    practice: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as former:
        former.setattr("gateway.journal.sqlite.migrations", lambda: migrations()[:-1])
        store = await SqliteStore.open(practice.home.journal)
        await store.commit(document())
        await store.close()
    made = back_up(practice.home, practice.configuration, practice.folder)
    assert made.header.schema == migrations()[-1].number - 1
    home = Home(tmp_path / "new")
    await restore(home, practice.folder.path, practice.phrase, OldBox(sentence=SENTENCE))
    assert snapshot.schema_of(home.journal) == migrations()[-1].number


async def test_a_box_without_room_for_the_copy_keeps_its_reserve(practice: Practice) -> None:
    await practice.holds()
    with pytest.raises(NoRoomForSnapshot), snapshot.snapshot(practice.home, 1 << 60):
        pass
    assert not (practice.home.root / "backup-work").exists()


async def test_a_stick_without_room_is_told_before_anything_is_written(practice: Practice) -> None:
    await practice.holds()
    with pytest.raises(DestinationFull) as caught:
        practice.folder.check_room(1 << 60)
    assert "Mo" in caught.value.explanation.what


async def test_one_backup_at_a_time(practice: Practice) -> None:
    await practice.holds()
    with _alone(practice.home), pytest.raises(BackupBusy):
        back_up(practice.home, practice.configuration, practice.folder)


def test_a_home_without_journal_has_nothing_to_back_up(practice: Practice) -> None:
    with pytest.raises(SnapshotFailed):
        back_up(practice.home, practice.configuration, practice.folder)
    assert practice.folder.backups() == []
