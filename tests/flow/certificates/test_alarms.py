"""Warnings of certificates: told once each over three years of restarts, in one commit with their event, never with a wrong clock."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from typing_extensions import override

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.certificates.alarms import EXPIRING, Alarms
from gateway.flow.certificates.renewal import Renewal
from gateway.journal.memory import MemoryStore
from gateway.journal.records import Change
from gateway.journal.sqlite import SqliteStore
from gateway.journal.store import NotAccepting, Store
from gateway.kernel.clock import FrozenClock
from gateway.trust.calendar import Fact, Origin
from tests.flow.certificates.test_renewal import turns
from tests.trust.pki import NOW, STRUCTURE

DAY = 86_400.0
END = NOW + timedelta(days=3 * 365)


def facts() -> tuple[Fact, ...]:
    return (
        Fact(
            origin=Origin.CURRENT,
            fingerprint="a" * 64,
            begins=NOW,
            ends=END + timedelta(days=31),
            key_ends=END,
            structure=STRUCTURE,
            role="sign",
        ),
        Fact(origin=Origin.LAN_AUTHORITY, fingerprint="b" * 64, begins=NOW, ends=END + timedelta(days=365 * 7)),
    )


def alarms(store: Store, clock: FrozenClock) -> Alarms:
    return Alarms(store, Bookkeeper(store, clock), facts)


async def told(store: Store) -> list[str]:
    return [one.stage for one in await store.alarms()]


async def test_three_years_told_day_by_day_with_a_restart_each_time() -> None:
    store, clock = MemoryStore(), FrozenClock(NOW)
    days: dict[str, int] = {}
    for day in range(3 * 365 + 40):
        for _again in range(2):
            before = await told(store)
            await alarms(store, clock).tell()
            days |= dict.fromkeys((await told(store))[len(before) :], day)
        clock.advance(DAY)
    assert days == {"90": 1005, "60": 1035, "30": 1065, "7": 1088, "0": 1095}
    events = await store.events_after(0, 100)
    assert [(one.kind, one.structure, one.workstation) for one in events] == [(EXPIRING, STRUCTURE, "")] * 5
    assert [one.answer for one in await store.audit_after(0, 100)] == ["90", "60", "30", "7", "0"]


async def test_a_box_that_was_off_tells_the_nearest_and_counts_the_others_as_told(tmp_path: Path) -> None:
    clock = FrozenClock(END - timedelta(days=20))
    for _start in range(2):
        store = await SqliteStore.open(tmp_path / "journal.sqlite")
        await alarms(store, clock).tell()
        assert [(one.stage, one.covers) for one in await store.alarms()] == [("30", ("90", "60"))]
        await store.close()
    store = await SqliteStore.open(tmp_path / "journal.sqlite")
    clock.advance(21 * DAY)
    await alarms(store, clock).tell()
    assert [(one.stage, one.covers) for one in await store.alarms()][1:] == [("0", ("7",))]
    await store.close()


class FullDisk(MemoryStore):
    full = True

    @override
    async def commit(self, *changes: Change) -> None:
        if self.full:
            raise NotAccepting
        await super().commit(*changes)


async def test_what_could_not_be_written_is_told_later() -> None:
    store, clock = FullDisk(), FrozenClock(END - timedelta(days=80))
    with pytest.raises(NotAccepting):
        await alarms(store, clock).tell()
    store.full = False
    assert await alarms(store, clock).tell() == 1
    assert await told(store) == ["90"]


async def test_two_boxes_on_one_journal_tell_once() -> None:
    store, clock = MemoryStore(), FrozenClock(END)
    first, second = alarms(store, clock), alarms(store, clock)
    assert [await first.tell(), await second.tell()] == [1, 0]


async def test_a_clock_that_may_be_wrong_tells_nothing() -> None:
    store, clock = MemoryStore(), FrozenClock(END + timedelta(days=5000), trusted=False)
    await turns(Renewal(clock, alarms(store, clock).tell), 4)
    assert await told(store) == []
