"""Drafts of mails about invented patients, and their reading by Python's own parsers."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

import msgspec

from gateway.cda.build import build_n1
from gateway.cda.names import N1_TEMPLATES
from gateway.kernel.config import Mailbox, Mss
from gateway.kernel.ids import message_id
from gateway.model.document import ClinicalHeader
from gateway.model.patient import Ins, matricule_key
from gateway.model.visibility import Visibility
from gateway.mss.compose import MailDraft
from gateway.xds.derive import derive_entry, derive_submission
from tests.xds.documents import CABINET, DOCTOR, INS, NOW, header

SPACE = "sandbox.mssante.fr"
SENDER = f"relais@tilleuls.{SPACE}"
PROFESSIONAL = f"dr.martin@medecin.{SPACE}"
PATIENT = f"{INS.matricule}@patient.{SPACE}"
MAILBOX = Mailbox(
    address=SENDER, display_name="MSP des Tilleuls - secrétariat", reply_to=f"secretariat@tilleuls.{SPACE}", host="127.0.0.1", port=587
)
SETTINGS = Mss(patient_domain=f"patient.{SPACE}", product_number="DEV000042", answer_seconds=10.0)
STRUCTURE = msgspec.structs.replace(CABINET, mailbox=MAILBOX, address="3 rue de l'Écluse, 69001 LYON", telephone="0499000001")
CORSICAN = Ins.checked(f"179032A004003{matricule_key('179032A004003')}", INS.oid)
PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n.\r\n..\nfin\n%%EOF\n"


def clinical(**changes: Any) -> ClinicalHeader:
    """A prescription; the arguments of tests.xds.documents.header."""
    return header(**{"templates": N1_TEMPLATES, "structure": STRUCTURE, **changes})


def draft(
    about: ClinicalHeader | None = None,
    *,
    recipient: str = PROFESSIONAL,
    pdf: bytes = PDF,
    settings: Mss = SETTINGS,
    visibility: Visibility | None = None,
    date: datetime = NOW,
    **changes: Any,
) -> MailDraft:
    """A draft whose parts agree, unless `changes` make them disagree."""
    about = about or clinical()
    cda = build_n1(about, pdf, "application/pdf")
    made = MailDraft(
        message_id=message_id("01935f0e-0000-7000-8000-000000000001", f"tilleuls.{SPACE}"),
        date=date,
        structure=STRUCTURE,
        sender=MAILBOX,
        recipient=recipient,
        settings=settings,
        header=about,
        submission=derive_submission(about, structure=STRUCTURE, author=DOCTOR, unique_id="2.25.4242", now=NOW),
        entry=derive_entry(about, cda, visibility=visibility or Visibility(), birth_place=True),
        cda=cda,
        pdf=pdf,
    )
    return msgspec.structs.replace(made, **changes)


def parsed(mail: bytes) -> EmailMessage:
    """The mail as Python's parser reads it."""
    return message_from_bytes(mail, policy=policy.SMTP)


def files_of(mail: bytes) -> dict[str, tuple[str, bytes]]:
    """Attachments: name to media type and bytes."""
    return {
        str(part.get_filename()): (part.get_content_type(), cast(bytes, part.get_payload(decode=True)))
        for part in parsed(mail).iter_attachments()
    }


def archive_of(mail: bytes) -> dict[str, bytes]:
    """Members of the IHE_XDM.zip of a mail, by name, in order."""
    with zipfile.ZipFile(io.BytesIO(files_of(mail)["IHE_XDM.zip"][1])) as archive:
        assert archive.testzip() is None
        return {info.filename: archive.read(info) for info in archive.infolist()}
