"""PAdES Baseline-B in a PDF: an invisible signature added as a new revision, and the signatures found in one, as written.

The library reads, writes and compares revisions; it judges no certificate and fetches nothing: chains and lists are ours (`pades_report`).
Imported only by the worker process: 26 MB and half a second [M]. As esignsante's sample: SubFilter ETSI.CAdES.detached, Reason is the list
of signers; the date is in the dictionary (EN 319 142-1 forbids it among the attributes). Source: dossier cda_signing.md 4.2, 4.3.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import BinaryIO

from asn1crypto import x509
from pyhanko.pdf_utils.generic import ArrayObject, DictionaryObject, NumberObject, StreamObject
from pyhanko.pdf_utils.generic import NameObject as Name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfDecodeLimitError, PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DiffResult, ModificationLevel
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter, enumerate_sig_fields
from pyhanko.sign.general import CMSExtractionError, CMSStructuralError, SigningError
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, Signer
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko.sign.signers.pdf_signer import PdfSigningSession
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import get_signing_cert_attr, validate_sig_integrity
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature, read_certification_data
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator.registry import SimpleCertificateStore
from typing_extensions import override

from gateway.trust.pades_messages import Asked, FoundSignature, PdfUnfit, Unfit

_FIELD = "Signature"
_MOST_SIGNATURES = 20
_PADES = SigSeedSubFilter.PADES
_BROKEN = (
    PdfError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RecursionError,
    NotImplementedError,
)
"""What the library raises on files that are not what they claim."""

MakeValue = Callable[[bytes], bytes]
"""The RSASSA-PKCS1-v1_5 signature of the signed attributes, by whoever holds the key."""


class _Revision(IncrementalPdfFileWriter):
    """A revision that holds the signature and nothing else."""

    @override
    def _update_meta(self) -> None:
        """The library would date the document anew, in the zone of the machine, and put its name beside its producer's."""


class _Remote(Signer):
    """A signer of the library whose key is elsewhere."""

    def __init__(self, asked: Asked, make_value: MakeValue) -> None:
        store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        store.register_multiple([x509.Certificate.load(der) for der in asked.chain])
        super().__init__(signing_cert=x509.Certificate.load(asked.certificate), cert_registry=store, embed_roots=False)
        self._size = x509.Certificate.load(asked.certificate).public_key.byte_size
        self._make_value = make_value

    @override
    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        """The value; `dry_run` measures the room it takes."""
        return bytes(self._size) if dry_run else self._make_value(data)


async def sign_document(document: BinaryIO, target: BinaryIO, asked: Asked, make_value: MakeValue) -> None:
    """Write the signed document to `target` (readable too): the bytes of `document`, then a revision.

    Raises PdfUnfit, and as `make_value`.
    """
    try:
        session = _session(_Revision(document), asked, make_value)
        room = await session.estimate_signature_container_size(None)
        prepared = session.prepare_tbs_document(None, room)
        digested, output = prepared.digest_tbs_document(output=target)
    except SigningError:
        raise PdfUnfit(field="file", reason=Unfit.LOCKED) from None
    except (PdfDecodeLimitError, MemoryError):
        raise PdfUnfit(field="file", reason=Unfit.OVERSIZED) from None
    except _BROKEN as problem:
        raise PdfUnfit(type(problem).__name__, field="file", reason=Unfit.DAMAGED) from None
    done = await prepared.perform_signature(digested.document_digest, PdfCMSSignedAttributes())
    await done.post_signature_processing(output)


def _session(writer: IncrementalPdfFileWriter, asked: Asked, make_value: MakeValue) -> PdfSigningSession:
    """A new invisible field to be signed; made by hand, because the library's own way asks for the zone of the machine."""
    reader = writer.prev
    if reader.encrypted:
        raise PdfUnfit(field="file", reason=Unfit.PROTECTED)
    certified = read_certification_data(reader)
    if certified is not None and certified.permission is MDPPerm.NO_CHANGES:
        raise PdfUnfit(field="file", reason=Unfit.LOCKED)
    if reader.xrefs.hybrid_xrefs_present:
        raise PdfUnfit("hybrid references", field="file", reason=Unfit.DAMAGED)
    name = _free_name(reader)
    metadata = PdfSignatureMetadata(field_name=name, md_algorithm=asked.digest, subfilter=_PADES, reason=asked.reason)
    signer = PdfSigner(metadata, _Remote(asked, make_value))
    embedding = PdfCMSEmbedder(new_field_spec=SigFieldSpec(sig_field_name=name)).write_cms(field_name=name, writer=writer)
    field = next(embedding).get_object()
    field[Name("/AP")] = DictionaryObject({Name("/N"): writer.add_object(_nothing_to_see())})  # type: ignore[no-untyped-call]
    writer.update_container(field)
    return PdfSigningSession(signer, writer, embedding, field, asked.digest, None, _PADES, system_time=asked.at)


def _nothing_to_see() -> StreamObject:
    """The appearance of the invisible field: PDF/A wants one of every field (ISO 19005-1 6.9)."""
    empty = ArrayObject([NumberObject(0)] * 4)  # type: ignore[no-untyped-call]
    described = {
        Name("/Type"): Name("/XObject"),
        Name("/Subtype"): Name("/Form"),
        Name("/BBox"): empty,
        Name("/Resources"): DictionaryObject({}),  # type: ignore[no-untyped-call]
    }
    return StreamObject(described, stream_data=b"")


