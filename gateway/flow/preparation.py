"""Preparation: PDF/A, CDA, mails; everything that can be frozen without a key or the network is frozen in commit 2.

The lot of the DMP is sealed by its courier, at the moment it first leaves: a missing key then stops that lane and nothing else.
A document may be prepared again when a delivery held until now is released: what was frozen stays, only what is missing is made.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

import msgspec
import structlog

from gateway.cda.build import build_n1
from gateway.cda.checks import check_document
from gateway.cda.narrative import embedded_copy, read_narrative
from gateway.cda.reading import parse_cda, read_cda
from gateway.flow import outcome
from gateway.flow.admitted import Admitted, Frozen, open_frozen, open_recipient, seal_frozen, seal_recipient
from gateway.flow.allowance import LargePlaces
from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.custody import Custody
from gateway.flow.errors import CdaRuleFailed, PayloadQuarantined, Unexpected
from gateway.flow.heading import header_of
from gateway.flow.identities.second_look import SecondLook
from gateway.flow.letter import Letters, Material
from gateway.flow.offload import worked
from gateway.journal.blobs import BlobStore
from gateway.journal.records import AuditRecord, BlobRecord, DeliveryRecord, DocumentRecord
from gateway.journal.sealing import Sealer
from gateway.journal.store import NotAccepting, StaleRecord, Store
from gateway.kernel.config import Configuration, Structure
from gateway.kernel.errors import ErrorClass, Explanation, RelaisError
from gateway.model.delivery import Channel, DeliveryState
from gateway.model.document import ClinicalHeader
from gateway.xds.derive import CDA_MEDIA_TYPE
from gateway.xml.c14n import inclusive

_log = structlog.get_logger("relais.preparation")


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A document ready to leave: its header, its CDA, the PDF inside when it has one."""

    header: ClinicalHeader
    cda: bytes
    cda_blob: BlobRecord
    fresh: bool
    """True when the CDA was made now: its blob is to be committed."""
    pdf: bytes | None
    mime_type: str = CDA_MEDIA_TYPE
    """Of the document in the metadata."""


