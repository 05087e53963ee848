"""A mail with one document, written once: headers, subject, text, archive, PDF copy; the bytes never change afterwards.

Never sends, never stores, never chooses a recipient. Sources: mssante.md 1.6 (headers, requirement ids), 2.1 (message), 2.4 (masking),
3 (citizens), 7.3 (Message-ID and bytes frozen).
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from email.utils import format_datetime

import msgspec

from gateway.kernel.config import Mailbox, Mss, Structure
from gateway.kernel.errors import PermanentFault, Refused
from gateway.model.document import ClinicalHeader
from gateway.model.visibility import Visibility, check_recipients
from gateway.mss.address import is_patient_mailbox, normal_mailbox, patient_mailbox, same_mailbox
from gateway.mss.wording import patient_text, pdf_name, professional_text, subject_line
from gateway.mss.xdm import ARCHIVE_MEDIA_TYPE, ARCHIVE_NAME, issuer_of, write_archive
from gateway.wire.mime import Attachment, FreeText, HeaderValue, Named, encoded_length, write_message
from gateway.wire.smtp_errors import TooLargeForOperator
from gateway.xds.derive import patient_id
from gateway.xds.model import DocumentEntry, SubmissionSet

PATIENT_LIMIT = 25_000_000
"""Bytes of a whole mail that the citizens' side takes (mssante.md 1.6)."""
_PDF_MEDIA_TYPE = "application/pdf"
_OVERHEAD = 12_000
"""Headers, texts, metadata and the archive's own structure, generously."""
_DEFLATED = 0.78
"""What base64, the least compressible XML there is, keeps of its size once deflated (stack.md section 6)."""


class RecipientNotPatient(Refused):
    """The recipient is a patient's mailbox, and not that of the document's patient."""

    code = "mail-recipient-not-patient"
    title = "Destinataire différent du patient"
    who = "le secrétariat"
    what = "L'adresse du destinataire est celle d'un autre patient que celui du document."
    gesture = "Vérifiez le patient du document dans le logiciel métier, puis renvoyez-le."


class MailInconsistent(PermanentFault):
    """Header, metadata and bytes do not speak of the same document or of the same patient: the box made it wrong."""

    code = "mail-inconsistent"
    who = "votre installateur"
    what = "Le courriel n'a pas été préparé : ses parties ne décrivent pas le même document ou le même patient."
    gesture = "Signalez cette erreur à votre installateur : rien n'est parti."


