"""The loop of preparation waits for a time it can trust: a mail is dated once, when it is frozen."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import cast

from gateway.flow.preparation import Preparer
from gateway.flow.workshop import Workshop
from gateway.journal.memory import MemoryStore
from gateway.journal.records import DeliveryRecord, DocumentRecord
from gateway.kernel.clock import FrozenClock
from gateway.model.delivery import Channel, DeliveryState, DocumentState


def accepted() -> tuple[DocumentRecord, DeliveryRecord]:
    document = DocumentRecord(
        id="document", structure="S", workstation="w", idempotency_key="k", content_digest="c", unique_id="2.25.1", patient_ref="p",
        state=DocumentState.WORKING, accepted_at=1, original_digest="0", wrapped_key=b"k", sealed=b"s",
    )  # fmt: skip
    delivery = DeliveryRecord(
        id="delivery", document_id="document", structure="S", channel=Channel.DMP, lane="S/dmp", order_key="p", recipient_ref=None,
        sealed_recipient=None, state=DeliveryState.QUEUED, updated_at=1,
    )  # fmt: skip
    return document, delivery


async def test_dmp32_nothing_is_dated_with_a_clock_in_doubt() -> None:
    store, clock = MemoryStore(), FrozenClock(datetime(2026, 11, 24, tzinfo=UTC), trusted=False)
    await store.commit(*accepted())
    done = asyncio.Event()
    seen: list[str] = []

    class Preparing:
        async def prepare(self, record: DocumentRecord) -> list[str]:
            seen.append(record.id)
            done.set()
            await asyncio.Event().wait()
            return []

    running = asyncio.create_task(Workshop(store, cast(Preparer, Preparing()), clock, asyncio.Event(), lambda lane: None).run())
    for _turn in range(20):
        await asyncio.sleep(0)
    assert seen == []
    assert clock.monotonic() > 0, "it looked at the clock again and again"
    clock.is_trusted = True
    async with asyncio.timeout(5):
        await done.wait()
    assert seen == ["document"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await store.close()
