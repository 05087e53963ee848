"""One attempt at a time, on the in-memory journal: whatever breaks, the record tells the truth and nothing is sent twice blindly."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from gateway.flow.admitted import Admitted, Frozen, seal_admitted, seal_frozen, seal_recipient
from gateway.flow.attempt import Desk, Trip
from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.custody import Custody
from gateway.flow.identities.entries import Identities
from gateway.flow.identities.gate import IdentityGate
from gateway.flow.request import Deliver
from gateway.journal.blobs import BlobStore
from gateway.journal.memory import MemoryStore
from gateway.journal.records import BlobRecord, DeliveryRecord, DocumentRecord
from gateway.journal.store import NotAccepting, StaleRecord
from gateway.kernel.clock import FrozenClock
from gateway.kernel.concept import Concept
from gateway.kernel.config import Retry
from gateway.kernel.errors import ErrorClass, OutcomeUnknown, TransientFault
from gateway.model.delivery import Channel, DeliveryState, DocumentState, Phase
from gateway.model.patient import IdentityStatus, Patient
from gateway.model.visibility import Visibility
from gateway.trust.stop import BoxReplaced
from gateway.trust.vault import Vault, open_vault
from tests.model.test_patient import TRAITS
from tests.xds.documents import INS

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
Act = Callable[[Trip], Awaitable[bytes]]


class Script:
    """A courier that does what the test says."""

    def __init__(self) -> None:
        self.acts: list[Act] = []
        self.found: list[bytes | None] = []
        self.sent = 0

    async def deliver(self, trip: Trip) -> bytes:
        return await self.acts.pop(0)(trip)

    async def reconcile(self, trip: Trip) -> bytes | None:
        await trip.enter(Phase.PROBE)
        return self.found.pop(0)


@dataclass
class Stage:
    store: MemoryStore
    blobs: BlobStore
    vault: Vault
    clock: FrozenClock
    script: Script
    desk: Desk

    async def record(self) -> DeliveryRecord:
        found = await self.store.delivery("d" * 36)
        assert found is not None
        return found


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    vault = open_vault(tmp_path, create=True)
    store, blobs, clock, script = MemoryStore(), BlobStore(tmp_path), FrozenClock(NOW), Script()
    desk = Desk(
        store, blobs, Custody(store, blobs, vault), Bookkeeper(store, clock), {Channel.DMP: script}, gate_of(store, vault), Retry(), "boot",
        probe_wait=60,
    )  # fmt: skip
    await admit(store, vault)
    yield Stage(store, blobs, vault, clock, script, desk)
    await store.close()


def gate_of(store: MemoryStore, vault: Vault) -> IdentityGate:
    return IdentityGate(store, vault, Identities(store, vault))


async def admit(store: MemoryStore, vault: Vault) -> None:
    key, document_id, delivery_id = vault.new_key(), "x" * 36, "d" * 36
    patient = Patient(local_id="P", traits=TRAITS, status=IdentityStatus.QUALIFIEE, ins=INS)
    admitted = Admitted(
        media="pdf", structure="S", author="8", actor=None, patient=patient, type=Concept("57833-6", "s", "l"), title="T",
        created_at=NOW, service_start=NOW, service_stop=None, replaces=None, set_id="2.25.1", version=1, visibility=Visibility(),
        deliver=Deliver(dmp=True), original="o",
    )  # fmt: skip
    document = DocumentRecord(
        id=document_id, structure="S", workstation="w", idempotency_key="k", content_digest="c", unique_id="2.25.1", patient_ref="p",
        state=DocumentState.WORKING, accepted_at=1, prepared=True, original_digest="0", wrapped_key=key.wrapped,
        sealed=seal_admitted(admitted, key, document_id),
    )  # fmt: skip
    delivery = DeliveryRecord(
        id=delivery_id, document_id=document_id, structure="S", channel=Channel.DMP, lane="S/dmp", order_key="p", recipient_ref=None,
        sealed_recipient=seal_recipient("a@b.test", key, delivery_id), state=DeliveryState.QUEUED,
        sealed_frozen=seal_frozen(Frozen(cda="c"), key, delivery_id), updated_at=1,
    )  # fmt: skip
    await store.commit(document, delivery)


async def accepted(trip: Trip) -> bytes:
    await trip.enter(Phase.FEED)
    return b"yes"


async def test_a_success_is_recorded_with_its_proof(stage: Stage) -> None:
    stage.script.acts = [accepted]
    assert await stage.desk.attempt(await stage.record()) is None
    after = await stage.record()
    receipts = await stage.store.receipts_of(after.document_id)
    document = await stage.store.document(after.document_id)
    assert (after.state, after.attempts, len(receipts)) == (DeliveryState.DELIVERED, 1, 1)
    assert document is not None
    assert document.state is DocumentState.DONE
    assert await stage.store.verify_audit() is None


async def test_an_answer_that_cannot_be_kept_is_still_a_success(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_arguments: object) -> BlobRecord:
        raise NotAccepting

    async def accepted_then_full(trip: Trip) -> bytes:
        await trip.enter(Phase.FEED)
        monkeypatch.setattr(stage.blobs, "write", full)
        return b"yes"

    stage.script.acts = [accepted_then_full]
    assert await stage.desk.attempt(await stage.record()) is None
    assert (await stage.record()).state is DeliveryState.DELIVERED


async def test_a_phase_that_cannot_be_journalled_sends_nothing(stage: Stage) -> None:
    async def blocked(trip: Trip) -> bytes:
        stage.store.accepting = False
        try:
            await trip.enter(Phase.FEED)
        finally:
            stage.store.accepting = True
        stage.script.sent += 1
        return b"yes"

    stage.script.acts = [blocked]
    error = await stage.desk.attempt(await stage.record())
    after = await stage.record()
    assert isinstance(error, NotAccepting)
    assert (after.state, after.version, stage.script.sent) == (DeliveryState.QUEUED, 2, 0)


async def test_a_person_who_decides_first_wins_and_nothing_leaves(stage: Stage) -> None:
    before = await stage.record()
    await stage.store.commit(msgspec.structs.replace(before, state=DeliveryState.CANCELLED, version=before.version + 1))
    stage.script.acts = [accepted]
    assert isinstance(await stage.desk.attempt(before), StaleRecord)
    assert (await stage.record()).state is DeliveryState.CANCELLED


async def test_dmp28_a_lost_answer_is_looked_up_and_found(stage: Stage) -> None:
    async def lost(trip: Trip) -> bytes:
        await trip.enter(Phase.FEED)
        raise OutcomeUnknown

    stage.script.acts, stage.script.found = [lost], [b"entry"]
    await stage.desk.attempt(await stage.record())
    assert (await stage.record()).state is DeliveryState.UNKNOWN
    await stage.desk.attempt(await stage.record())
    assert (await stage.record()).state is DeliveryState.DELIVERED


async def test_a_defect_after_the_feed_leaves_the_outcome_in_doubt(stage: Stage) -> None:
    async def defect(trip: Trip) -> bytes:
        await trip.enter(Phase.FEED)
        raise KeyError("answer")

    stage.script.acts = [defect]
    await stage.desk.attempt(await stage.record())
    assert (await stage.record()).state is DeliveryState.UNKNOWN


async def test_a_defect_before_the_feed_waits_for_a_person(stage: Stage) -> None:
    async def defect(trip: Trip) -> bytes:
        await trip.enter(Phase.EXISTENCE)
        raise KeyError("table")

    stage.script.acts = [defect]
    await stage.desk.attempt(await stage.record())
    after = await stage.record()
    assert (after.state, after.explanation and after.explanation.code) == (DeliveryState.HELD, "internal-error")


async def test_frozen_bytes_and_the_phase_that_sends_them_are_one_commit(stage: Stage) -> None:
    async def freeze(trip: Trip) -> bytes:
        assert trip.frozen is not None
        await trip.freeze(trip.frozen, b"lot", "lot", Phase.FEED)
        journalled = await stage.record()
        assert (journalled.phase, journalled.state) == (Phase.FEED, DeliveryState.RUNNING)
        raise TransientFault

    stage.script.acts = [freeze]
    await stage.desk.attempt(await stage.record())
    document = await stage.store.document("x" * 36)
    assert document is not None
    lots = [one for one in await stage.store.blobs_of(document.id) if one.role == "lot"]
    assert [await stage.blobs.read(one, stage.vault.unwrap(document.wrapped_key)) for one in lots] == [b"lot"]


async def test_dmp32_with_a_clock_in_doubt_nothing_is_sent_and_the_lane_is_told(stage: Stage) -> None:
    stage.script.acts = [accepted]
    stage.clock.is_trusted = False
    error = await stage.desk.attempt(await stage.record())
    assert error is not None
    assert (error.code, error.error_class) == ("clock-not-trusted", ErrorClass.CONFIGURATION)
    assert (await stage.record()).state is DeliveryState.QUEUED
    assert stage.script.acts == [accepted]
    stage.clock.is_trusted = True
    assert await stage.desk.attempt(await stage.record()) is None


async def test_what_a_restoration_left_in_doubt_is_looked_up_even_from_the_queue(stage: Stage) -> None:
    """Bytes that were not frozen when the backup was made wait in the queue, doubt and all."""
    queued = msgspec.structs.replace(await stage.record(), doubtful=True, phase=Phase.PROBE, version=2)
    await stage.store.commit(queued)
    stage.script.found = [b"there"]
    assert await stage.desk.attempt(await stage.record()) is None
    assert ((await stage.record()).state, stage.script.sent) == (DeliveryState.DELIVERED, 0)


async def test_a_box_that_is_replaced_in_the_middle_of_an_attempt_goes_no_further(stage: Stage) -> None:
    replaced = False

    def fence() -> None:
        if replaced:
            raise BoxReplaced

    async def overtaken(trip: Trip) -> bytes:
        nonlocal replaced
        await trip.enter(Phase.EXISTENCE)
        replaced = True
        await trip.enter(Phase.FEED)
        stage.script.sent += 1
        return b"yes"

    stage.desk.fence = fence
    stage.script.acts = [overtaken]
    assert isinstance(await stage.desk.attempt(await stage.record()), BoxReplaced)
    after = await stage.record()
    assert (after.state, after.doubtful, stage.script.sent) == (DeliveryState.QUEUED, False, 0)
