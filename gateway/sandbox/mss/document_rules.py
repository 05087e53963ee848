"""What a mail that carries documents must agree on: attachments, archive, metadata, CDA, PDF copy, subject, patient, masking.

Never looks at a mail without an archive beyond its attachments' kinds. Sources: mssante.md 2.1 to 2.4 and 3.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.sandbox.ins_matricule import AUTHORITIES, is_matricule
from gateway.sandbox.mss.archive import METADATA, Archive, ArchiveUnreadable, open_archive
from gateway.sandbox.mss.clinical import ClinicalDocument, ClinicalUnreadable, read_clinical
from gateway.sandbox.mss.entry_rules import failed_entry, failed_submission
from gateway.sandbox.mss.mailboxes import is_patient, matricule_of
from gateway.sandbox.mss.metadata import Entry, MetadataUnreadable, Submission, read_metadata
from gateway.sandbox.mss.reading import Attachment, Mail
from gateway.sandbox.mss.subject_rules import failed_subject

_PATIENT_ID = re.compile(r"([0-9AB]{15})\^\^\^&([0-9.]+)&ISO\^NH(?:\^.*)?")
_TITLE_LIMIT = 256
_PDF_NAME = re.compile(r"[0-9]{8}_[^/\\]+_[^/\\_]+_[^/\\]+\.pdf")


@dataclass(frozen=True, slots=True)
class Lot:
    """What an archive holds, all read."""

    submission: Submission
    documents: dict[str, bytes]
    clinical: dict[str, ClinicalDocument]


def failed_documents(mail: Mail, recipients: Sequence[str]) -> Iterator[str]:
    """Ids of the rules broken by what is attached; `recipients` are the envelope's."""
    archives = [a for a in mail.attachments if a.name.upper() == "IHE_XDM.ZIP"]
    copies = [a for a in mail.attachments if a.content_type == "application/pdf"]
    if len(archives) + len(copies) != len(mail.attachments) and not mail.is_report:
        yield "mss.mime.attachment"
    if any(not copy.content.startswith(b"%PDF-") for copy in copies):
        yield "mss.mime.pdf"
    if not archives:
        return
    if len(archives) > 1 or archives[0].content_type != "application/zip":
        yield "mss.mime.zip"
    try:
        archive = open_archive(archives[0].content)
    except ArchiveUnreadable:
        yield "mss.xdm.unreadable"
        return
    yield from archive.failed_rules()
    lot = _read(archive)
    if isinstance(lot, str):
        yield lot
        return
    yield from _failed_lot(lot)
    yield from _failed_copies(lot, copies)
    yield from _failed_mail(mail, lot, recipients)


def _read(archive: Archive) -> Lot | str:
    """The lot, or the id of the rule that forbids reading it."""
    try:
        submission = read_metadata(archive.files.get(METADATA, b""))
    except MetadataUnreadable:
        return "mss.metadata.unreadable"
    try:
        clinical = {name: read_clinical(content) for name, content in archive.documents.items()}
    except ClinicalUnreadable:
        return "mss.cda.unreadable"
    return Lot(submission, archive.documents, clinical)


def _failed_lot(lot: Lot) -> Iterator[str]:
    submission = lot.submission
    yield from failed_submission(submission)
    if sorted(entry.slot("URI") for entry in submission.entries) != sorted(lot.documents):
        yield "mss.metadata.uri"
    for entry in submission.entries:
        yield from failed_entry(entry)
        content = lot.documents.get(entry.slot("URI"))
        if content is not None:
            yield from _failed_agreement(entry, content, lot.clinical[entry.slot("URI")])
    holders = [submission.patient_id, *(entry.patient_id for entry in submission.entries)]
    if len({_holder(holder) for holder in holders}) != 1:
        yield "mss.patient.one"


def _failed_agreement(entry: Entry, content: bytes, clinical: ClinicalDocument) -> Iterator[str]:
    if entry.slot("hash").lower() != hashlib.sha1(content, usedforsecurity=False).hexdigest():
        yield "mss.metadata.hash"
    if entry.slot("size") != str(len(content)):
        yield "mss.metadata.size"
    if entry.unique_id != clinical.unique_id:
        yield "mss.metadata.unique-id"
    if entry.mime_type != clinical.mime_type:
        yield "mss.metadata.mime-type"
    if entry.codes["type"] != (clinical.code,):
        yield "mss.metadata.type"
    if not _same_title(entry.title, clinical.title):
        yield "mss.metadata.title"
    patient = _PATIENT_ID.fullmatch(entry.patient_id)
    if clinical.targets != 1:
        yield "mss.patient.one"
    if patient is not None and (patient[1], patient[2]) not in clinical.patients:
        yield "mss.patient.cda"


def _same_title(written: str, title: str) -> bool:
    """Equal, or cut where a metadata value must end (256 characters, dmp.md 3.2)."""
    return written == title or (len(title) > _TITLE_LIMIT and title.startswith(written.rstrip("….")) and len(written) > _TITLE_LIMIT // 2)


def _holder(patient_id: str) -> tuple[str, str]:
    patient = _PATIENT_ID.fullmatch(patient_id)
    return (patient[1], patient[2]) if patient else (patient_id, "")


def _failed_copies(lot: Lot, copies: Sequence[Attachment]) -> Iterator[str]:
    if len(copies) != len(lot.documents):
        yield "mss.mime.pdf-count"  # ECO.2.1.1: one copy per document
    if any(not _PDF_NAME.fullmatch(copy.name) for copy in copies):
        yield "mss.mime.pdf-name"  # ECO.2.1.6
    enclosed = {hashlib.sha256(c.pdf).digest() for c in lot.clinical.values() if c.pdf is not None}
    if not enclosed <= {hashlib.sha256(copy.content).digest() for copy in copies}:
        yield "mss.mime.pdf-differs"  # ECO.2.1.5


def _failed_mail(mail: Mail, lot: Lot, recipients: Sequence[str]) -> Iterator[str]:
    codes = {code for entry in lot.submission.entries for code in entry.codes["type"]}
    if set(mail.one("x-mss-codecda").split(",")) != codes:
        yield "mss.header.codecda"
    yield from failed_subject(mail.one("subject"), lot.submission.entries, list(lot.clinical.values()))
    patient = _PATIENT_ID.fullmatch(lot.submission.entries[0].patient_id) if lot.submission.entries else None
    qualified = patient is not None and is_matricule(patient[1]) and patient[2] in AUTHORITIES
    if mail.one("x-mss-ins") == "O" and not qualified:
        yield "mss.header.ins"
    for recipient in recipients:
        if is_patient(recipient) and (patient is None or matricule_of(recipient) != patient[1]):
            yield "mss.patient.address"
    yield from _failed_masking(lot, recipients)


def _failed_masking(lot: Lot, recipients: Sequence[str]) -> Iterator[str]:
    """mssante.md 2.4; what the table leaves open is let through."""
    marks = {code for entry in lot.submission.entries for code in entry.codes["confidentiality"]}
    to_patient = any(is_patient(recipient) for recipient in recipients)
    to_others = not all(is_patient(recipient) for recipient in recipients)
    if to_patient and marks & {"INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX"}:
        yield "mss.masking.patient"
    if to_others and "MASQUE_PS" in marks:
        yield "mss.masking.professional"
