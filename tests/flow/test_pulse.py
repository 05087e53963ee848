"""The watchdog is fed by proofs alone: a journal or a queue that hangs, or a loop that is frozen, and nothing is said any more."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typing_extensions import override

from gateway.flow.pulse import Pulse
from gateway.flow.scheduler import Scheduler
from gateway.journal.memory import MemoryStore
from gateway.journal.records import Change, DeliveryRecord
from gateway.journal.sqlite import SqliteStore
from gateway.journal.store import Store
from gateway.kernel.clock import SystemClock
from gateway.kernel.errors import RelaisError
from tests.flow.test_scheduler import CONFIGURATION

SHORT, LONG = 0.3, 300.0


class Silent(MemoryStore):
    """Does not answer what it is told not to."""

    def __init__(self, *deaf: str) -> None:
        super().__init__()
        self.deaf = set(deaf)

    @override
    async def last_event(self) -> int:
        await self._listen("read")
        return await super().last_event()

    @override
    async def commit(self, *changes: Change) -> None:
        await self._listen("write")
        await super().commit(*changes)

    async def _listen(self, step: str) -> None:
        if step in self.deaf:
            await asyncio.Event().wait()


class Still(Scheduler):
    """A queue whose lanes look no more."""

    @override
    def moves(self) -> bool:
        return False


async def _nothing(record: DeliveryRecord) -> RelaisError | None:
    raise AssertionError(record.id)


@asynccontextmanager
async def pulse_of(store: Store, patience: float = SHORT, kind: type[Scheduler] = Scheduler) -> AsyncIterator[tuple[Pulse, list[None]]]:
    """A pulse over a scheduler that runs, and the beats so far."""
    scheduler, beats = kind(CONFIGURATION, store, SystemClock(), _nothing), list[None]()
    running = asyncio.create_task(scheduler.run())
    await asyncio.sleep(0)
    try:
        yield Pulse(store, scheduler, lambda: beats.append(None), patience), beats
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_it_beats_again_and_again_while_all_moves() -> None:
    async with pulse_of(MemoryStore()) as (pulse, beats):
        running = asyncio.create_task(pulse.run())
        async with asyncio.timeout(30):
            while len(beats) < 3:  # noqa: ASYNC110 - the test's own list
                await asyncio.sleep(0.01)
        running.cancel()


@pytest.mark.parametrize("step", ["read", "write"])
async def test_a_journal_that_does_not_answer_is_no_proof(step: str) -> None:
    async with pulse_of(Silent(step)) as (pulse, _):
        assert await pulse.missing() == step


async def test_a_queue_that_stands_still_is_no_proof() -> None:
    async with pulse_of(MemoryStore(), LONG, Still) as (pulse, _):
        assert await pulse.missing() == "queue"


async def test_nothing_is_said_while_the_proof_is_missing_and_again_once_it_is_back() -> None:
    store = Silent("write")
    async with pulse_of(store, 0.03) as (pulse, beats):
        running = asyncio.create_task(pulse.run())
        await asyncio.sleep(0.1)
        assert not beats
        store.deaf.clear()
        async with asyncio.timeout(30):
            while not beats:  # noqa: ASYNC110 - the test's own list
                await asyncio.sleep(0.01)
        running.cancel()


async def test_a_journal_that_refuses_has_answered() -> None:
    """A full disk is told to people; starting the box again would not empty it."""
    store = MemoryStore()
    async with pulse_of(store, LONG) as (pulse, _):
        store.accepting = False
        assert await pulse.missing() is None


async def test_the_real_journal_is_asked_for_a_write_that_wears_nothing_out(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    store = await SqliteStore.open(path)
    try:
        async with pulse_of(store, LONG) as (pulse, _):
            before = await asyncio.to_thread(Path(f"{path}-wal").stat)
            assert await pulse.missing() is None
            after = await asyncio.to_thread(Path(f"{path}-wal").stat)
            assert (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    finally:
        await store.close()


async def test_a_real_writer_that_is_stuck_is_no_proof(tmp_path: Path) -> None:
    """Another process holds the journal's only place for a writer."""
    path = tmp_path / "journal.sqlite"
    store = await SqliteStore.open(path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        try:
            async with pulse_of(store) as (pulse, _):
                other.execute("BEGIN IMMEDIATE")
                assert await pulse.missing() == "write"
                other.execute("ROLLBACK")
                async with asyncio.timeout(30):
                    while await pulse.missing() is not None:
                        pass
        finally:
            await store.close()


async def test_a_frozen_loop_says_nothing() -> None:
    async with pulse_of(MemoryStore(), 0.03) as (pulse, beats):
        running = asyncio.create_task(pulse.run())
        async with asyncio.timeout(30):
            while not beats:  # noqa: ASYNC110 - the test's own list
                await asyncio.sleep(0.001)
        said = len(beats)
        time.sleep(0.2)  # noqa: ASYNC251 - the fault itself: nothing else runs meanwhile
        assert len(beats) == said
        running.cancel()
