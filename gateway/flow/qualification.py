"""Lets go of what waited for an identity, once a workstation asserts it qualified (design, rule 1).

Never judges an identity: it compares the traits sealed with each document with those asserted now, and holds the document when they differ.
One commit per document, in order of acceptance; what a crash interrupts is done at the next assertion of the same patient, since the
journal itself says what still waits.
"""

from __future__ import annotations

import msgspec
import structlog

from gateway.flow import outcome
from gateway.flow.admitted import Admitted, seal_admitted
from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import Caller
from gateway.flow.custody import Custody
from gateway.flow.errors import IdentityDiffers, IdentityNotQualified, QualifiedDocumentNeeded
from gateway.journal.records import AuditRecord, DeliveryRecord, DocumentRecord
from gateway.journal.store import StaleRecord, Store
from gateway.kernel.errors import Held, RelaisError
from gateway.kernel.ids import new_oid
from gateway.model.delivery import DeliveryState
from gateway.model.patient import Patient

_log = structlog.get_logger("relais.qualification")

_AGAIN = 4
_WAITING_FOR_IDENTITY = frozenset({IdentityNotQualified.code, IdentityDiffers.code})


class Qualification:
    """Releases the deliveries held for an identity."""

    def __init__(self, store: Store, custody: Custody, books: Bookkeeper) -> None:
        self._store = store
        self._custody = custody
        self._books = books

    async def asserted(self, caller: Caller, patient_ref: str, patient: Patient) -> bool:
        """Release what waits for this patient; True when a document is to be prepared. Does nothing for an identity not qualified.

        Raises nothing: the document that brought the assertion is accepted already, and what could not be released stays held.
        """
        if not patient.qualified:
            return False
        try:
            waiting = [one for one in await self._store.held_of_patient(patient_ref) if _waits(one)]
        except RelaisError as problem:
            _log.warning("held deliveries not read", code=problem.code)
            return False
        done = [await self._document(caller, one, patient) for one in dict.fromkeys(one.document_id for one in waiting)]
        return any(done)

    async def _document(self, caller: Caller, document_id: str, patient: Patient) -> bool:
        try:
            for _ in range(_AGAIN):
                try:
                    async with self._books.alone_with(document_id):
                        return await self._release(caller, document_id, patient)
                except StaleRecord:
                    continue
        except RelaisError as problem:
            _log.warning("document not released", document=document_id, code=problem.code)
        except Exception:  # noqa: BLE001 - one damaged document must not keep the others held
            _log.exception("unexpected error in a release", document=document_id)
        return False

    async def _release(self, caller: Caller, document_id: str, patient: Patient) -> bool:
        document = await self._store.document(document_id)
        if document is None:
            return False
        waiting = [one for one in await self._store.deliveries_of(document_id) if _waits(one)]
        admitted = self._custody.admitted(document)
        obstacle = _obstacle(admitted, patient)
        now = self._books.now()
        if obstacle is not None:
            told = [outcome.held(one, obstacle.explanation, now) for one in waiting if one.explanation != obstacle.explanation]
            if told:
                await self._books.write(document, told, audit=self._audit(caller, document, obstacle.code, admitted))
            return False
        released = [msgspec.structs.replace(outcome.released(one, now), sealed_frozen=None) for one in waiting]
        if not released:
            return False
        after, edition = await self._edition(document, admitted, patient)
        await self._books.write(after, released, audit=self._audit(caller, after, "released", edition))
        return True

    async def _edition(self, document: DocumentRecord, admitted: Admitted, patient: Patient) -> tuple[DocumentRecord, Admitted]:
        """The document with the qualified identity: a new edition when a CDA without the INS is frozen already for a professional.

        That one stays as it was sent; the new one has its own uniqueId in the same set and replaces nothing, the first never having
        reached the DMP.
        """
        frozen = admitted.media == "pdf" and any(one.role == "cda" for one in await self._store.blobs_of(document.id))
        qualified = msgspec.structs.replace(admitted, patient=patient, version=admitted.version + (1 if frozen else 0))
        sealed = seal_admitted(qualified, self._custody.key(document), document.id)
        unique_id = new_oid() if frozen else document.unique_id
        return msgspec.structs.replace(document, sealed=sealed, unique_id=unique_id, prepared=False), qualified

    def _audit(self, caller: Caller, document: DocumentRecord, answer: str, admitted: Admitted) -> AuditRecord:
        return AuditRecord(
            at=self._books.now(),
            act="identity.qualified",
            actor=caller.imputed,
            structure=document.structure,
            patient_ref=document.patient_ref,
            document_id=document.id,
            answer=answer,
            detail={"workstation": caller.workstation, "edition": admitted.version},
        )


def _waits(record: DeliveryRecord) -> bool:
    held = record.state is DeliveryState.HELD and record.needs_qualified
    return held and record.explanation is not None and record.explanation.code in _WAITING_FOR_IDENTITY


def _obstacle(admitted: Admitted, patient: Patient) -> Held | None:
    ready = admitted.media == "cda"
    if ready and admitted.patient.ins is None:
        return QualifiedDocumentNeeded()
    same = admitted.patient.traits.agree_with(patient.traits) and (not ready or admitted.patient.ins == patient.ins)
    return None if same else IdentityDiffers()
