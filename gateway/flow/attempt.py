"""One attempt at one delivery, from its first phase to its recorded outcome. Knows no channel: couriers do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec
import structlog

from gateway.flow import outcome
from gateway.flow.admitted import Admitted, Frozen, open_frozen, open_recipient, seal_frozen
from gateway.flow.allowance import LargePlaces
from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.custody import Custody
from gateway.flow.errors import InDoubt, PayloadQuarantined, Unexpected
from gateway.flow.identities.gate import IdentityGate
from gateway.journal.blobs import BlobStore
from gateway.journal.records import AuditRecord, BlobRecord, Change, DeliveryRecord, DocumentRecord, ReceiptRecord
from gateway.journal.sealing import Sealer
from gateway.journal.store import StaleRecord, Store
from gateway.kernel.config import Limits, Retry
from gateway.kernel.errors import RelaisError
from gateway.kernel.ids import new_id
from gateway.model.delivery import MAY_HAVE_LEFT, Channel, DeliveryState, Phase, ReceiptKind

_log = structlog.get_logger("relais.delivery")

_SHOWS_THE_PATIENT = frozenset({Phase.EXISTENCE, Phase.FEED, Phase.ENVELOPE})
"""Steps that tell the patient's identity to a destination, content or address; a probe only asks what became of what has left."""


class Trip:
    """One attempt as a courier sees it: the item, its frozen bytes, and `enter`, to be awaited before each step."""

    def __init__(self, record: DeliveryRecord, document: DocumentRecord, admitted: Admitted, key: Sealer, desk: Desk) -> None:
        self.record = record
        self.document = document
        self.admitted = admitted
        self.recipient = open_recipient(record, key)
        self.frozen = open_frozen(record, key)
        self._key = key
        self._desk = desk
        self._carried: list[Change] = []

    def carry(self, change: Change) -> None:
        """Commit this with the next phase rather than at once: worth remembering, no loss when the attempt ends before."""
        self._carried.append(change)

    async def enter(self, phase: Phase) -> None:
        """Journal the phase; when it returns the step may be taken. Raises what the identity gate says."""
        await self._move(phase)

    async def freeze(self, frozen: Frozen, payload: bytes, role: str, phase: Phase) -> None:
        """Freeze the bytes of this delivery and enter the phase that sends them, in one commit (commit 2)."""
        blob = await self._desk.blobs.write(self.document.id, role, payload, self._key)
        frozen = msgspec.structs.replace(frozen, payload=blob.id)
        await self._move(phase, blob, sealed=seal_frozen(frozen, self._key, self.record.id))
        self.frozen = frozen

    async def thaw(self) -> None:
        """Forget the sealed payload: it will be sealed anew (the CDA stays as it is)."""
        if self.frozen is not None:
            self.frozen = msgspec.structs.replace(self.frozen, payload=None, submission_set_id=None)
            sealed = seal_frozen(self.frozen, self._key, self.record.id)
            self.record = msgspec.structs.replace(self.record, sealed_frozen=sealed)

    async def payload(self, blob_id: str) -> bytes:
        """Plain bytes of one of the document's payloads."""
        return await self._desk.custody.payload(self.document, blob_id)

    async def keep(self, role: str, content: bytes) -> BlobRecord:
        """Encrypt something worth keeping (an answer): to be committed with the outcome."""
        return await self._desk.blobs.write(self.document.id, role, content, self._key)

    async def _move(self, phase: Phase, *more: Change, sealed: bytes | None = None) -> None:
        """What is in memory never runs ahead of the journal: the record changes once the commit has returned."""
        self._desk.fence()
        if phase in _SHOWS_THE_PATIENT:
            await self._desk.look_at_identity(self)
        moved = outcome.begun(self.record, phase, self._desk.boot, self._desk.books.now())
        if sealed is not None:
            moved = msgspec.structs.replace(moved, sealed_frozen=sealed)
        await self._desk.store.commit(moved, *self._carried, *more)
        self._carried.clear()
        self.record = moved


class Courier(Protocol):
    """Takes one delivery to its channel."""

    async def deliver(self, trip: Trip) -> bytes:
        """Send; returns the answer that proves it. Raises the channel's typed errors."""
        ...

    async def reconcile(self, trip: Trip) -> bytes | None:
        """After a lost answer: the proof that it had arrived, None when it had not."""
        ...


