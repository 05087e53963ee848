"""Admission: from the two parts of a request to commit 1. The receipt exists only when the journal has it (fsync done)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from gateway.cda.checks import check_document
from gateway.cda.reading import read_cda
from gateway.flow.admitted import Admitted, seal_admitted
from gateway.flow.allowance import Allowance, Share
from gateway.flow.audience import plan_deliveries
from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import Caller
from gateway.flow.custody import Custody
from gateway.flow.errors import DocumentAlreadyKnown, IdempotencyConflict, MediaTypeRefused, RequestIncomplete
from gateway.flow.identities.assertion import asserted, told_of
from gateway.flow.identities.entries import Entry, Identities, Kept
from gateway.flow.identities.registry import Deed, Registry
from gateway.flow.inspection import Inspection, about_the_file, refuse_first
from gateway.flow.intake import Lineage, admit_cda, admit_pdf, local_id_of, replaced_of, resolve_structure
from gateway.flow.people import author_of
from gateway.flow.reading import Reader
from gateway.flow.request import DocumentRequest, decode_request
from gateway.flow.upload import Upload
from gateway.flow.views import DocumentView
from gateway.journal.blobs import BlobStore
from gateway.journal.records import AuditRecord, BlobRecord, Change, DeliveryRecord, DocumentRecord, EventRecord
from gateway.journal.store import DuplicateKey, StaleRecord, Store
from gateway.kernel.config import Configuration, Structure
from gateway.kernel.errors import RelaisError
from gateway.kernel.ids import new_id, new_oid
from gateway.model.delivery import DeliveryState, document_state
from gateway.model.document import ClinicalHeader
from gateway.trust.vault import DataKey, Vault

_log = structlog.get_logger("relais.admission")

_AGAIN = 4
PDF = "application/pdf"
CDA_TYPES = ("application/xml", "text/xml")


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """The receipt, and whether this call created the document (202) or found it (200)."""

    receipt: DocumentView
    created: bool


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """A request found good: what is admitted, and what it makes of its patient (`after` is None when it says nothing of one)."""

    structure: Structure
    admitted: Admitted
    unique_id: str
    before: Entry | None
    after: Kept | None

    @property
    def changed(self) -> bool:
        """True when the registry is to be written."""
        return self.after is not None and (self.before is None or self.before.kept != self.after)


Curiosity = Callable[[str, str, str], Awaitable[None]]
"""Told the structure and local id of a patient whose INS could be searched for."""


class Admission:
    """The one door inside: every door, API and page ends here."""

    def __init__(
        self,
        configuration: Configuration,
        store: Store,
        blobs: BlobStore,
        vault: Vault,
        custody: Custody,
        books: Bookkeeper,
        reader: Reader,
        identities: Identities,
        registry: Registry,
        inspection: Inspection,
        prepare: asyncio.Event,
        curiosity: Curiosity | None = None,
        fence: Callable[[], None] = lambda: None,
    ) -> None:
        """`fence` raises once another box has taken the place of this one."""
        self._configuration = configuration
        self._store = store
        self._blobs = blobs
        self._vault = vault
        self._custody = custody
        self._books = books
        self._reader = reader
        self._identities = identities
        self._registry = registry
        self._inspection = inspection
        self._prepare = prepare
        self._curiosity = curiosity
        self._fence = fence
        self._tasks: set[asyncio.Task[None]] = set()
        self._allowance = Allowance(configuration.limits.uploads_bytes)

    def upload(self) -> Upload:
        """Where to write the file part as it comes; raises BodyTooLarge past the box's limit, TooMuchAtOnce past that of all bodies."""
        return Upload(self._configuration.limits.document_bytes, self.share())

    def share(self) -> Share:
        """What a body received for something else than a document takes of the same allowance."""
        return self._allowance.share()

    async def admit(self, caller: Caller, request: bytes, upload: Upload, media_type: str, idempotency_key: str | None) -> Acceptance:
        """Check, persist, answer. Raises the refusal of the first thing at fault, NotAccepting when the journal cannot take it."""
        content = _digest(hashlib.sha256(request).hexdigest(), upload.sha256)
        key = _digest("key", idempotency_key) if idempotency_key else _digest("content", content)
        known = await self._store.document_by_key(caller.workstation, key)
        if known is not None:
            return await self._again(known, content)
        self._fence()
        decoded = decode_request(request)
        for _ in range(_AGAIN):
            with contextlib.suppress(StaleRecord):
                return await self._admit(caller, decoded, upload, media_type, key, content)
        return await self._admit(caller, decoded, upload, media_type, key, content)

    async def _admit(self, caller: Caller, request: DocumentRequest, upload: Upload, media_type: str, key: str, content: str) -> Acceptance:
        """Raises StaleRecord when the patient changed meanwhile: everything is examined again."""
        examined = await self._examine(caller, request, upload, media_type)
        data_key = self._vault.new_key()
        document_id = new_id()
        blob, ready = await self._keep(document_id, examined.admitted, upload, data_key)
        admitted = msgspec.structs.replace(examined.admitted, original=blob.id, size=upload.size, ready=ready)
        examined = msgspec.structs.replace(examined, admitted=admitted)
        try:
            record, deliveries = await self._persist(caller, document_id, examined, key, content, upload.sha256, data_key, blob)
        except DuplicateKey:
            known = await self._store.document_by_key(caller.workstation, key)
            if known is None:
                raise DocumentAlreadyKnown(field="file") from None
            return await self._again(known, content)
        receipt = await self._reader.view(record, fresh=deliveries)
        # Nothing is waited for from here on: the receipt leaves before preparation begins.
        self._prepare.set()
        self._books.announce()
        if examined.changed or any(one.state is DeliveryState.HELD for one in deliveries):
            self._afterwards(self._follow(caller, examined))
        return Acceptance(receipt=receipt, created=True)

    async def _follow(self, caller: Caller, examined: Examined) -> None:
        """See to the documents of a patient whose identity this one changed, or that was qualified while this one came in."""
        structure, local_id = examined.structure.id, examined.admitted.patient.local_id
        try:
            entry = await self._identities.known(structure, local_id)
            if entry is None:
                return
            await self._registry.follow(structure, entry.identity, author_of(examined.structure, caller))
            if self._curiosity is not None and entry.kept.task == "search":
                await self._curiosity(structure, local_id, caller.workstation)
        except RelaisError as problem:
            _log.warning("identity not followed", code=problem.code)

    def _afterwards(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="after admission")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _again(self, known: DocumentRecord, content: str) -> Acceptance:
        if known.content_digest != content:
            raise IdempotencyConflict(field="Idempotency-Key")
        return Acceptance(receipt=await self._reader.view(known), created=False)

    async def _examine(self, caller: Caller, request: DocumentRequest, upload: Upload, media_type: str) -> Examined:
        kind = media_type.partition(";")[0].strip().lower()
        if kind == PDF:
            structure = self._structure(caller, request.structure)
            return await self._examine_pdf(caller, request, structure)
        if kind in CDA_TYPES:
            return await self._examine_cda(caller, request, upload)
        raise MediaTypeRefused(field="file")

    def _structure(self, caller: Caller, asked: str | None) -> Structure:
        structure = resolve_structure(self._configuration, caller.structures, asked)
        caller.imputed_in(structure.id)  # whoever is named is one of its people: said before anything is written
        return structure

    async def _examine_pdf(self, caller: Caller, request: DocumentRequest, structure: Structure) -> Examined:
        if request.patient is None:
            raise RequestIncomplete(field="patient")
        entry = await self._identities.known(structure.id, request.patient.local_id)
        local_id, environment = request.patient.local_id, self._configuration.environment
        kept = asserted(entry, request.patient, local_id, caller.workstation, self._books.now(), environment)
        lineage = await self._lineage(structure.id, replaced_of(request))
        unique_id = new_oid()
        admitted = admit_pdf(
            request,
            structure,
            kept.identity.patient,
            lineage or Lineage(set_id=unique_id, version=1),
            latest=self._latest(),
            actor=caller.actor,
            original=new_id(),
        )
        return Examined(structure=structure, admitted=admitted, unique_id=unique_id, before=entry, after=kept)

    async def _examine_cda(self, caller: Caller, request: DocumentRequest, upload: Upload) -> Examined:
        data = bytes(upload.view())
        with about_the_file():
            header = await asyncio.to_thread(_read_checked, data)
        structure = self._structure(caller, request.structure or header.custodian.id)
        await self._inspection.schema(data)
        entry = await self._identities.known(structure.id, local_id_of(request, header))
        admitted = admit_cda(
            request,
            header,
            structure,
            known=entry.identity.patient if entry is not None else None,
            environment=self._configuration.environment,
            latest=self._latest(),
            actor=caller.actor,
            original=new_id(),
        )
        return Examined(structure=structure, admitted=admitted, unique_id=header.unique_id, before=entry, after=None)

    def _latest(self) -> datetime | None:
        """The last instant a date of a document may say: a day of grace for time zones and clocks; none while ours may be wrong."""
        return self._books.moment() + timedelta(days=1) if self._books.dated() else None

    async def _lineage(self, structure: str, replaced: str | None) -> Lineage | None:
        if replaced is None:
            return None
        former = await self._store.document_by_unique_id(structure, replaced)
        if former is None:
            return Lineage(set_id=replaced, version=2)
        admitted = self._custody.admitted(former)
        return Lineage(set_id=admitted.set_id, version=admitted.version + 1)

    async def _keep(self, document_id: str, admitted: Admitted, upload: Upload, key: DataKey) -> tuple[BlobRecord, bool]:
        """Write the file while it is inspected; what is refused leaves nothing behind. Also says whether it needs no conversion."""
        writing = asyncio.create_task(self._blobs.write(document_id, "original", upload.view(), key))
        try:
            ready = admitted.media == "cda" or await self._inspection.pdf(upload)
            return await writing, ready
        except BaseException:
            writing.cancel()
            [written] = await asyncio.gather(writing, return_exceptions=True)
            if isinstance(written, BlobRecord):
                await self._blobs.discard(written)
            raise

    async def _persist(
        self,
        caller: Caller,
        document_id: str,
        examined: Examined,
        idempotency_key: str,
        content: str,
        original_digest: str,
        key: DataKey,
        blob: BlobRecord,
    ) -> tuple[DocumentRecord, list[DeliveryRecord]]:
        now, admitted = self._books.now(), examined.admitted
        patient_ref = self._identities.reference(admitted.structure, admitted.patient.local_id)
        deliveries = plan_deliveries(
            admitted,
            document_id=document_id,
            patient_ref=patient_ref,
            patient_domain=self._configuration.mss.patient_domain,
            key=key,
            pseudonym=self._vault.pseudonym,
            now=now,
        )
        record = DocumentRecord(
            id=document_id,
            structure=admitted.structure,
            workstation=caller.workstation,
            idempotency_key=idempotency_key,
            content_digest=content,
            unique_id=examined.unique_id,
            patient_ref=patient_ref,
            state=document_state([one.state for one in deliveries]),
            accepted_at=now,
            prepared=all(one.state is DeliveryState.HELD for one in deliveries),
            original_digest=original_digest,
            wrapped_key=key.wrapped,
            sealed=seal_admitted(admitted, key, document_id),
        )
        changes: list[Change] = [record, *deliveries, blob, self._audit(caller, record, admitted), _accepted(record)]
        if examined.after is not None:
            deed = Deed(act=told_of(examined.before, examined.after), author=author_of(examined.structure, caller))
            changes.extend(self._registry.changes(admitted.structure, examined.before, examined.after, deed))
        try:
            await self._store.commit(*changes)
        except Exception:  # not on cancellation: the commit may still go through, and the sweep at start removes what no row names
            await self._blobs.discard(blob)
            raise
        return record, deliveries

    def _audit(self, caller: Caller, record: DocumentRecord, admitted: Admitted) -> AuditRecord:
        return AuditRecord(
            at=record.accepted_at,
            act="document.accepted",
            actor=caller.imputed_in(record.structure),
            structure=record.structure,
            patient_ref=record.patient_ref,
            document_id=record.id,
            answer="accepted",
            detail={
                "workstation": caller.workstation,
                "author": admitted.author,
                "type": admitted.type.code,
                "media": admitted.media,
                "identity_asserted": admitted.patient.status.value,
                "original_sha256": record.original_digest,
            },
        )


def _read_checked(data: bytes) -> ClinicalHeader:
    header = read_cda(data).header
    refuse_first(check_document(data))
    return header


def _accepted(record: DocumentRecord) -> EventRecord:
    return EventRecord(
        kind="document.accepted",
        subject=record.id,
        structure=record.structure,
        workstation=record.workstation,
        at=record.accepted_at,
    )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
