"""A mail with one document, written once: headers, subject, text, archive, PDF copy; the bytes never change afterwards.

Never sends, never stores, never chooses a recipient. Sources: mssante.md 1.6 (headers, requirement ids), 2.1 (message, subject, PDF
name), 2.4 (masking), 3 (citizens), 7.3 (Message-ID and bytes frozen).
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.kernel.config import Mailbox, Mss, Structure
from gateway.model.document import ClinicalHeader
from gateway.xds.model import DocumentEntry, SubmissionSet


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
    HeaderForbidden, XmlTextInvalid.
    """
    raise NotImplementedError


def estimated_size(cda: int, pdf: int) -> int:
    """Bytes of the mail that carries a CDA and a PDF of these sizes, told before building it; never under the truth for N1."""
    raise NotImplementedError


def check_size(size: int, limit: int) -> None:
    """Raises TooLargeForOperator when a mail of `size` bytes is over `limit`."""
    raise NotImplementedError
