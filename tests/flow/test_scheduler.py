"""The loop of a lane never forgets what is due, whatever happens between two looks at the journal."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest
from typing_extensions import override

from gateway.flow.scheduler import Scheduler
from gateway.journal.memory import MemoryStore
from gateway.journal.records import DeliveryRecord, DocumentRecord
from gateway.kernel.clock import SystemClock
from gateway.kernel.config import Configuration, Dmp, Mailbox, Professional, Retry, Structure
from gateway.kernel.errors import ConfigurationFault, RelaisError
from gateway.model.delivery import Channel, DeliveryState, DocumentState

LANE = "S/dmp"
NOW = 1_800_000_000_000
CONFIGURATION = Configuration(
    dmp=Dmp(url="https://dmp.test/si-dmp-server/v2/services"),
    retry=Retry(probe_every=0.02),
    structures=(
        Structure(
            id="S", name="Cabinet", patient_root="1.2", source_id="1.3", professionals=(Professional(id="8", family="F", given="G"),),
            mailbox=Mailbox(address="a@b.test", display_name="Cabinet", reply_to="c@b.test", host="mx.test"),
        ),
    ),
)  # fmt: skip


class ScriptedClock(SystemClock):
    """Says these instants one after the other, and the last one for ever."""

    def __init__(self, *, now: list[int] | None = None, monotonic: list[float] | None = None) -> None:
        super().__init__()
        self._now = now or [0]
        self._monotonic = monotonic or [0.0]

    @override
    def now(self) -> datetime:
        return datetime.fromtimestamp((self._now.pop(0) if len(self._now) > 1 else self._now[0]) / 1000, UTC)

    @override
    def monotonic(self) -> float:
        return self._monotonic.pop(0) if len(self._monotonic) > 1 else self._monotonic[0]


async def admit(store: MemoryStore, number: int, next_attempt_at: int | None) -> None:
    document = DocumentRecord(
        id=f"document-{number}", structure="S", workstation="w", idempotency_key=f"{number}", content_digest="c",
        unique_id=f"2.25.{number}",
        patient_ref=f"p{number}", state=DocumentState.WORKING, accepted_at=1, prepared=True, original_digest="0", wrapped_key=b"k",
        sealed=b"s",
    )  # fmt: skip
    delivery = DeliveryRecord(
        id=f"delivery-{number}", document_id=document.id, structure="S", channel=Channel.DMP, lane=LANE, order_key=f"p{number}",
        recipient_ref=None, sealed_recipient=None, state=DeliveryState.QUEUED, next_attempt_at=next_attempt_at, updated_at=1,
    )  # fmt: skip
    await store.commit(document, delivery)


async def attempted(store: MemoryStore, clock: ScriptedClock, answers: list[RelaisError | None], patience: float = 5) -> int:
    """Run the scheduler until it has met all these answers; how many attempts were made."""
    made = 0
    over = asyncio.Event()

    async def attempt(record: DeliveryRecord) -> RelaisError | None:
        nonlocal made
        made += 1
        error = answers.pop(0)
        if error is None:
            await store.commit(msgspec.structs.replace(record, state=DeliveryState.DELIVERED, version=record.version + 1))
        if not answers:
            over.set()
        return error

    running = asyncio.create_task(Scheduler(CONFIGURATION, store, clock, attempt).run())
    try:
        async with asyncio.timeout(patience):
            await over.wait()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return made


async def test_what_falls_due_between_two_looks_is_not_forgotten() -> None:
    store = MemoryStore()
    await admit(store, 1, next_attempt_at=1000)
    assert await attempted(store, ScriptedClock(now=[998, 998, 999, 1001, 1002]), [None]) == 1
    await store.close()


async def test_a_dead_destination_is_probed_even_when_its_hour_strikes_between_two_looks() -> None:
    store = MemoryStore()
    await admit(store, 1, next_attempt_at=None)
    clock = ScriptedClock(now=[2000], monotonic=[0.0, 0.019, 0.021])
    assert await attempted(store, clock, [ConfigurationFault(), None]) == 2
    await store.close()


async def test_what_a_clock_four_years_ahead_put_off_is_due_once_it_is_right_again() -> None:
    store, four_years = MemoryStore(), 4 * 365 * 86_400_000
    await admit(store, 1, next_attempt_at=NOW + four_years)
    assert await attempted(store, ScriptedClock(now=[NOW]), [None]) == 1
    await store.close()


async def test_what_a_policy_put_off_keeps_its_date() -> None:
    store = MemoryStore()
    await admit(store, 1, next_attempt_at=NOW + int(CONFIGURATION.retry.transient.ceiling * 1000))
    with pytest.raises(TimeoutError):
        await attempted(store, ScriptedClock(now=[NOW]), [None], patience=0.2)
    await store.close()


class Stuck(MemoryStore):
    """Answers what is due never again, once `stuck`."""

    stuck = False

    @override
    async def due(self, lane: str, now: int, *, newest: bool, excluding: frozenset[str]) -> DeliveryRecord | None:
        if self.stuck:
            await asyncio.Event().wait()
        return await super().due(lane, now, newest=newest, excluding=excluding)


class Watch(SystemClock):
    """Elapsed time set by hand."""

    elapsed = 0.0

    @override
    def monotonic(self) -> float:
        return self.elapsed


async def test_it_moves_as_long_as_every_lane_looks_at_its_queue() -> None:
    store, clock = Stuck(), Watch()
    scheduler = Scheduler(CONFIGURATION, store, clock, _nothing_due)
    assert not scheduler.moves(), "it does not run yet"
    running = asyncio.create_task(scheduler.run())
    await asyncio.sleep(0)
    scheduler.notify(LANE)
    for _ in range(10):
        clock.elapsed += 60
        scheduler.notify(LANE)
        await asyncio.sleep(0.01)
        assert scheduler.moves()
    store.stuck = True
    scheduler.notify(LANE)
    await asyncio.sleep(0.01)
    clock.elapsed += 60
    assert scheduler.moves(), "a slow look is no stop"
    clock.elapsed += 60
    assert not scheduler.moves()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not scheduler.moves()
    await store.close()


async def test_a_journal_that_refuses_leaves_the_queue_moving() -> None:
    store, clock = MemoryStore(), Watch()
    scheduler = Scheduler(CONFIGURATION, store, clock, _nothing_due)
    running = asyncio.create_task(scheduler.run())
    await asyncio.sleep(0)
    scheduler.notify(LANE)
    await asyncio.sleep(0.01)
    assert scheduler.moves()
    store.accepting = False
    for _ in range(4):
        clock.elapsed += 60
        scheduler.notify(LANE)
        await asyncio.sleep(0.01)
        assert scheduler.moves(), "the journal is judged by its own answer"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def _nothing_due(record: DeliveryRecord) -> RelaisError | None:
    raise AssertionError(record.id)


async def test_told_to_finish_it_waits_for_what_is_under_way_and_starts_nothing_more() -> None:
    store, clock = MemoryStore(), SystemClock()
    for number in range(1, 4):
        await admit(store, number, None)
    under_way, answer = asyncio.Event(), asyncio.Event()
    recorded: list[str] = []

    async def attempt(record: DeliveryRecord) -> RelaisError | None:
        under_way.set()
        await answer.wait()
        await store.commit(msgspec.structs.replace(record, state=DeliveryState.DELIVERED, version=record.version + 1))
        recorded.append(record.id)
        return None

    one_at_a_time = msgspec.structs.replace(CONFIGURATION, dmp=msgspec.structs.replace(CONFIGURATION.dmp, concurrency=1))
    scheduler = Scheduler(one_at_a_time, store, clock, attempt)
    running = asyncio.create_task(scheduler.run())
    await under_way.wait()
    finishing = asyncio.create_task(scheduler.finish(30))
    await asyncio.sleep(0)
    assert not finishing.done()
    answer.set()
    await finishing
    assert len(recorded) == 1, "its outcome is written, and nothing else was begun"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert len(recorded) == 1


async def test_what_never_ends_is_not_waited_for_without_end() -> None:
    store = MemoryStore()
    await admit(store, 1, None)
    under_way = asyncio.Event()

    async def attempt(_record: DeliveryRecord) -> RelaisError | None:
        under_way.set()
        await asyncio.Event().wait()
        return None

    scheduler = Scheduler(CONFIGURATION, store, SystemClock(), attempt)
    running = asyncio.create_task(scheduler.run())
    await under_way.wait()
    await scheduler.finish(0.05)
    running.cancel()
    assert isinstance((await asyncio.gather(running, return_exceptions=True))[0], asyncio.CancelledError)
