"""From a prepared document to the frozen bytes of one mail: the glue between the header, the metadata and the composer."""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.flow.admitted import Admitted
from gateway.flow.audience import PATIENT_MAIL_PENDING
from gateway.flow.errors import PdfCopyMissing
from gateway.kernel.config import Configuration, Structure
from gateway.kernel.ids import message_id, new_oid
from gateway.model.document import ClinicalHeader
from gateway.mss.address import domain_of, patient_mailbox
from gateway.mss.compose import MailDraft, compose
from gateway.xds.derive import derive_entry, derive_submission


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """What every mail of one document is made from."""

    admitted: Admitted
    structure: Structure
    header: ClinicalHeader
    cda: bytes
    mime_type: str
    """Of the CDA in the metadata."""
    pdf: bytes | None
    now: datetime


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One mail, frozen: its bytes, its envelope and its Message-ID never change afterwards."""

    mail: bytes
    message_id: str
    sender: str
    recipient: str


class Letters:
    """Writes mails with the box's settings."""

    def __init__(self, configuration: Configuration) -> None:
        self._settings = configuration.mss
        self._environment = configuration.environment

    def write(self, delivery_id: str, recipient: str | None, material: Material) -> Letter:
        """The mail of one delivery. A patient's address is made here, from the qualified INS frozen with the document.

        Raises what `compose` raises, PdfCopyMissing for an unstructured CDA whose body is not a PDF, InsAuthorityUnknown for a
        test INS in production.
        """
        ins = material.header.subject.ins
        if ins is not None:
            ins.check_environment(self._environment)
        mailbox = material.structure.mailbox
        author = material.structure.professional(material.admitted.author)
        if mailbox is None or author is None or recipient is None:
            raise PdfCopyMissing("mailbox, author or recipient no longer configured")
        if material.pdf is None:
            raise PdfCopyMissing
        to_patient = recipient == PATIENT_MAIL_PENDING or recipient.endswith(f"@{self._settings.patient_domain}")
        address = patient_mailbox(material.header.subject, self._settings.patient_domain) if to_patient else recipient
        identifier = message_id(delivery_id, domain_of(mailbox.address))
        draft = MailDraft(
            message_id=identifier,
            date=material.now,
            structure=material.structure,
            sender=mailbox,
            recipient=address,
            settings=self._settings,
            header=material.header,
            submission=derive_submission(
                material.header, structure=material.structure, author=author, unique_id=new_oid(), now=material.now
            ),
            entry=derive_entry(
                material.header, material.cda, visibility=material.admitted.visibility, mime_type=material.mime_type, birth_place=True
            ),
            cda=material.cda,
            pdf=material.pdf,
            may_reply=material.admitted.deliver.patient_mail.may_reply if to_patient else True,
        )
        return Letter(mail=compose(draft), message_id=identifier, sender=mailbox.address, recipient=address)