def read_signatures(document: BinaryIO) -> tuple[FoundSignature, ...]:
    """Every signature but document time-stamps, oldest first. Raises PdfUnfit."""
    try:
        reader = PdfFileReader(document)
        if reader.encrypted:
            raise PdfUnfit(field="file", reason=Unfit.PROTECTED)
        fields = list(enumerate_sig_fields(reader, filled_status=True))
        if len(fields) > _MOST_SIGNATURES:
            raise PdfUnfit(field="file", reason=Unfit.OVERSIZED)
        found = [_found(reader, field, name) for name, value, field in fields if value.get_object().get("/Type") != "/DocTimeStamp"]
    except (PdfDecodeLimitError, MemoryError):
        raise PdfUnfit(field="file", reason=Unfit.OVERSIZED) from None
    except _BROKEN as problem:
        raise PdfUnfit(type(problem).__name__, field="file", reason=Unfit.DAMAGED) from None
    return tuple(signature for _, signature in sorted(found, key=lambda pair: pair[0]))


def _free_name(reader: PdfFileReader) -> str:
    taken = {name for name, _, _ in enumerate_sig_fields(reader)}
    return next(name for rank in range(1, len(taken) + 2) if (name := f"{_FIELD}{rank}") not in taken)


def _found(reader: PdfFileReader, field: DictionaryObject, name: str) -> tuple[int, FoundSignature]:
    try:
        embedded = EmbeddedPdfSignature(reader, field, name)
    except PdfDecodeLimitError:
        raise
    except _BROKEN:
        return 0, FoundSignature(malformed=True)
    try:
        return embedded.signed_revision, _described(reader, embedded)
    except PdfDecodeLimitError:
        raise
    except (*_BROKEN, SignatureValidationError, CMSStructuralError, CMSExtractionError):
        return embedded.signed_revision, FoundSignature(malformed=True)


def _described(reader: PdfFileReader, embedded: EmbeddedPdfSignature) -> FoundSignature:
    info, attributes = embedded.signer_info, embedded.signer_info["signed_attrs"]
    certificate = embedded.signer_cert
    embedded.compute_integrity_info()  # type: ignore[no-untyped-call]
    intact, genuine = validate_sig_integrity(info, certificate, "data", embedded.compute_digest())
    # Absent attributes are VOID, which the library skips: then nothing designates the certificate.
    designated = bool(attributes) and get_signing_cert_attr(attributes) is not None
    return FoundSignature(
        malformed=embedded.sig_object.get("/SubFilter") != _PADES.value or len(embedded.signed_data["signer_infos"]) != 1,
        whole=_whole(embedded) and _ends_there(reader),
        changes=_changes(embedded),
        allowed=_allowed(embedded),
        intact=intact,
        genuine=genuine,
        designated=designated,
        digest_algorithm=embedded.md_algorithm,
        signature_algorithm=info["signature_algorithm"].signature_algo,
        signing_time=_aware(embedded.self_reported_timestamp),
        certificate=certificate.dump(),
        others=tuple(one.dump() for one in embedded.other_embedded_certs),
        original_size=_end_of(reader, embedded.signed_revision - 1),
    )


def _whole(embedded: EmbeddedPdfSignature) -> bool:
    """The hole of the byte range is the hexadecimal text of the signature, to the byte."""
    if len(embedded.byte_range) != 4 or embedded.evaluate_signature_coverage() < SignatureCoverageLevel.ENTIRE_REVISION:
        return False
    begin, first, second, last = (int(one) for one in embedded.byte_range)
    stream = embedded.reader.stream
    stream.seek(first)
    hole: bytes = stream.read(max(0, second - first))
    plain = begin == 0 and last > 0 and hole[:1] == b"<" and hole[-1:] == b">"
    return plain and len(hole) == 2 * len(embedded.pkcs7_content) + 2


def _changes(embedded: EmbeddedPdfSignature) -> int:
    found: object = embedded.diff_result
    return int(found.modification_level.value) if isinstance(found, DiffResult) else int(ModificationLevel.OTHER.value)


def _allowed(embedded: EmbeddedPdfSignature) -> int:
    """More signatures and form values, unless the signer said no change at all."""
    closed = embedded.docmdp_level is MDPPerm.NO_CHANGES
    return int((ModificationLevel.LTA_UPDATES if closed else ModificationLevel.FORM_FILLING).value)


def _aware(said: datetime | None) -> datetime | None:
    return said if said is not None and said.tzinfo is not None else None


def _ends_there(reader: PdfFileReader) -> bool:
    """Nothing but ends of lines after the last revision: what no revision holds, no comparison sees."""
    end = _end_of(reader, reader.xrefs.total_revisions - 1)
    if end is None:
        return False
    reader.stream.seek(end)
    return not reader.stream.read(1_000).strip(b"\r\n")


def _end_of(reader: PdfFileReader, revision: int) -> int | None:
    """Where a revision ends: after its end-of-file mark."""
    if revision < 0:
        return None
    begin: int = reader.xrefs.get_xref_container_info(revision).end_location
    reader.stream.seek(begin)
    after: bytes = reader.stream.read(200)
    mark = after.find(b"%%EOF")
    if mark < 0:
        return None
    end = mark + len(b"%%EOF")
    end += len(b"\r\n") if after[end : end + 2] == b"\r\n" else after[end : end + 1] in (b"\r", b"\n")
    return begin + end
