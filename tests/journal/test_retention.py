"""What is past its time is found by its age and erased for good, in both journals alike; a list outlives its inquiries."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.journal.records import AuditRecord, Change, Forget
from gateway.journal.sqlite import SqliteStore
from gateway.journal.store import Store, Unstorable
from tests.journal.identity_samples import batch, call, inquiry

OLD, NEW, BORDER = 100, 900, 500


def audit(number: int = 1) -> AuditRecord:
    return AuditRecord(at=number, act="insi.erased", actor="system", answer="done", detail={"count": number})


async def kept(store: Store, *changes: Change) -> None:
    for one in changes:
        await store.commit(one)


async def test_calls_that_ended_are_past_by_their_age_the_oldest_first(store: Store) -> None:
    ended = [call(id=f"call-{at}", at=at, answered_at=at) for at in (OLD + 2, OLD, NEW, OLD + 1)]
    await kept(store, *ended, call(id="open", at=OLD))
    assert await store.calls_past(BORDER, 2) == ["call-100", "call-101"]
    assert await store.calls_past(BORDER, 50) == ["call-100", "call-101", "call-102"]
    assert await store.calls_past(OLD, 50) == []
    assert await store.calls_past(BORDER, 0) == []


async def test_inquiries_that_wait_or_whose_list_goes_on_are_not_past(store: Store) -> None:
    running, over, late = batch(id="running"), batch(id="over", state="done", closed_at=OLD), batch(id="late", state="done", closed_at=NEW)
    await kept(store, running, over, late)
    states = [inquiry(id=f"alone-{one}", state=one, updated_at=OLD) for one in ("waiting", "running", "done", "failed", "cancelled")]
    listed = [inquiry(id=f"of-{one.id}", batch_id=one.id, state="done", updated_at=OLD + 1) for one in (running, over, late)]
    await kept(store, *states, *listed, inquiry(id="young", state="done", updated_at=NEW))
    assert await store.inquiries_past(BORDER, 50) == ["alone-done", "alone-failed", "alone-cancelled", "of-over"]
    assert await store.batches_past(BORDER, 50) == []
    await store.commit(Forget(what="inquiry", ids=("of-over",)))
    assert await store.batches_past(BORDER, 50) == ["over"]


async def test_what_is_forgotten_is_there_no_more_and_the_trail_holds(store: Store) -> None:
    rows = [call(id=f"call-{number}", at=OLD, answered_at=OLD) for number in range(3)]
    await kept(store, *rows)
    await store.commit(audit())
    await store.commit(Forget(what="call", ids=("call-0", "call-2", "never there")), audit(2))
    assert [await store.call(f"call-{number}") is None for number in range(3)] == [True, False, True]
    assert [one.detail["count"] for one in await store.audit_after(0, 10)] == [1, 2]
    assert await store.verify_audit() is None
    await store.commit(Forget(what="call", ids=("call-0",)))


async def test_a_list_with_inquiries_left_refuses_to_go_and_takes_nothing_with_it(store: Store) -> None:
    one = batch(id="over", state="done", closed_at=OLD)
    await kept(store, one, inquiry(id="left", batch_id="over", state="done", updated_at=OLD), call(id="c", at=OLD, answered_at=OLD))
    with pytest.raises(Unstorable):
        await store.commit(Forget(what="call", ids=("c",)), Forget(what="batch", ids=("over",)))
    assert await store.call("c") is not None
    assert await store.batch("over") == replace(one, number=1)


async def test_numbers_go_on_after_some_were_forgotten(store: Store) -> None:
    await kept(store, *(inquiry(id=f"i-{number}", state="done", updated_at=OLD) for number in range(3)))
    await store.commit(Forget(what="inquiry", ids=("i-0", "i-1")))
    await store.commit(inquiry(id="next"))
    found = await store.inquiry("next")
    assert found is not None
    assert found.number == 4


async def test_nothing_of_it_stays_in_the_file(tmp_path: Path) -> None:
    secret = b"the request and the answer " * 40
    store = await SqliteStore.open(tmp_path / "journal.sqlite")
    try:
        await kept(store, *(call(id=f"call-{number}", at=OLD, answered_at=OLD, sealed=secret) for number in range(20)))
        await store.commit(Forget(what="call", ids=tuple(f"call-{number}" for number in range(20))))
    finally:
        await store.close()
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert secret not in (tmp_path / "journal.sqlite").read_bytes()
