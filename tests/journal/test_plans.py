"""How the questions of the pipeline are answered: by a walk of an index, whose length does not depend on the size of the journal.

SQLite itself is the judge: its query plans, and the number of its virtual machine steps on a large journal.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.journal.connection import open_connection
from gateway.journal.rows import BATCHES, CALLS, IDENTITY_CHANGES, INQUIRIES, PATIENTS
from gateway.journal.schema import migrate, migrations
from gateway.journal.statements import statement, statements
from tests.journal.identity_samples import batch, call, change, inquiry, patient

COUNT = 20_000
LANES = ("s0/dmp", "s1/dmp", "s0/mss", "s1/mss")
PARAMETERS: dict[str, Any] = {
    "lane": "s0/dmp",
    "now": 50,
    "after": 50,
    "excluding": json.dumps([f"delivery-{number}" for number in range(4)]),
    "workstation": "w1",
    "idempotency_key": "key-77",
    "structure": "s0",
    "structures": None,
    "unique_id": "1.2.77",
    "patient_ref": "p77",
    "state": "working",
    "before": COUNT // 2,
    "floor": 0,
    "since": 0,
    "limit": 50,
    "id": "document-77",
    "document_id": "document-77",
    "boot": "new",
    "ids": json.dumps(["a", "b"]),
    "sequence": COUNT // 2,
    "token_digest": "t",
    "local_ref": "r77",
    "ins_ref": "i77",
    "number": COUNT // 2,
    "recovered_before": COUNT // 2,
    "task": "decide",
    "kind": "file",
    "night": 1,
    "paused": json.dumps(["nobody"]),
    "busy": json.dumps(["s9"]),
    "batch_id": "batch-1",
}
SMALL = {
    "quarantine-list", "workstations", "shape", "documents-since", "patient-count", "patients-waited-for", "task-counts",
    "waiting-inquiries", "batch-counts", "batches-past", "alarms", "successions", "pairings",
}  # fmt: skip
"""Questions whose answer is as long as their walk, or that walk a small table."""
SHORT = ("SCAN json_each", "SCAN known", "SCAN (subquery", "SCAN sqlite_sequence")
"""Walks of what is short by itself: the arguments, the lanes or structures, one row per branch, one row per numbered table."""
IN_ORDER = {
    "audit-tail": {"SCAN audit"},
    "running-batches": {"SCAN batches USING INDEX batches_running"},
    "running-inquiries": {"SCAN inquiries USING INDEX inquiries_running"},
    "unanswered-calls": {"SCAN insi_calls USING INDEX insi_calls_unanswered"},
    "orphans": {"SCAN deliveries USING INDEX deliveries_running"},
    "unprepared-newest": {"SCAN w USING INDEX deliveries_unprepared", "SCAN w USING COVERING INDEX deliveries_unprepared"},
    "unprepared-oldest": {"SCAN w USING INDEX deliveries_unprepared", "SCAN w USING COVERING INDEX deliveries_unprepared"},
}
"""Walks that stop at the first row that serves, or follow an index that holds nothing else."""
QUESTIONS = sorted(name for name, sql in statements().items() if sql.startswith(("SELECT", "WITH")) and name not in SMALL)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """A backlog: most documents done, thousands waiting with and without a date, some held, hundreds not prepared."""
    path: Path = tmp_path_factory.mktemp("plans") / "journal.sqlite"
    with closing(open_connection(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        migrate(connection, migrations())
        connection.execute("BEGIN")
        for number in range(4):
            connection.execute(statement("batch-insert"), BATCHES.parameters(batch(id=f"batch-{number}", structure=f"s{number % 2}")))
        for number in range(1, COUNT + 1):
            for name, values in _identity(number):
                connection.execute(statement(name), values)
            connection.execute(statement("document-insert"), _document(number))
            connection.execute(statement("delivery-insert"), _delivery(number))
            connection.execute(statement("event-insert"), {**_document(number), "kind": "k", "subject": f"document-{number}", "at": 1})
        connection.execute("COMMIT")
        yield connection


def _document(number: int) -> dict[str, Any]:
    return {
        "id": f"document-{number}",
        "structure": f"s{number % 2}",
        "workstation": f"w{number % 5}",
        "idempotency_key": f"key-{number}",
        "content_digest": "c",
        "unique_id": f"1.2.{number}",
        "patient_ref": f"p{number % 5000}",
        "state": "working" if number % 3 else "done",
        "accepted_at": number,
        "prepared": number % 50 != 0,
        "closed_at": None,
        "original_digest": "o",
        "wrapped_key": b"k",
        "sealed": b"s" * 200,
        "version": 1,
    }


def _identity(number: int) -> list[tuple[str, dict[str, Any]]]:
    one = patient(
        structure=f"s{number % 2}",
        local_ref=f"r{number}",
        ins_ref=f"i{number % 9000}",
        status=("QUAL", "QUAL", "PROV", "RECUP")[number % 4],
        task=(None, None, "search", "decide")[number % 4],
        task_since=number,
        recovered_at=number,
    )
    called = call(one, id=f"call-{number}", answered_at=None if number % 5000 == 0 else 1)
    state: Any = ("waiting", "done", "waiting", "running" if number % 5000 == 3 else "failed")[number % 4]
    asked = inquiry(id=f"inquiry-{number}", kind="file", night=number % 3 == 0, batch_id=f"batch-{number % 4}", state=state)
    dated = replace(asked, next_attempt_at=number if number % 5 else None, software=("lgc", "other")[number % 2])
    return [
        ("patient-insert", PATIENTS.parameters(one)),
        ("identity-change-insert", IDENTITY_CHANGES.parameters(change(one))),
        ("call-insert", CALLS.parameters(called)),
        ("inquiry-insert", INQUIRIES.parameters(dated)),
    ]


def _delivery(number: int) -> dict[str, Any]:
    names = ("recipient_ref", "sealed_recipient", "first_attempt_at", "error_class", "explanation", "sealed_frozen")
    return {
        **dict.fromkeys(names),
        "id": f"delivery-{number}",
        "document_id": f"document-{number}",
        "structure": f"s{number % 2}",
        "channel": "dmp",
        "lane": LANES[number % 4],
        "order_key": f"p{number}",
        "to_patient": 0,
        "doubtful": 0,
        "state": ("queued", "queued", "queued", "unknown", "held", "delivered")[number % 6],
        "phase": "waiting",
        "boot": None,
        "attempts": 0,
        "probes": 0,
        "next_attempt_at": None if number % 7 == 0 else number,
        "updated_at": 1,
        "version": 1,
    }


def parameters_of(sql: str) -> dict[str, Any]:
    """Inquiries are asked for a few at a time: two lists are looked at for each."""
    few = {"limit": 8} if ":busy" in sql else {}
    return {name: value for name, value in {**PARAMETERS, **few}.items() if f":{name}" in sql}


@pytest.mark.parametrize("name", QUESTIONS)
def test_no_question_scans_a_table(journal: sqlite3.Connection, name: str) -> None:
    sql = statement(name)
    plan = [row["detail"] for row in journal.execute(f"EXPLAIN QUERY PLAN {sql}", parameters_of(sql))]
    scans = {step for step in plan if step.startswith("SCAN") and not step.startswith(SHORT)}
    assert scans <= IN_ORDER.get(name, set()), plan


@pytest.mark.parametrize("name", QUESTIONS)
def test_no_question_costs_more_on_a_large_journal(journal: sqlite3.Connection, name: str) -> None:
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    sql = statement(name)
    journal.set_progress_handler(count, 10)
    try:
        journal.execute(sql, parameters_of(sql)).fetchall()
    finally:
        journal.set_progress_handler(None, 0)
    assert steps * 10 < 2_000, f"{steps * 10} steps for {COUNT} documents"


def test_an_update_of_a_row_finds_it_by_its_index(journal: sqlite3.Connection) -> None:
    for name in ("document-update", "document-update-wide", "document-prepares", "delivery-progress", "delivery-update", "blob-delete"):
        sql = statement(name)
        values = {**_document(1), **_delivery(1), "id": "x"}
        steps = [row["detail"] for row in journal.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
        assert all(step.startswith(("SEARCH", "SCALAR SUBQUERY")) for step in steps), f"{name}: {steps}"
    [step] = [row["detail"] for row in journal.execute(f"EXPLAIN QUERY PLAN {statement('lane-wake')}", {"lane": "s0/dmp", "now": 1})]
    assert "deliveries_open (lane=? AND state=?)" in step