class Preparer:
    """Turns an accepted document into frozen bytes, or holds it with the reason."""

    def __init__(
        self,
        configuration: Configuration,
        store: Store,
        blobs: BlobStore,
        custody: Custody,
        books: Bookkeeper,
        letters: Letters,
        second_look: SecondLook,
        work: Path,
        places: LargePlaces,
    ) -> None:
        self._configuration = configuration
        self._store = store
        self._blobs = blobs
        self._custody = custody
        self._books = books
        self._letters = letters
        self._second_look = second_look
        self._work = work
        self._places = places

    async def prepare(self, record: DocumentRecord) -> list[str]:
        """Prepare one document to its recorded end; returns the lanes to wake. Raises NotAccepting, StaleRecord: to be done again later."""
        try:
            admitted = self._custody.admitted(record)
            structure = self._structure(admitted)
            async with self._places.preparing(admitted.size):
                prepared = await self._document(record, admitted, structure)
                return await self._freeze(record, admitted, structure, prepared)
        except (NotAccepting, StaleRecord):
            raise
        except RelaisError as error:
            return await self._stop(record, error)
        except Exception as defect:  # noqa: BLE001 - one defect must not stop the others
            _log.exception("unexpected error in a preparation", document=record.id)
            return await self._stop(record, Unexpected(type(defect).__name__))

    def _structure(self, admitted: Admitted) -> Structure:
        structure = self._configuration.structure(admitted.structure)
        if structure is None:
            raise PayloadQuarantined("structure no longer configured")
        return structure

    async def _document(self, record: DocumentRecord, admitted: Admitted, structure: Structure) -> Prepared:
        key = self._custody.key(record)
        existing = await self._frozen_cda(record)
        if existing is not None:
            cda = await self._custody.read(record, existing)
            found = await worked(len(cda), read_cda, cda)
            if found.header.unique_id == record.unique_id:
                copy = await self._copy(admitted, found.header, cda, found.pdf)
                return Prepared(header=found.header, cda=cda, cda_blob=existing, fresh=False, pdf=copy, mime_type=found.mime_type)
        original = await self._custody.payload(record, admitted.original)
        if admitted.media == "cda":
            found = await worked(len(original), read_cda, original)
            header, pdf, mime_type = found.header, found.pdf, found.mime_type
            if pdf is not None:
                await self._second_look.check(admitted, pdf)
            cda = await worked(len(original), _canonical, original)
            pdf = await self._copy(admitted, header, cda, pdf)
        else:
            await self._second_look.check(admitted, original)
            page = original if admitted.ready else await self._to_pdfa(original)
            header, pdf, mime_type = header_of(admitted, structure, unique_id=record.unique_id), page, CDA_MEDIA_TYPE
            cda = await worked(len(page), build_n1, header, page, "application/pdf")
            findings = await worked(len(page), check_document, cda)
            if findings:
                raise CdaRuleFailed(findings[0].rule, rule=findings[0].rule)
        blob = await self._blobs.write(record.id, "cda", cda, key)
        return Prepared(header=header, cda=cda, cda_blob=blob, fresh=True, pdf=pdf, mime_type=mime_type)

    async def _frozen_cda(self, record: DocumentRecord) -> BlobRecord | None:
        """The last CDA of a document that has been prepared before; a row that never changed since its acceptance has none."""
        if record.version == 1:
            return None
        return next((one for one in reversed(await self._store.blobs_of(record.id)) if one.role == "cda"), None)

    async def _copy(self, admitted: Admitted, header: ClinicalHeader, cda: bytes, pdf: bytes | None) -> bytes | None:
        """The PDF of a mail: the body of an N1; of a structured document its own copy, else its header and narrative laid out."""
        mailed = admitted.deliver.patient_mail.send or bool(admitted.deliver.professionals)
        if pdf is not None or header.body_media_type is not None or not mailed:
            return pdf
        copy = await worked(len(cda), embedded_copy, cda)
        if copy is None:
            copy = await asyncio.to_thread(_laid_out, header, cda)
        return await self._to_pdfa(copy)

    async def _to_pdfa(self, original: bytes) -> bytes:
        from gateway.cda.pdf.pdfa import ConversionLimits, convert_to_pdfa1b

        self._work.mkdir(mode=0o700, exist_ok=True)
        folder = Path(mkdtemp(dir=self._work))
        try:
            source, target = folder / "in.pdf", folder / "out.pdf"
            await asyncio.to_thread(source.write_bytes, original)
            limits = self._configuration.limits
            bounds = ConversionLimits(seconds=limits.conversion_seconds, memory_bytes=limits.conversion_memory_bytes)
            await convert_to_pdfa1b(source, target, limits=bounds)
            return await asyncio.to_thread(target.read_bytes)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _freeze(self, record: DocumentRecord, admitted: Admitted, structure: Structure, prepared: Prepared) -> list[str]:
        key = self._custody.key(record)
        material = Material(
            admitted=admitted,
            structure=structure,
            header=prepared.header,
            cda=prepared.cda,
            mime_type=prepared.mime_type,
            pdf=prepared.pdf,
            now=self._books.moment(),
        )
        blobs: list[BlobRecord] = [prepared.cda_blob] if prepared.fresh else []
        changed: list[DeliveryRecord] = []
        async with self._kept(blobs), self._books.alone_with(record.id):
            document = await self._current(record)
            deliveries = await self._store.deliveries_of(record.id)
            for delivery in deliveries:
                if delivery.state not in (DeliveryState.QUEUED, DeliveryState.UNKNOWN) or open_frozen(delivery, key) is not None:
                    continue
                after, blob = await self._freeze_one(delivery, material, prepared.cda_blob.id, key)
                changed.append(after)
                blobs.extend([blob] if blob is not None else [])
            ready = msgspec.structs.replace(document, prepared=True)
            audit = self._audit(document, "document.prepared", "frozen")
            await self._books.write(ready, changed, *blobs, audit=audit, stored=document, others=deliveries)
        return sorted({one.lane for one in deliveries})

    @asynccontextmanager
    async def _kept(self, blobs: Sequence[BlobRecord]) -> AsyncIterator[None]:
        """Payloads that no row will name leave with the failure; not on cancellation, when the commit may still go through."""
        try:
            yield
        except Exception:
            with suppress(NotAccepting):
                await self._blobs.discard(*blobs)
            raise

    async def _freeze_one(
        self, delivery: DeliveryRecord, material: Material, cda_blob: str, key: Sealer
    ) -> tuple[DeliveryRecord, BlobRecord | None]:
        """Freeze what this delivery will send; a mail that cannot be written holds or refuses this delivery alone."""
        frozen, blob, sealed_recipient = Frozen(cda=cda_blob), None, delivery.sealed_recipient
        if delivery.channel is Channel.MSS:
            try:
                letter = await worked(len(material.cda), self._letters.write, delivery.id, open_recipient(delivery, key), material)
            except RelaisError as error:
                return outcome.failed(delivery, error, self._configuration.retry, self._books.now()), None
            blob = await self._blobs.write(delivery.document_id, "mail", letter.mail, key)
            frozen = Frozen(cda=cda_blob, payload=blob.id, message_id=letter.message_id, sender=letter.sender)
            sealed_recipient = seal_recipient(letter.recipient, key, delivery.id)
        after = msgspec.structs.replace(
            delivery,
            sealed_frozen=seal_frozen(frozen, key, delivery.id),
            sealed_recipient=sealed_recipient,
            version=delivery.version + 1,
            updated_at=self._books.now(),
        )
        return after, blob

    async def _stop(self, record: DocumentRecord, error: RelaisError) -> list[str]:
        """Hold every delivery that waited for these bytes, with the reason; nothing is lost."""
        async with self._books.alone_with(record.id):
            document = await self._current(record)
            deliveries = await self._store.deliveries_of(record.id)
            waiting = [one for one in deliveries if one.state is DeliveryState.QUEUED and one.sealed_frozen is None]
            now = self._books.now()
            held = [outcome.held(one, _for_a_person(error), now) for one in waiting]
            ready = msgspec.structs.replace(document, prepared=True)
            audit = self._audit(document, "document.stopped", error.code)
            await self._books.write(ready, held, audit=audit, stored=document, others=deliveries)
        _log.warning("document held", document=record.id, code=error.code, why=error.technical)
        return sorted({one.lane for one in held})

    async def _current(self, record: DocumentRecord) -> DocumentRecord:
        """The row as it stands; raises StaleRecord when the identity was qualified meanwhile: what was made says the former one."""
        document = await self._store.document(record.id) or record
        if document.sealed != record.sealed:
            raise StaleRecord(record.id)
        return document

    def _audit(self, record: DocumentRecord, act: str, answer: str) -> AuditRecord:
        return AuditRecord(
            at=self._books.now(),
            act=act,
            actor="system",
            structure=record.structure,
            patient_ref=record.patient_ref,
            document_id=record.id,
            answer=answer,
        )


def _laid_out(header: ClinicalHeader, cda: bytes) -> bytes:
    from gateway.cda.pdf.readable import readable_copy  # the layout library is large and seldom needed

    return readable_copy(header, read_narrative(cda))


def _canonical(data: bytes) -> bytes:
    """The bytes that are digested are the bytes that are sent (cda_signing.md 4.1)."""
    return inclusive(parse_cda(data).getroottree(), with_comments=True)


def _for_a_person(error: RelaisError) -> Explanation:
    if error.error_class is ErrorClass.TRANSIENT:
        return msgspec.structs.replace(
            error.explanation, gesture="Utilisez « Réessayer » ; si cela se reproduit, appelez votre installateur."
        )
    return error.explanation
