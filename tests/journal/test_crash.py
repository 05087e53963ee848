"""kill -9 at random instants, again and again on the same home: what was said is kept, what was not said is whole or absent."""

from __future__ import annotations

import hashlib
import os
import random
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from gateway.journal.blobs import BlobStore
from gateway.journal.sqlite import SqliteStore
from gateway.journal.store import DocumentQuery
from gateway.model.delivery import DeliveryState
from gateway.trust.vault import open_vault

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("RELAIS_TEST_KILLS", "12"))


def killed_run(home: Path, seed: int, seconds: float) -> list[tuple[str, str]]:
    """Start the child, let it work that long, kill it; every complete line it said."""
    command = [sys.executable, "-m", "tests.journal.killed", str(home), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        timer = threading.Timer(seconds, child.kill)
        timer.start()
        said = child.stdout.read()
        timer.join()
    assert child.returncode == -9
    lines = said.decode().splitlines(keepends=True)
    return [(act, subject) for act, _, subject in (line.strip().partition(" ") for line in lines if line.endswith("\n"))]


async def is_whole(home: Path, said: list[tuple[str, str]]) -> None:
    vault = open_vault(home)
    store, blobs = await SqliteStore.open(home / "journal.sqlite"), BlobStore(home)
    try:
        await blobs.sweep(store)
        assert await store.verify_audit() is None
        assert await store.quarantined() == []
        present = {one.id: one for one in await store.documents(DocumentQuery(limit=100_000))}
        assert {subject for act, subject in said if act == "accepted"} <= present.keys()
        for one in present.values():
            assert len(await store.deliveries_of(one.id)) == 2
            assert (await store.audit_of(one.id))[0].act == "document.accepted"
            rows = await store.blobs_of(one.id)
            assert rows[0].role == "original"
            for row in rows:
                data = await blobs.read(row, vault.unwrap(one.wrapped_key))
                assert hashlib.sha256(data).hexdigest() == row.sha256
        for act, subject in said:
            if act in ("running", "delivered"):
                sent = await store.delivery(subject)
                assert sent is not None
                assert sent.state in (
                    (DeliveryState.DELIVERED,) if act == "delivered" else (DeliveryState.RUNNING, DeliveryState.DELIVERED)
                )
        names = {path.name for path in (home / "blobs").rglob("*") if path.is_file()}
        assert names == set(await store.known_blobs(names))
    finally:
        await store.close()
    with closing(sqlite3.connect(home / "journal.sqlite")) as stranger:
        assert stranger.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert stranger.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.slow
@pytest.mark.crash
async def test_a_killed_journal_keeps_its_word(tmp_path: Path) -> None:
    dice = random.Random(20_260_101)
    said: list[tuple[str, str]] = []
    for number in range(KILLS):
        said += killed_run(tmp_path, number, dice.uniform(0.01, 0.4))
        await is_whole(tmp_path, said)
    assert sum(act == "accepted" for act, _ in said) > KILLS
