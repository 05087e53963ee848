"""What only the file can do: settings, durability of the schema, damage, quarantine. Judged by a stranger's sqlite3 connection."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.journal import connection as connections
from gateway.journal import schema
from gateway.journal.sqlite import SqliteStore
from gateway.journal.store import DocumentQuery, JournalDamaged, JournalTooNew, NotAccepting, Unstorable
from gateway.kernel.errors import ErrorClass, RelaisError
from gateway.model.delivery import DeliveryState
from tests.journal.samples import LANE, NOW, STRUCTURE, audit, blob, delivery, document, event, receipt

NONE: frozenset[str] = frozenset()


@contextmanager
def stranger(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def check(path: Path) -> list[str]:
    with stranger(path) as connection:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        return found + [str(row) for row in connection.execute("PRAGMA foreign_key_check")]


async def test_every_connection_has_the_settings_of_the_journal(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "journal.sqlite")
    await store.close()
    with closing(connections.open_connection(tmp_path / "journal.sqlite")) as opened:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "trusted_schema")
        assert {name: opened.execute(f"PRAGMA {name}").fetchone()[0] for name in names} == {
            "journal_mode": "wal",
            "synchronous": 2,
            "foreign_keys": 1,
            "busy_timeout": 5000,
            "trusted_schema": 0,
        }
        assert opened.isolation_level is None
    assert (tmp_path / "journal.sqlite").stat().st_mode & 0o777 == 0o600


async def test_what_was_committed_is_there_after_a_new_start(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "home" / "journal.sqlite"
    store = await SqliteStore.open(path)
    one = document()
    await store.commit(one, delivery(one), audit(one), event(one), blob(one))
    await store.close()
    store = await SqliteStore.open(path)
    assert await store.document(one.id) == replace(one, sequence=1)
    other = document()
    await store.commit(other, audit(other))
    assert await store.verify_audit() is None
    assert [line.sequence for line in await store.audit_after(0, 9)] == [1, 2]
    await store.close()
    assert check(path) == ["ok"]


async def test_reads_go_on_while_another_process_writes_and_writes_wait_for_it(sqlite: SqliteStore, tmp_path: Path) -> None:
    one = document()
    await sqlite.commit(one)
    with closing(sqlite3.connect(tmp_path / "home" / "journal.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(sqlite.commit(document()))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        assert await sqlite.document(one.id) is not None
        other.execute("COMMIT")
        await waiting


async def test_values_that_no_column_takes_are_the_callers_defect(sqlite: SqliteStore) -> None:
    for wrong in (document(accepted_at=2**70), document(structure="\ud800"), document(patient_ref=None)):
        other = document()
        outcomes = await asyncio.gather(sqlite.commit(wrong), sqlite.commit(other), return_exceptions=True)
        assert [type(one) for one in outcomes] == [Unstorable, type(None)]
        assert await sqlite.document(other.id) is not None


@pytest.mark.parametrize("content", [b"not a database at all" * 500, b"SQLite format 3\x00" + b"\xff" * 5000])
async def test_a_file_that_is_no_journal_stops_the_start(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(content)
    with pytest.raises(JournalDamaged) as caught:
        await SqliteStore.open(path)
    assert caught.value.error_class is ErrorClass.CONFIGURATION
    assert path.read_bytes() == content


async def test_a_journal_that_cannot_be_opened_takes_nothing(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").mkdir()
    with pytest.raises(NotAccepting):
        await SqliteStore.open(tmp_path / "journal.sqlite")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotAccepting):
        await SqliteStore.open(tmp_path / "file" / "journal.sqlite")


async def test_pages_damaged_under_a_running_journal_are_no_raw_error(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    store = await SqliteStore.open(path)
    for _ in range(200):
        await store.commit(document())
    await store.close()
    store = await SqliteStore.open(path)
    try:
        with path.open("r+b") as file:
            file.seek(8192)
            file.write(b"\xa5" * (path.stat().st_size - 8192))
        with pytest.raises(NotAccepting) as caught:
            await store.documents(DocumentQuery(limit=1000))
        assert "SQLITE" in caught.value.technical
        with pytest.raises(RelaisError):
            await store.commit(document())
    finally:
        await store.close()


async def test_a_newer_or_altered_schema_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    await (await SqliteStore.open(path)).close()
    with stranger(path) as connection:
        connection.execute("INSERT INTO schema_version (number, name, digest) VALUES (9999, 'later', 'x')")
    with pytest.raises(JournalTooNew):
        await SqliteStore.open(path)
    with stranger(path) as connection:
        connection.execute("DELETE FROM schema_version WHERE number = 9999")
        connection.execute("UPDATE schema_version SET digest = 'x'")
    with pytest.raises(JournalTooNew):
        await SqliteStore.open(path)


def test_migrations_are_numbered_without_a_gap_and_apply_once(tmp_path: Path) -> None:
    known = schema.migrations()
    assert [one.number for one in known] == list(range(1, len(known) + 1))
    with closing(connections.open_connection(tmp_path / "journal.sqlite")) as opened:
        schema.migrate(opened, known)
        schema.migrate(opened, known)
        rows = [tuple(row) for row in opened.execute("SELECT number, name, digest FROM schema_version")]
        assert rows == [(one.number, one.name, one.digest) for one in known]


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    known = schema.migrations()
    broken = schema.Migration(len(known) + 1, f"{len(known) + 1:04}-broken", "CREATE TABLE halfway (x); SELECT nonsense FROM nowhere")
    with closing(connections.open_connection(tmp_path / "journal.sqlite")) as opened:
        schema.migrate(opened, known)
        before = list(opened.iterdump())
        with pytest.raises(sqlite3.OperationalError):
            schema.migrate(opened, [*known, broken])
        assert not opened.in_transaction
        assert list(opened.iterdump()) == before


DAMAGES = [
    "state = 'nonsense'",
    "state = CAST(x'ff' AS TEXT)",
    "explanation = '{\"code\": 1}'",
    "explanation = 'not json'",
    "channel = 'fax'",
    "structure = CAST(x'fffe' AS TEXT)",
]


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_delivery_that_cannot_be_read_is_put_aside_and_the_rest_goes_on(sqlite: SqliteStore, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "home" / "journal.sqlite"
    one, same = document(prepared=True), document(prepared=True)
    bad, good, behind = delivery(one), delivery(one, order_key="x"), delivery(same, order_key=one.patient_ref)
    await sqlite.commit(one, same, bad, good, behind)
    with stranger(path) as connection:
        connection.execute(f"UPDATE deliveries SET {damage} WHERE id = ?", (bad.id,))  # noqa: S608 - our own list
    found = await sqlite.due(LANE, NOW, newest=False, excluding=NONE)
    assert found is not None
    assert found.id == good.id
    assert [record.id for record in await sqlite.deliveries_of(one.id)] == [good.id]
    assert await sqlite.delivery(bad.id) is None
    found = await sqlite.due(LANE, NOW, newest=True, excluding=NONE)
    assert found is not None
    assert found.id == behind.id, "what came after the damaged delivery is not held up"
    [aside] = await sqlite.quarantined()
    assert (aside.source, aside.number) == ("deliveries", 1)
    assert "nonsense" not in aside.reason
    with stranger(path) as connection:
        raw, state = connection.execute("SELECT raw, (SELECT state FROM deliveries WHERE number = 1) FROM quarantine").fetchone()
    assert state == "quarantined"
    assert bad.id in raw


async def test_other_rows_that_cannot_be_read_are_skipped(sqlite: SqliteStore, tmp_path: Path) -> None:
    ones = [document(sealed=b"x") for _ in range(4)]
    for one in ones:
        await sqlite.commit(one, event(one), blob(one), audit(one))
    sent = delivery(ones[3])
    await sqlite.commit(sent, receipt(sent), receipt(sent))
    with stranger(tmp_path / "home" / "journal.sqlite") as connection:
        connection.execute("UPDATE documents SET state = 'x', prepared = 7 WHERE sequence = 2")
        connection.execute("UPDATE documents SET patient_ref = CAST(x'ff' AS TEXT) WHERE sequence = 4")
        connection.execute("UPDATE events SET kind = CAST(x'ff' AS TEXT) WHERE sequence = 1")
        connection.execute("UPDATE blobs SET sha256 = CAST(x'ff' AS TEXT) WHERE number = 1")
        connection.execute("UPDATE receipts SET kind = 'telepathy' WHERE number = 1")
    for _ in range(2):
        assert [one.sequence for one in await sqlite.documents(DocumentQuery(limit=2))] == [3, 1]
        assert [one.sequence for one in await sqlite.documents(DocumentQuery(structures=(STRUCTURE,)))] == [3, 1]
        assert await sqlite.document(ones[1].id) is None
        assert [one.sequence for one in await sqlite.events_after(0, 2)] == [2, 3]
        assert await sqlite.blobs_of(ones[0].id) == []
        assert len(await sqlite.receipts_of(ones[3].id)) == 1
    assert await sqlite.known_blobs([(await sqlite.blobs_of(ones[1].id))[0].id]) != frozenset()
    aside = [(one.source, one.number) for one in await sqlite.quarantined()]
    assert sorted(aside) == [("blobs", 1), ("documents", 2), ("documents", 4), ("events", 1), ("receipts", 1)]
    assert len(aside) == len(set(aside))
    assert check(tmp_path / "home" / "journal.sqlite") == ["ok"]


async def test_no_value_of_a_row_is_in_an_error_or_a_reason(sqlite: SqliteStore, tmp_path: Path) -> None:
    one = document()
    await sqlite.commit(one)
    with stranger(tmp_path / "home" / "journal.sqlite") as connection:
        connection.execute("UPDATE documents SET state = 'DUPONT', patient_ref = 'DUPONT'")
    assert await sqlite.document(one.id) is None
    [aside] = await sqlite.quarantined()
    assert "DUPONT" not in f"{aside.reason}{aside.source}"
    with pytest.raises(RelaisError) as caught:
        await sqlite.commit(document(idempotency_key=one.idempotency_key, workstation=one.workstation, patient_ref="MARTIN"))
    assert "MARTIN" not in f"{caught.value} {caught.value.technical} {caught.value.explanation}"


async def test_the_reserve_stops_new_documents_and_nothing_else(tmp_path: Path) -> None:
    free = 5000
    store = await SqliteStore.open(tmp_path / "journal.sqlite", reserve_bytes=1000, free_bytes=lambda: free)
    one = document(prepared=True)
    sent = delivery(one)
    await store.commit(one, sent)
    free = 999
    refused = document()
    moved = replace(sent, version=2, state=DeliveryState.RUNNING)
    outcomes = await asyncio.gather(
        store.commit(refused, delivery(refused)), store.commit(moved, audit(one), blob(one)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [NotAccepting, type(None)]
    assert await store.document(refused.id) is None
    free = 1000
    await store.commit(refused)
    await store.close()


async def test_no_thread_outlives_the_journal(tmp_path: Path) -> None:
    def working() -> int:
        return sum("connection_worker" in one.name for one in threading.enumerate())

    before = working()
    store = await SqliteStore.open(tmp_path / "journal.sqlite")
    assert working() == before + 2
    pending = asyncio.create_task(store.commit(document()))
    await asyncio.sleep(0)
    await store.close()
    await store.close()
    await pending
    with pytest.raises(NotAccepting):
        await store.documents(DocumentQuery())
    async with asyncio.timeout(20):
        while working() > before:  # noqa: ASYNC110 - a thread that ends rings no bell
            await asyncio.sleep(0.01)
    assert working() == before


@pytest.mark.usefixtures("no_blocking")
async def test_the_loop_is_never_blocked(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "journal.sqlite")
    one = document(prepared=True)
    sent = delivery(one)
    await store.commit(one, sent, audit(one), event(one))
    due = await store.due(LANE, NOW, newest=True, excluding=NONE)
    assert due is not None
    assert due.id == sent.id
    assert [found.id for found in await store.documents(DocumentQuery())] == [one.id]
    assert await store.verify_audit() is None
    await store.close()
