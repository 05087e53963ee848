"""From one box to another, in memory of no process: everything is there under the new key, in doubt of what may have left, and fenced."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from gateway.flow.fencing.markers import highest_marker
from gateway.health.backup_record import read_backup_record, read_restoration
from gateway.journal.blobs import BlobStore, PayloadDamaged
from gateway.journal.schema import migrations
from gateway.journal.sqlite import SqliteStore
from gateway.kernel.home import Home
from gateway.model.delivery import Channel, DeliveryState, Phase
from gateway.trust.boxkey import BoxKeyUnavailable
from gateway.trust.epoch import Epoch, own_epoch
from gateway.trust.lan import LanAuthority
from gateway.trust.secret_file import HOMOLOGATION, read_secret
from gateway.trust.stop import read_stop
from gateway.trust.vault import open_vault
from provisioning.backup import reseal, restore
from provisioning.backup.container import read_header
from provisioning.backup.errors import (
    BackupDamaged,
    BackupNotFound,
    BackupTooNew,
    DestinationNotPrepared,
    HomeNotEmpty,
    OldBoxNotRetired,
    PhraseWrong,
    ReceiptWrong,
    RestorationFailed,
    WrongEnvironment,
)
from provisioning.backup.job import Made, back_up
from provisioning.backup.phrase import new_phrase
from provisioning.backup.proving import prove
from provisioning.backup.receipt import SENTENCE
from provisioning.backup.restore import OldBox, Restored
from provisioning.backup.retire import retire
from tests.journal.samples import event
from tests.provisioning.backup.homes import DIAGNOSIS, HOMOLOGATION_NUMBER, LARGE, Practice

GONE = OldBox(sentence=SENTENCE)
STATES = (
    (Channel.DMP, DeliveryState.QUEUED, False),
    (Channel.DMP, DeliveryState.QUEUED, True),
    (Channel.MSS, DeliveryState.QUEUED, False),
    (Channel.MSS, DeliveryState.QUEUED, True),
    (Channel.DMP, DeliveryState.RUNNING, True),
    (Channel.DMP, DeliveryState.UNKNOWN, True),
    (Channel.DMP, DeliveryState.HELD, True),
    (Channel.MSS, DeliveryState.HELD, False),
    (Channel.DMP, DeliveryState.DELIVERED, True),
    (Channel.DMP, DeliveryState.REFUSED, True),
)


@pytest.fixture
def practice(tmp_path: Path) -> Practice:
    return Practice(tmp_path / "old")


def saved(practice: Practice) -> Made:
    return back_up(practice.home, practice.configuration, practice.folder)


async def restored(practice: Practice, root: Path, old: OldBox = GONE) -> tuple[Home, Restored]:
    home = Home(root)
    return home, await restore.restore(home, practice.folder.path, practice.phrase, old)


async def test_everything_is_there_under_the_new_key(practice: Practice, tmp_path: Path) -> None:
    held = await practice.holds(*STATES)
    practice.vault.pseudonym("patient", "x")
    made = saved(practice)
    home, done = await restored(practice, tmp_path / "new")
    assert (home.root / "box.key").read_bytes() != (practice.home.root / "box.key").read_bytes()
    vault = open_vault(home.root)
    assert vault.pseudonym("patient", "x") == practice.vault.pseudonym("patient", "x"), "the audit trail is written with them"
    assert read_secret(home.root, vault, HOMOLOGATION) == HOMOLOGATION_NUMBER
    assert home.configuration.read_text() == practice.home.configuration.read_text()
    authority = LanAuthority(home.root, vault)
    assert LanAuthority(practice.home.root, practice.vault).vouched(b"same", authority.vouch(b"same")), "workstations trust the new box"
    store, blobs = await SqliteStore.open(home.journal), BlobStore(home.root)
    try:
        assert await store.verify_audit() is None
        assert [one.act for one in await store.audit_after(len(held), 10)] == ["box.restored"]
        for document, _ in held:
            found = await store.document(document.id)
            assert found is not None
            key = vault.unwrap(found.wrapped_key)
            assert key.open(found.sealed, document.id.encode()) == DIAGNOSIS
            [blob] = await store.blobs_of(document.id)
            assert await blobs.read(blob, key) == LARGE
    finally:
        await store.close()
    assert (done.unreadable, done.end.absent, done.header) == (0, 0, made.header)


async def test_the_former_key_opens_nothing_of_the_new_box(practice: Practice, tmp_path: Path) -> None:
    await practice.holds(*STATES)
    saved(practice)
    home, _ = await restored(practice, tmp_path / "new")
    with closing(sqlite3.connect(home.journal)) as connection:
        for (wrapped,) in connection.execute("SELECT wrapped_key FROM documents"):
            with pytest.raises(BoxKeyUnavailable):
                practice.vault.unwrap(wrapped)
    for path in home.root.rglob("*.sealed"):
        with pytest.raises(BoxKeyUnavailable):
            practice.vault.open_small(path.read_bytes(), b"any")


def test_every_table_with_wrapped_keys_is_seen_to(practice: Practice) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        for one in migrations():
            connection.executescript(one.sql)
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        wrapped = {name for name in tables for column in connection.execute(f"PRAGMA table_info({name})") if "wrapped" in column[1]}
    assert wrapped == set(reseal._TABLES)


@pytest.mark.parametrize("told", [0, 3])
async def test_a_listener_of_the_former_box_misses_nothing_of_the_new_one(practice: Practice, tmp_path: Path, told: int) -> None:
    [(one, _)] = await practice.holds(STATES[1])
    store = await SqliteStore.open(practice.home.journal)
    await store.commit(*(event(one) for _ in range(told)))
    await store.close()
    saved(practice)
    home, _ = await restored(practice, tmp_path / "new")
    store = await SqliteStore.open(home.journal)
    try:
        heard_since = 500
        assert await store.last_event() > told + heard_since
        await store.commit(event(one))
        [heard] = await store.events_after(told + heard_since, 10)
    finally:
        await store.close()
    assert heard.subject == one.id


async def test_what_was_not_final_is_in_doubt(practice: Practice, tmp_path: Path) -> None:
    held = await practice.holds(*STATES)
    saved(practice)
    home, done = await restored(practice, tmp_path / "new")
    store = await SqliteStore.open(home.journal)
    try:
        found = [await store.delivery(one.id) for _, one in held]
        after = [(one.state, one.doubtful) for one in found if one is not None]
        unprepared = await store.unprepared(newest=False, excluding=frozenset())
    finally:
        await store.close()
    unknown, queued = (DeliveryState.UNKNOWN, True), (DeliveryState.QUEUED, True)
    assert after == [
        queued, unknown, queued, unknown, unknown, unknown, (DeliveryState.HELD, True), (DeliveryState.HELD, True),
        (DeliveryState.DELIVERED, False), (DeliveryState.REFUSED, False),
    ]  # fmt: skip
    assert done.doubtful == 8
    assert unprepared is not None, "bytes that were not frozen are still to be"
    mails = [one for one in found if one is not None and one.channel is Channel.MSS and one.state is not DeliveryState.HELD]
    assert all(one.next_attempt_at is not None for one in mails), "a mail in doubt waits as after a lost answer"
    assert all(one.phase is Phase.PROBE for one in found if one is not None and one.doubtful)


async def test_the_new_box_takes_the_next_epoch_and_says_so_beside_the_backup(practice: Practice, tmp_path: Path) -> None:
    await practice.holds()
    saved(practice)
    old = own_epoch(practice.home.root)
    home, done = await restored(practice, tmp_path / "new")
    new = own_epoch(home.root)
    assert (new.home, new.generation, new.box != old.box, done.stated) == (old.home, 2, True, True)
    authority = LanAuthority(practice.home.root, practice.vault)
    assert highest_marker(practice.folder.path, old.home, authority) == new
    again, _ = await restored(practice, tmp_path / "third")
    assert own_epoch(again.root).generation == 3, "two boxes restored from one backup do not have the same epoch"
    assert own_epoch(again.root).outranks(new)


async def test_a_retired_box_loses_nothing_and_nothing_is_in_doubt(practice: Practice, tmp_path: Path) -> None:
    held = await practice.holds(*STATES)
    gone = await retire(practice.home, practice.configuration, practice.folder)
    stop = read_stop(practice.home.root)
    assert stop is not None
    assert stop.why == "retired"
    assert (await retire(practice.home, practice.configuration, None)).receipt == gone.receipt
    with pytest.raises(ReceiptWrong):
        await restored(practice, tmp_path / "new", OldBox(receipt="0000-0000-0000-0000-0000"))
    home, done = await restored(practice, tmp_path / "new", OldBox(receipt=gone.receipt.lower().replace("-", " ")))
    assert (done.doubtful, done.end.final) == (0, True)
    assert read_stop(home.root) is None, "the mark of the old box does not travel"
    store = await SqliteStore.open(home.journal)
    try:
        assert [one.act for one in await store.audit_after(len(held), 10)] == ["box.retired", "box.restored"]
        found = await store.delivery(held[0][1].id)
    finally:
        await store.close()
    assert found is not None
    assert not found.doubtful


async def test_a_replaced_box_that_is_retired_makes_no_last_backup(practice: Practice) -> None:
    await practice.holds()
    (practice.home.root / "replaced.json").write_text('{"why": "replaced", "at": 1}')
    assert (await retire(practice.home, practice.configuration, practice.folder)).backup is None


@pytest.mark.parametrize("old", [OldBox(), OldBox(sentence="oui"), OldBox(sentence="")])
async def test_nothing_is_restored_while_the_old_box_may_run(practice: Practice, tmp_path: Path, old: OldBox) -> None:
    await practice.holds()
    saved(practice)
    with pytest.raises(OldBoxNotRetired):
        await restored(practice, tmp_path / "new", old)
    assert not (tmp_path / "new" / "relais.toml").exists()
    assert highest_marker(practice.folder.path, own_epoch(practice.home.root).home, LanAuthority(practice.home.root, practice.vault)) == (
        own_epoch(practice.home.root)
    ), "a refused restoration stops nobody"


async def test_a_wrong_phrase_touches_nothing(practice: Practice, tmp_path: Path) -> None:
    await practice.holds()
    saved(practice)
    with pytest.raises(PhraseWrong):
        await restore.restore(Home(tmp_path / "new"), practice.folder.path, new_phrase(), GONE)
    assert not (tmp_path / "new").exists()


async def test_a_box_in_service_is_never_overwritten(practice: Practice) -> None:
    await practice.holds()
    saved(practice)
    before = sorted(practice.home.root.rglob("*"))
    with pytest.raises(HomeNotEmpty):
        await restored(practice, practice.home.root)
    assert sorted(one for one in practice.home.root.rglob("*") if one.name != "lock") == before


async def test_the_environment_asked_for_is_respected(practice: Practice, tmp_path: Path) -> None:
    await practice.holds()
    saved(practice)
    with pytest.raises(WrongEnvironment):
        await restore.restore(Home(tmp_path / "new"), practice.folder.path, practice.phrase, GONE, environment="production")


async def test_a_later_version_is_refused_clearly(practice: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await practice.holds()
    made = saved(practice)
    with made.path.open("rb") as file:
        header, _ = read_header(file)
    monkeypatch.setattr(restore, "migrations", lambda: migrations()[: header.schema - 1])
    with pytest.raises(BackupTooNew) as caught:
        await restored(practice, tmp_path / "new")
    assert header.relais in caught.value.explanation.what


@pytest.mark.parametrize("place", [0.3, 0.7, 0.99])
async def test_a_damaged_backup_leaves_no_box(practice: Practice, tmp_path: Path, place: float) -> None:
    await practice.holds(STATES[0])
    made = saved(practice)
    data = bytearray(made.path.read_bytes())
    data[int(len(data) * place)] ^= 1
    made.path.write_bytes(data)
    with pytest.raises(BackupDamaged):
        await restored(practice, tmp_path / "new")
    assert not (tmp_path / "new" / "relais.toml").exists()
    with pytest.raises(BackupDamaged):
        prove(made.path, practice.phrase)


async def test_it_is_proved_without_being_restored(practice: Practice) -> None:
    await practice.holds(STATES[0])
    made = saved(practice)
    header, end = prove(practice.folder.path, practice.phrase)
    assert (header, end) == (made.header, made.end)
    with pytest.raises(BackupNotFound):
        prove(practice.home.root / "nowhere", practice.phrase)


async def test_stopped_anywhere_it_begins_again_and_no_gateway_starts_meanwhile(
    practice: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fails at every other of the renames that put things in their place."""
    held = await practice.holds(*STATES[:2])
    saved(practice)
    home, real, left = Home(tmp_path / "new"), Path.rename, 0

    def failing(path: Path, target: Path) -> Path:
        nonlocal left
        if "restoring" in path.parts:
            left -= 1
            if left < 0:
                raise OSError(5, "the power went")
        return real(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    cut = 0
    while True:
        left = cut
        try:
            await restored(practice, home.root)
            break
        except RestorationFailed:
            assert not home.configuration.exists(), "a gateway would start on half a home"
            cut += 2
    assert cut > 5
    assert not (home.root / "restoring").exists()
    store = await SqliteStore.open(home.journal)
    try:
        assert await store.document(held[0][0].id) is not None
    finally:
        await store.close()


async def test_old_backups_go_once_a_new_one_is_whole(practice: Practice, tmp_path: Path) -> None:
    await practice.holds()
    stranger = practice.folder.path / "relais-0000000000000000-g0001-20200101T000000000Z.relais-sauvegarde"
    stranger.write_bytes(b"of another box")
    practice.home.configuration.write_text(practice.home.configuration.read_text().replace("[dmp]", "[backup]\nkeep = 2\n\n[dmp]", 1))
    made = [saved(practice) for _ in range(4)]
    assert [one.removed for one in made] == [0, 0, 1, 1]
    home = own_epoch(practice.home.root).home
    assert practice.folder.backups(home) == [made[2].path, made[3].path]
    assert stranger.exists()
    assert read_backup_record(practice.home.root).name == made[3].path.name


async def test_an_empty_mount_point_receives_nothing(practice: Practice) -> None:
    await practice.holds()
    (practice.folder.path / "RELAIS-SAUVEGARDES.txt").unlink()
    with pytest.raises(DestinationNotPrepared):
        saved(practice)
    assert list(practice.folder.path.iterdir()) == []
    record = read_backup_record(practice.home.root)
    assert record.failure is not None
    assert record.failure.code == "backup-folder-not-ready"


async def test_a_payload_removed_meanwhile_is_counted_not_invented(practice: Practice, tmp_path: Path) -> None:
    held = await practice.holds(*STATES[:2])
    next((practice.home.root / "blobs").glob("*/*")).unlink()
    assert saved(practice).end.absent == 1
    home, done = await restored(practice, tmp_path / "new")
    assert done.end.absent == 1
    store, blobs, vault = await SqliteStore.open(home.journal), BlobStore(home.root), open_vault(home.root)
    lost = 0
    try:
        for document, _ in held:
            [blob] = await store.blobs_of(document.id)
            found = await store.document(document.id)
            assert found is not None
            try:
                await blobs.read(blob, vault.unwrap(found.wrapped_key))
            except PayloadDamaged:
                lost += 1
    finally:
        await store.close()
    assert lost == 1


async def test_what_it_cannot_know_is_kept_for_the_check(practice: Practice, tmp_path: Path) -> None:
    await practice.holds(*STATES)
    made = saved(practice)
    home, _ = await restored(practice, tmp_path / "new")
    record = read_restoration(home.root)
    assert record is not None
    assert (record.taken_at, record.doubtful, record.final) == (made.header.taken_at, 8, False)


async def test_no_name_of_a_file_says_more_than_a_box_and_a_date(practice: Practice) -> None:
    await practice.holds(STATES[0])
    made = saved(practice)
    epoch: Epoch = own_epoch(practice.home.root)
    assert made.path.name.startswith(f"relais-{epoch.home}-g0001-2")
    with made.path.open("rb") as file:
        header, _ = read_header(file)
    told = json.loads(msgspec.json.encode(header))
    assert set(told) == {"home", "generation", "box", "taken_at", "relais", "schema", "recipient", "ephemeral"}