class Desk:
    """Runs attempts. What may go wrong with one item ends in its own record; the others go on."""

    def __init__(
        self,
        store: Store,
        blobs: BlobStore,
        custody: Custody,
        books: Bookkeeper,
        couriers: dict[Channel, Courier],
        gate: IdentityGate,
        retry: Retry,
        boot: str,
        probe_wait: float,
        places: LargePlaces | None = None,
        fence: Callable[[], None] = lambda: None,
    ) -> None:
        """`fence` raises once another box has taken the place of this one."""
        self.store = store
        self.blobs = blobs
        self.custody = custody
        self.books = books
        self.boot = boot
        self.fence = fence
        self._couriers = couriers
        self._gate = gate
        self._retry = retry
        self._probe_wait = probe_wait
        self._places = places or LargePlaces(Limits())

    async def attempt(self, record: DeliveryRecord) -> RelaisError | None:
        """Run one delivery to its recorded outcome; returns the error met, None when the destination answered well.

        A StaleRecord means that a person decided otherwise before anything left: nothing is recorded here.
        """
        trip: Trip | None = None
        try:
            trip = await self._open(record)
            async with self._places.sending(trip.admitted.size):
                proof = await self._travel(trip)
        except StaleRecord as overtaken:
            return overtaken
        except RelaisError as error:
            await self._record_failure(trip.record if trip is not None else record, error)
            return error
        except Exception as defect:  # noqa: BLE001 - one defect must not stop the lane
            _log.exception("unexpected error in an attempt", delivery=record.id)
            surprise = self._surprise(trip.record if trip is not None else record, defect)
            await self._record_failure(trip.record if trip is not None else record, surprise)
            return surprise
        await self._record_answer(trip, proof)
        return None

    async def look_at_identity(self, trip: Trip) -> None:
        """Raises IdentityNotQualified or IdentityWithdrawn when the identity of the document may not leave any more."""
        admitted = trip.admitted
        await self._gate.check(trip.document, admitted.patient, admitted.media, needs_qualified=trip.record.needs_qualified)

    async def _open(self, record: DeliveryRecord) -> Trip:
        document = await self.store.document(record.document_id)
        if document is None:
            raise PayloadQuarantined("document row missing")
        return Trip(record, document, self.custody.admitted(document), self.custody.key(document), self)

    async def _travel(self, trip: Trip) -> bytes | None:
        self.books.check_time()
        courier = self._couriers[trip.record.channel]
        if trip.record.state is DeliveryState.UNKNOWN or trip.record.doubtful:
            return await courier.reconcile(trip)
        return await courier.deliver(trip)

    def _surprise(self, record: DeliveryRecord, defect: Exception) -> RelaisError:
        """Once something may have left, a defect leaves the outcome in doubt: it is looked up, never sent again blindly."""
        doubtful = record.state is DeliveryState.RUNNING and record.phase in MAY_HAVE_LEFT
        return InDoubt(type(defect).__name__) if doubtful else Unexpected(type(defect).__name__)

    async def _record_answer(self, trip: Trip, proof: bytes | None) -> None:
        """What the destination said must be written, whatever the journal's state: it is never turned into a failure."""
        now = self.books.now()
        if proof is None:
            again = outcome.not_found(trip.record, now, self._probe_wait)
            await self.books.settle(again, audit=self._audit(trip.record, "delivery.probed", "absent"))
            return
        blobs = await self._kept(trip, proof)
        receipt = ReceiptRecord(
            id=new_id(), delivery_id=trip.record.id, kind=ReceiptKind.HANDED_OVER, at=now, proof_blob=blobs[0].id if blobs else None
        )
        done = outcome.delivered(trip.record, now)
        await self.books.settle(done, *blobs, receipt, audit=self._audit(trip.record, "delivery.sent", "accepted"))

    async def _kept(self, trip: Trip, proof: bytes) -> list[BlobRecord]:
        try:
            return [await trip.keep("answer", proof)]
        except RelaisError as problem:
            _log.warning("answer not kept", delivery=trip.record.id, code=problem.code)
            return []

    async def _record_failure(self, record: DeliveryRecord, error: RelaisError) -> None:
        after = outcome.failed(record, error, self._retry, self.books.now(), dated=self.books.dated())
        _log.info("attempt ended", delivery=record.id, code=error.code, state=after.state.value, why=error.technical)
        answer = await self._kept_answer(record, error)
        await self.books.settle(after, *answer, audit=self._audit(record, "delivery.failed", error.code))

    async def _kept_answer(self, record: DeliveryRecord, error: RelaisError) -> list[BlobRecord]:
        """A refusal's own words go to the proof, encrypted; they may hold health data and are shown nowhere else."""
        words = getattr(error, "answer", None)
        document = await self.store.document(record.document_id) if words else None
        if document is None or not isinstance(words, bytes):
            return []
        try:
            return [await self.blobs.write(document.id, "answer", words, self.custody.key(document))]
        except RelaisError as problem:
            _log.warning("answer not kept", delivery=record.id, code=problem.code)
            return []

    def _audit(self, record: DeliveryRecord, act: str, answer: str) -> AuditRecord:
        return AuditRecord(
            at=self.books.now(),
            act=act,
            actor="system",
            structure=record.structure,
            patient_ref=record.order_key.partition("/")[0],
            document_id=record.document_id,
            delivery_id=record.id,
            answer=answer,
            detail={"attempt": record.attempts, "channel": record.channel.value, "phase": record.phase.value},
        )
