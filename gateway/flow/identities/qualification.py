"""What becomes of waiting documents when the identity of their patient changes (design, rule 1; insi.md 4.1).

Qualified: what waited for it leaves, in order of acceptance. Withdrawn or changed: what has not left yet and carries the former identity
is held. Never judges an identity: it compares what is sealed with each document with what the registry holds now. One commit per document;
what a crash interrupts is done again by `follow` at the next change or at start, since the journal itself says what waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import structlog

from gateway.flow import outcome
from gateway.flow.admitted import Admitted, seal_admitted
from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.custody import Custody
from gateway.flow.errors import IdentityDiffers, IdentityNotQualified, IdentityWithdrawn, QualifiedDocumentNeeded
from gateway.flow.identities.descent import Descent
from gateway.flow.identities.gate import agrees
from gateway.flow.people import Author
from gateway.ins.identity import Identity
from gateway.journal.records import AuditRecord, DeliveryRecord, DocumentRecord
from gateway.journal.store import StaleRecord, Store
from gateway.kernel.errors import Held, RelaisError
from gateway.kernel.ids import new_oid
from gateway.model.delivery import DeliveryState
from gateway.model.patient import IdentityStatus

_log = structlog.get_logger("relais.qualification")

_AGAIN = 4
WAITING_FOR_IDENTITY = frozenset({IdentityNotQualified.code, IdentityDiffers.code, IdentityWithdrawn.code, QualifiedDocumentNeeded.code})


class Qualification:
    """Holds and releases deliveries after a change of identity. `wake` is told each lane that may go on."""

    def __init__(self, store: Store, custody: Custody, books: Bookkeeper, descent: Descent, prepare: asyncio.Event) -> None:
        self._store = store
        self._custody = custody
        self._books = books
        self._descent = descent
        self._prepare = prepare
        self.wake: Callable[[str], None] = _nobody

    async def follow(self, patient_ref: str, identity: Identity, author: Author) -> None:
        """See to every waiting document of this patient. Raises nothing: what could not be seen to stays as it is, and the gate holds."""
        try:
            waiting = await self._store.waiting_of_patient(patient_ref)
        except RelaisError as problem:
            _log.warning("waiting deliveries not read", code=problem.code)
            return
        for document_id in dict.fromkeys(one.document_id for one in waiting):
            await self._document(document_id, identity, author)

    async def _document(self, document_id: str, identity: Identity, author: Author) -> None:
        try:
            for _ in range(_AGAIN):
                try:
                    async with self._books.alone_with(document_id):
                        await self._see_to(document_id, identity, author)
                except StaleRecord:
                    continue
                return
        except RelaisError as problem:
            _log.warning("document not seen to", document=document_id, code=problem.code)
        except Exception:  # noqa: BLE001 - one damaged document must not keep the others waiting
            _log.exception("unexpected error after a change of identity", document=document_id)

    async def _see_to(self, document_id: str, identity: Identity, author: Author) -> None:
        document = await self._store.document(document_id)
        if document is None:
            return
        admitted = self._custody.admitted(document)
        deliveries = await self._store.deliveries_of(document_id)
        same = agrees(admitted.patient, admitted.media, identity)
        if same and admitted.media == "cda" and not admitted.patient.qualified:
            document, admitted = self._vouched(document, admitted)
        fit = same and admitted.patient.qualified
        held = [one for one in deliveries if _waits(one)]
        leaving = [one for one in deliveries if one.state is DeliveryState.QUEUED] if admitted.patient.qualified and not fit else []
        if fit:
            await self._released(document, admitted, held, author)
        elif identity.patient.qualified:
            await self._remade(document, admitted, [one for one in (*held, *leaving) if not outcome.in_doubt(one)], identity, author)
        else:
            await self._held(document, admitted, leaving, IdentityWithdrawn(), author)

    def _vouched(self, document: DocumentRecord, admitted: Admitted) -> tuple[DocumentRecord, Admitted]:
        """A ready CDA says this very INS already: only what we believed of it changes."""
        patient = msgspec.structs.replace(admitted.patient, status=IdentityStatus.QUALIFIEE)
        admitted = msgspec.structs.replace(admitted, patient=patient)
        sealed = seal_admitted(admitted, self._custody.key(document), document.id)
        return msgspec.structs.replace(document, sealed=sealed), admitted

    async def _held(self, document: DocumentRecord, admitted: Admitted, waiting: list[DeliveryRecord], why: Held, author: Author) -> None:
        """Tell why each waits; nothing is written for those that say so already."""
        now = self._books.now()
        told = [outcome.held(one, why.explanation, now) for one in waiting if one.explanation != why.explanation]
        if told:
            act = "identity.withdrawn" if isinstance(why, IdentityWithdrawn) else "identity.qualified"
            await self._books.write(document, told, audit=self._audit(document, admitted, act, why.code, author))

    async def _released(self, document: DocumentRecord, admitted: Admitted, waiting: list[DeliveryRecord], author: Author) -> None:
        """The bytes frozen say the identity that holds: they leave as they are; what was never frozen is prepared."""
        if not waiting:
            return
        now = self._books.now()
        released = [outcome.released(one, now) for one in waiting]
        ready = document.prepared and all(one.sealed_frozen is not None for one in released)
        after = document if ready else msgspec.structs.replace(document, prepared=False)
        await self._books.write(after, released, audit=self._audit(document, admitted, "identity.qualified", "released", author))
        self._go_on(released)

    async def _remade(
        self, document: DocumentRecord, admitted: Admitted, waiting: list[DeliveryRecord], identity: Identity, author: Author
    ) -> None:
        """Prepared anew with the qualified identity, when it is the document's own; else held for a person."""
        if not waiting:
            return
        obstacle = await self._obstacle(document, admitted, identity)
        if obstacle is not None:
            await self._held(document, admitted, waiting, obstacle, author)
            return
        now = self._books.now()
        released = [msgspec.structs.replace(outcome.released(one, now), sealed_frozen=None) for one in waiting]
        after, edition = await self._edition(document, admitted, identity)
        await self._books.write(after, released, audit=self._audit(after, edition, "identity.qualified", "released", author))
        self._go_on(released)

    def _go_on(self, released: list[DeliveryRecord]) -> None:
        self._prepare.set()
        for lane in dict.fromkeys(one.lane for one in released):
            self.wake(lane)

    async def _obstacle(self, document: DocumentRecord, admitted: Admitted, identity: Identity) -> Held | None:
        if admitted.media == "cda":
            return QualifiedDocumentNeeded() if admitted.patient.ins is None else IdentityDiffers()
        same = admitted.patient.traits.agree_with(identity.traits) or await self._descent.leads_from(
            document.structure, document.patient_ref, admitted.patient.traits
        )
        return None if same else IdentityDiffers()

    async def _edition(self, document: DocumentRecord, admitted: Admitted, identity: Identity) -> tuple[DocumentRecord, Admitted]:
        """The document with the qualified identity: a new edition when a CDA with another one is frozen already.

        What was sent of the former stays as it was; the new one has its own uniqueId in the same set and replaces nothing, the first never
        having reached the DMP.
        """
        frozen = any(one.role == "cda" for one in await self._store.blobs_of(document.id))
        qualified = msgspec.structs.replace(admitted, patient=identity.patient, version=admitted.version + (1 if frozen else 0))
        sealed = seal_admitted(qualified, self._custody.key(document), document.id)
        unique_id = new_oid() if frozen else document.unique_id
        return msgspec.structs.replace(document, sealed=sealed, unique_id=unique_id, prepared=False), qualified

    def _audit(self, document: DocumentRecord, admitted: Admitted, act: str, answer: str, author: Author) -> AuditRecord:
        told: dict[str, str | int | bool | None] = {"edition": admitted.version}
        if author.workstation is not None:
            told["workstation"] = author.workstation
        return AuditRecord(
            at=self._books.now(),
            act=act,
            actor=author.imputed,
            structure=document.structure,
            patient_ref=document.patient_ref,
            document_id=document.id,
            answer=answer,
            detail=told,
        )


def _waits(record: DeliveryRecord) -> bool:
    held = record.state is DeliveryState.HELD and record.explanation is not None
    return held and record.explanation is not None and record.explanation.code in WAITING_FOR_IDENTITY


def _nobody(lane: str) -> None:
    del lane