class MailDraft(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one mail is made of; the same draft always gives the same bytes."""

    message_id: str
    """With its angle brackets: `kernel.ids.message_id(delivery_id, domain of the sender)`."""
    date: datetime
    """Aware."""
    structure: Structure
    """Named in the README of the archive."""
    sender: Mailbox
    recipient: str
    settings: Mss
    header: ClinicalHeader
    """The header the CDA was built from, or the one read from it."""
    submission: SubmissionSet
    """`xds.derive_submission`."""
    entry: DocumentEntry
    """`xds.derive_entry(header, cda, visibility=..., birth_place=True)`: SHA-1 and size of `cda`."""
    cda: bytes
    pdf: bytes
    """N1: the very PDF of the CDA's body (ECO.2.1.5)."""
    may_reply: bool = True
    """False, to a patient: X-MSS-MES: FIN."""
    read_receipt: bool = False
    """True: Disposition-Notification-To the sender."""


def compose(draft: MailDraft) -> bytes:
    """The mail, RFC 5322 bytes with CRLF.

    Raises MailboxInvalid, UnqualifiedPatientAddress, RecipientNotPatient, VisibilityConflict, MailInconsistent, TooLargeForOperator,
    HeaderForbidden, EntryIncomplete, XmlTextInvalid.
    """
    to_patient = is_patient_mailbox(draft.recipient, draft.settings.patient_domain)
    recipient = _recipient(draft, to_patient=to_patient)
    _check_masking(draft.entry, to_patient=to_patient)
    _check_agreement(draft)
    if to_patient:
        check_size(estimated_size(len(draft.cda), len(draft.pdf)), PATIENT_LIMIT)
    issuer = issuer_of(draft.header, address=draft.structure.address, telephone=draft.structure.telephone)
    structured = draft.header.body_media_type is None
    archive = write_archive(issuer, draft.submission, draft.entry, draft.cda, replaces=draft.header.replaces, structured=structured)
    name = pdf_name(draft.header.created_at, draft.header.type.label, draft.header.subject.traits)
    structure = draft.structure.name
    return write_message(
        _headers(draft, recipient, to_patient=to_patient),
        patient_text(structure, may_reply=draft.may_reply) if to_patient else professional_text(structure),
        [
            Attachment(name=ARCHIVE_NAME, media_type=ARCHIVE_MEDIA_TYPE, content=archive),
            Attachment(name=name, media_type=_PDF_MEDIA_TYPE, content=draft.pdf),
        ],
        boundary=f"=_{hashlib.sha256(draft.message_id.encode()).hexdigest()[:32]}",
    )


def estimated_size(cda: int, pdf: int) -> int:
    """Bytes of the mail that carries a CDA and a PDF of these sizes, told before building it; never under the truth for N1."""
    return encoded_length(int(cda * _DEFLATED) + _OVERHEAD) + encoded_length(pdf)


def check_size(size: int, limit: int) -> None:
    """Raises TooLargeForOperator when a mail of `size` bytes is over `limit`."""
    if size > limit:
        raise TooLargeForOperator("estimated", limit_bytes=limit)


def _headers(draft: MailDraft, recipient: str, *, to_patient: bool) -> list[tuple[str, HeaderValue]]:
    header, subject = draft.header, draft.header.subject
    line = subject_line(header.type.label, subject.traits, replaces=header.replaces is not None, marker=draft.settings.replacement_marker)
    qualified = subject.qualified and subject.ins is not None
    headers: list[tuple[str, HeaderValue]] = [
        ("Date", format_datetime(draft.date)),
        ("From", Named(draft.sender.display_name or draft.structure.name, draft.sender.address)),
        ("To", Named("", recipient)),
        ("Reply-To", Named("", draft.sender.reply_to)),
        ("Subject", FreeText(line)),
        ("Message-ID", draft.message_id),
        ("X-MSS-NIL", draft.settings.product_number),
        ("X-MSS-CODECDA", draft.entry.type_code.code),
        ("X-MSS-INS", "O" if qualified else "N"),
    ]
    if to_patient and not draft.may_reply:
        headers.append(("X-MSS-MES", "FIN"))
    if draft.read_receipt:
        headers.append(("Disposition-Notification-To", Named("", draft.sender.address)))
    return headers


def _recipient(draft: MailDraft, *, to_patient: bool) -> str:
    recipient = normal_mailbox(draft.recipient, field="recipient")
    if not to_patient:
        return recipient
    own = patient_mailbox(draft.header.subject, draft.settings.patient_domain)
    if not same_mailbox(own, recipient):
        raise RecipientNotPatient(field="recipient")
    return own


def _check_masking(entry: DocumentEntry, *, to_patient: bool) -> None:
    """Asked once more at the last moment: what is masked in the metadata must not leave (mssante.md 2.4)."""
    marks = {mark.code for mark in entry.confidentiality}
    visibility = Visibility(
        masked_to_professionals="MASQUE_PS" in marks,
        hidden_from_patient="INVISIBLE_PATIENT" in marks,
        hidden_from_representatives="INVISIBLE_REPRESENTANTS_LEGAUX" in marks,
    )
    check_recipients(visibility, dmp=False, patient=to_patient, professionals=not to_patient)


def _check_agreement(draft: MailDraft) -> None:
    entry, holder = draft.entry, patient_id(draft.header.subject)
    if entry.patient_id != holder or draft.submission.patient_id != holder:
        raise MailInconsistent("patient")
    if entry.unique_id != draft.header.unique_id or entry.size != len(draft.cda):
        raise MailInconsistent("document")
    if entry.hash != hashlib.sha1(draft.cda, usedforsecurity=False).hexdigest():
        raise MailInconsistent("hash")
