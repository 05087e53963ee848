"""INSi's calls and the results of searches are kept for a time, then erased: a little at a time, told, resumed after any stop."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.flow.errors import NotFound
from gateway.flow.identities.request import BatchBody, BatchPatient
from gateway.flow.identities.retention import Retention
from gateway.journal.store import NotAccepting
from tests.flow.searching import FIRST, STATION, Office, ins_of, letters, national, patient

DAY = 86_400


def retention(office: Office) -> Retention:
    return Retention(office.configuration.insi, office.store, office.books, office.clock)


async def asked(office: Office, count: int) -> list[str]:
    """So many patients found, each by a search of the box."""
    office.insi.people = {letters(number): national(number) for number in range(count)}
    found = []
    for number in range(count):
        await office.write(patient(number))
        found.append(await office.ask(f"P-{number}"))
    async with office.working():
        for one in found:
            await office.until_state(one, "done")
    return found


async def calls(office: Office, count: int) -> int:
    of = [await office.store.calls_of(FIRST, office.identities.reference(FIRST, f"P-{number}")) for number in range(count)]
    return sum(len(one) for one in of)


async def test_calls_go_after_three_years_and_results_after_three_months(tmp_path: Path) -> None:
    office = Office(tmp_path, insi={"calls_per_second": 1e6})
    [inquiry] = await asked(office, 1)
    assert not await retention(office).erase()
    office.clock.advance(91 * DAY)
    assert await retention(office).erase()
    assert not await retention(office).erase()
    with pytest.raises(NotFound):
        await office.inquiries.view(STATION, inquiry)
    assert await calls(office, 1) == 1
    office.clock.advance(1005 * DAY)
    assert await retention(office).erase()
    assert await calls(office, 1) == 0
    assert [(one.actor, one.detail["what"], one.detail["count"]) for one in await office.acts("insi.erased")] == [
        ("system", "inquiry", 1), ("system", "call", 1),
    ]  # fmt: skip
    assert len(await office.acts("insi.asked", "insi.answered")) == 2
    assert await office.store.verify_audit() is None
    held = (await office.known("P-0")).identity.recovery
    assert held is not None
    assert held.ins == ins_of(0)


async def test_nothing_goes_for_ever_kept_nor_by_a_clock_that_may_be_wrong(tmp_path: Path) -> None:
    for folder in ("kept", "wrong"):
        (tmp_path / folder).mkdir()
    office = Office(tmp_path / "kept", insi={"calls_per_second": 1e6, "keep_calls_days": 0, "keep_searches_days": 0})
    await asked(office, 1)
    office.clock.advance(36_500 * DAY)
    assert not await retention(office).erase()
    other = Office(tmp_path / "wrong", insi={"calls_per_second": 1e6})
    await asked(other, 1)
    other.clock.advance(36_500 * DAY)
    other.clock.is_trusted = False
    assert not await retention(other).erase()
    assert await calls(other, 1) == 1


async def test_a_stop_at_any_commit_leaves_less_to_erase_and_the_next_start_goes_on(tmp_path: Path) -> None:
    office = Office(tmp_path, insi={"calls_per_second": 1e6, "keep_calls_days": 1, "keep_searches_days": 1})
    await asked(office, 5)
    office.clock.advance(2 * DAY)
    office.store.left = 1
    assert await retention(office).erase()
    with pytest.raises(NotAccepting):
        await retention(office).erase()
    office.store.left = None
    again = Office(tmp_path, before=office)
    while await retention(again).erase():
        pass
    assert await calls(again, 5) == 0
    assert await again.store.inquiries_past(again.books.now(), 100) == []
    assert sum(int(one.detail["count"] or 0) for one in await again.acts("insi.erased")) == 10
    assert await again.store.verify_audit() is None


async def test_a_list_goes_whole_once_it_is_old_enough_and_never_while_it_goes_on(tmp_path: Path) -> None:
    office = Office(tmp_path, insi={"calls_per_second": 1e6, "keep_calls_days": 0, "keep_searches_days": 30})
    office.insi.people = {letters(number): national(number) for number in range(3)}
    for number in range(3):
        await office.write(patient(number))
    patients = tuple(BatchPatient(local_id=f"P-{number}") for number in range(3))
    body = BatchBody(structure=FIRST, kind="tomorrow", patients=patients, when="now")
    batch = await office.searches.start_batch(STATION, body)
    async with office.working():

        async def over() -> bool:
            return (await office.batches.one(STATION, batch.id)).state == "done"

        await office.until(over)
    office.clock.advance(29 * DAY)
    assert not await retention(office).erase()
    office.clock.advance(2 * DAY)
    assert [await retention(office).erase() for _ in range(3)] == [True, True, False]
    assert await office.batches.last((FIRST,)) == ()
    assert [one.detail["what"] for one in await office.acts("insi.erased")] == ["inquiry", "batch"]


async def test_a_journal_that_refuses_for_a_while_is_asked_again(tmp_path: Path) -> None:
    office = Office(tmp_path, insi={"calls_per_second": 1e6, "keep_calls_days": 1, "keep_searches_days": 1})
    await asked(office, 2)
    office.clock.advance(2 * DAY)
    office.store.accepting = False
    task = asyncio.create_task(retention(office).run())
    try:

        async def gone() -> bool:
            return await calls(office, 2) == 0 and await office.store.inquiries_past(office.books.now(), 9) == []

        await office.settle()
        office.store.accepting = True
        await office.until(gone)
    finally:
        task.cancel()
    assert len(await office.acts("insi.erased")) == 2
