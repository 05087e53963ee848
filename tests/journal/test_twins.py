"""The two journals, given the same random life, answer every question alike."""

from __future__ import annotations

import asyncio
import random
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.journal.memory import MemoryStore
from gateway.journal.records import BringForward, Change, DeliveryRecord, DocumentRecord, WakeLane
from gateway.journal.sqlite import SqliteStore
from gateway.journal.store import DocumentQuery, Store
from gateway.kernel.errors import RelaisError
from gateway.model.delivery import DeliveryState, DocumentState, Phase
from tests.journal.samples import NOW, audit, blob, delivery, document, event, receipt

LANES = ("s1/dmp", "s2/dmp", "s1/mss")
CLASSES = (None, "transient", "configuration", "unknown")


class Life:
    """Random commits, some of them wrong on purpose."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.documents: list[DocumentRecord] = []
        self.deliveries: list[DeliveryRecord] = []

    def commit(self) -> list[Change]:
        pick = self._random.random()
        if pick < 0.4 or not self.documents:
            return self._acceptance()
        if pick < 0.8:
            return self._progress()
        if pick < 0.9:
            return self._preparation()
        lane, now = self._random.choice(LANES), NOW + self._random.randrange(50)
        return [WakeLane(lane=lane, now=now) if pick < 0.95 else BringForward(lane=lane, now=now, latest=now + 30)]

    def _acceptance(self) -> list[Change]:
        one = document(
            structure=self._random.choice(("s1", "s2")),
            workstation=self._random.choice(("a", "b")),
            patient_ref=f"p{self._random.randrange(3)}",
            state=self._random.choice(list(DocumentState)),
            prepared=self._random.random() < 0.5,
            accepted_at=NOW + self._random.randrange(100),
        )
        if self.documents and self._random.random() < 0.2:
            one = replace(one, idempotency_key=self._random.choice(self.documents).idempotency_key)
        sent = [delivery(one, lane=lane, **self._condition()) for lane in self._random.sample(LANES, self._random.randrange(3))]
        self.documents.append(one)
        self.deliveries.extend(sent)
        return [one, *sent, audit(one), event(one), blob(one)]

    def _progress(self) -> list[Change]:
        if not self.deliveries:
            return []
        index = self._random.randrange(len(self.deliveries))
        before = self.deliveries[index]
        after = replace(before, version=before.version + self._random.choice((1, 1, 1, 1, 2)), **self._condition())
        self.deliveries[index] = after
        answers = [receipt(after)] if self._random.random() < 0.3 else []
        return [after, *answers, audit(self._random.choice(self.documents), act="delivery.sent")]

    def _preparation(self) -> list[Change]:
        index = self._random.randrange(len(self.documents))
        before = self.documents[index]
        self.documents[index] = replace(before, version=before.version + 1, prepared=not before.prepared, sealed=b"again")
        return [self.documents[index]]

    def _condition(self) -> dict[str, Any]:
        return {
            "state": self._random.choice(list(DeliveryState)),
            "phase": self._random.choice(list(Phase)),
            "boot": self._random.choice((None, "old", "new")),
            "next_attempt_at": self._random.choice((None, NOW + self._random.randrange(100))),
            "error_class": self._random.choice(CLASSES),
        }


async def outcome(store: Store, changes: list[Change]) -> str:
    try:
        await store.commit(*changes)
    except RelaisError as refusal:
        return refusal.code
    return "kept"


async def answers(store: Store, life: Life) -> list[Any]:
    found: list[Any] = [await store.lanes(), await store.shape(), await store.orphans("new"), await store.verify_audit()]
    found += [await store.audit_after(0, 1000), await store.events_after(0, 1000), await store.last_event()]
    for newest in (False, True):
        for busy in (frozenset[str](), frozenset(one.id for one in life.documents[::2])):
            found.append(await store.unprepared(newest=newest, excluding=busy))
        for lane in LANES:
            for now in (NOW, NOW + 50, NOW + 200):
                for busy in (frozenset[str](), frozenset(one.id for one in life.deliveries[::3])):
                    found.append(await store.due(lane, now, newest=newest, excluding=busy))
    found += [await store.next_due_at(lane, after) for lane in LANES for after in (0, NOW + 50)]
    for workstation in (None, "a"):
        for structures in (None, ("s2",), ("s1", "s2")):
            for state in (None, DocumentState.ATTENTION):
                for patient_ref in (None, "p1"):
                    for since in (None, NOW + 50):
                        query = DocumentQuery(
                            workstation=workstation, structures=structures, state=state, patient_ref=patient_ref, since=since, limit=7
                        )
                        found.append(await store.documents(query))
    for one in life.documents:
        found += [await store.document(one.id), await store.deliveries_of(one.id), await store.receipts_of(one.id)]
        found += [await store.blobs_of(one.id), await store.audit_of(one.id)]
    return found


async def compare(seed: int, steps: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file, memory = await SqliteStore.open(Path(folder) / "journal.sqlite"), MemoryStore()
        try:
            life = Life(seed)
            for _ in range(steps):
                changes = life.commit()
                assert await outcome(file, changes) == await outcome(memory, changes)
            assert await answers(file, life) == await answers(memory, life)
        finally:
            await file.close()


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), steps=st.integers(1, 80))
def test_the_twins_agree(seed: int, steps: int) -> None:
    asyncio.run(compare(seed, steps))
