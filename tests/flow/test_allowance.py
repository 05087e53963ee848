from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.flow.allowance import Allowance, LargePlaces, TooMuchAtOnce
from gateway.flow.attempt import Courier, Desk, Trip
from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.custody import Custody
from gateway.flow.upload import Upload
from gateway.journal.blobs import BlobStore
from gateway.journal.memory import MemoryStore
from gateway.kernel.clock import FrozenClock
from gateway.kernel.config import Limits, Retry
from gateway.model.delivery import Channel, Phase
from gateway.trust.vault import open_vault
from tests.flow.test_attempt import NOW, admit, gate_of

LARGE = 2_000_000


def test_bytes_are_counted_while_they_are_held_and_given_back_once() -> None:
    allowance = Allowance(100)
    first, second = allowance.share(), allowance.share()
    first.take(60)
    second.take(40)
    with pytest.raises(TooMuchAtOnce) as refusal:
        second.take(1)
    assert (refusal.value.code, refusal.value.status, allowance.taken) == ("not-accepting", 503, 100)
    first.close()
    first.close()
    assert allowance.taken == 40


def test_an_upload_gives_its_bytes_back_however_it_ends() -> None:
    allowance = Allowance(100)
    with Upload(1000, allowance.share()) as upload:
        upload.write(b"x" * 90)
        assert allowance.taken == 90
        with pytest.raises(TooMuchAtOnce):
            upload.write(b"x" * 20)
    assert allowance.taken == 0


async def test_large_documents_wait_for_each_other_and_small_ones_for_nobody() -> None:
    places = LargePlaces(Limits(large_document_bytes=1_000_000, large_in_flight=2))
    async with places.sending(LARGE):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02), places.sending(LARGE):
                raise AssertionError("two at once")
        async with asyncio.timeout(5), places.sending(1_000_000), places.preparing(LARGE):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02), places.preparing(LARGE):
                    raise AssertionError("two at once")
    async with asyncio.timeout(5), places.sending(LARGE):
        pass


class Slow:
    """A courier that stays on its way until told."""

    def __init__(self) -> None:
        self.started = 0
        self.go = asyncio.Event()

    async def deliver(self, trip: Trip) -> bytes:
        await trip.enter(Phase.FEED)
        self.started += 1
        await self.go.wait()
        return b"yes"

    async def reconcile(self, trip: Trip) -> bytes | None:
        raise AssertionError("nothing is in doubt")


async def test_an_attempt_at_a_large_document_waits_for_a_place(tmp_path: Path) -> None:
    vault, store, blobs, slow = open_vault(tmp_path, create=True), MemoryStore(), BlobStore(tmp_path), Slow()
    everything_is_large = LargePlaces(Limits(large_document_bytes=-1, large_in_flight=1))
    couriers: dict[Channel, Courier] = {Channel.DMP: slow}
    books = Bookkeeper(store, FrozenClock(NOW))
    custody, gate = Custody(store, blobs, vault), gate_of(store, vault)
    desk = Desk(store, blobs, custody, books, couriers, gate, Retry(), "boot", probe_wait=60, places=everything_is_large)
    await admit(store, vault)
    record = await store.delivery("d" * 36)
    assert record is not None
    async with everything_is_large.sending(0):
        attempt = asyncio.create_task(desk.attempt(record))
        await asyncio.sleep(0.05)
        assert slow.started == 0
    slow.go.set()
    assert (await attempt, slow.started) == (None, 1)
