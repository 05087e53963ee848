"""The audit chain, recomputed here with nothing but hashlib and json."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.journal.audit import START, Tail, chained, export, first_break, tail_of
from gateway.journal.records import AuditRecord
from gateway.journal.sqlite import SqliteStore
from gateway.journal.store import Store
from tests.journal.samples import audit, document


def chain(count: int) -> list[AuditRecord]:
    lines, tail = [], Tail()
    for number in range(count):
        lines.append(chained(audit(document(), act=f"act.{number}"), tail))
        tail = tail_of(lines[-1])
    return lines


def foreign_hash(line: dict[str, object], previous: str) -> str:
    covered = {name: value for name, value in line.items() if name != "hash"}
    text = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256((previous + text).encode()).hexdigest()


async def test_an_export_verifies_without_our_code(store: Store) -> None:
    for _ in range(3):
        one = document()
        await store.commit(one, audit(one), audit(one, act="delivery.sent", actor="système", detail={"b": "é\u2028", "a": None}))
    lines = [json.loads(line) for line in b"".join(export(await store.audit_after(0, 100))).splitlines()]
    previous = "0" * 64
    for number, line in enumerate(lines, start=1):
        assert line["sequence"] == number
        assert line["hash"] == foreign_hash(line, previous)
        previous = line["hash"]
    assert len(lines) == 6
    assert await store.verify_audit() is None


@pytest.mark.parametrize(
    "field", ["at", "act", "actor", "structure", "patient_ref", "document_id", "delivery_id", "answer", "detail", "hash"]
)
def test_no_field_of_a_line_can_change(field: str) -> None:
    lines = chain(5)
    changed = {"at": 0, "detail": {"média": "pdf"}, "hash": "f" * 64}.get(field, "changed")
    altered = [*lines[:2], replace(lines[2], **{field: changed}), *lines[3:]]
    assert first_break(lines, Tail()) is None
    assert first_break(altered, Tail()) == 3


def test_no_line_can_go_move_or_be_added() -> None:
    lines = chain(5)
    assert first_break([*lines[:2], *lines[3:]], Tail()) == 3
    assert first_break(lines[1:], Tail()) == 1
    assert first_break([lines[0], lines[2], lines[1]], Tail()) == 2
    forged = replace(lines[4], sequence=6)
    assert first_break([*lines, forged], Tail()) == 6
    assert first_break(lines[2:], tail_of(lines[1])) is None
    assert Tail().hash == START == "0" * 64


def test_the_numbers_and_hashes_given_are_ignored() -> None:
    one = audit(document())
    assert chained(replace(one, sequence=77, hash="forged"), Tail()) == chained(one, Tail())


@pytest.mark.parametrize(
    ("damage", "broken"),
    [
        ("UPDATE audit SET answer = 'refused' WHERE sequence = 700", 700),
        ("UPDATE audit SET detail = 'not json' WHERE sequence = 3", 3),
        ("DELETE FROM audit WHERE sequence = 600", 600),
        ("DELETE FROM audit WHERE sequence > 650", 651),
        ("DELETE FROM audit", 1),
        ("UPDATE audit SET hash = CAST(x'ff' AS TEXT)", 1),
    ],
)
async def test_the_journal_finds_what_was_altered_behind_its_back(tmp_path: Path, damage: str, broken: int) -> None:
    path = tmp_path / "journal.sqlite"
    store = await SqliteStore.open(path)
    try:
        one = document()
        await store.commit(one, *(audit(one) for _ in range(720)))
        assert await store.verify_audit() is None
        with sqlite3.connect(path) as stranger:
            stranger.execute(damage)
        stranger.close()
        assert await store.verify_audit() == broken
        for _ in range(80):
            await store.commit(audit(one, act="after.the.fact"))
        assert await store.verify_audit() == broken
    finally:
        await store.close()
