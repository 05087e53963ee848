"""The operator's reading of mails: one good letter, then one bent letter per rule."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from gateway.sandbox.mss.judge import judge_mail
from tests.sandbox.mss.stranger import MATRICULE, OID, PATIENT, PROFESSIONAL, SENDER, Document, Letter
from tests.shared import need

Bend = Callable[[], Letter]


def failed(letter: Letter, recipients: tuple[str, ...] | None = None) -> tuple[str, ...]:
    return judge_mail(letter.rendered(), SENDER, recipients or letter.recipients).failed_rules


def with_headers(**headers: str | None) -> Letter:
    return Letter(headers={name.replace("_", "-"): value for name, value in headers.items()})


def with_document(**changes: object) -> Letter:
    return Letter(documents=[Document(**changes)])  # type: ignore[arg-type]


GOOD: dict[str, Bend] = {
    "to a professional": Letter,
    "to the patient": lambda: Letter(recipients=(PATIENT,)),
    "to the patient, no reply": lambda: Letter(recipients=(PATIENT,), headers={"X-MSS-MES": "FIN"}),
    "no document": lambda: Letter(documents=[], headers={"Subject": "Bonjour"}),
    "lower-case archive name": lambda: Letter(zip_name="IHE_XDM.zip"),
    "no birth date": lambda: with_headers(Subject="=?utf-8?q?XDM/1.0/DDM+Prescription_de_produits_de_sant=C3=A9?= PAT-TROIS DOMINIQUE"),
    "replacing, mark before": lambda: with_headers(
        Subject="[Annule et remplace] =?utf-8?q?XDM/1.0/DDM+Prescription_de_produits_de_sant=C3=A9?= PAT-TROIS DOMINIQUE"
    ),
    "masked to professionals, to the patient": lambda: Letter(
        recipients=(PATIENT,), documents=[Document(confidentiality=("N", "MASQUE_PS"))]
    ),
    "invisible to the patient, to a professional": lambda: with_document(confidentiality=("N", "INVISIBLE_PATIENT")),
    "two documents": lambda: Letter(
        documents=[Document(), Document(unique_id="2.25.2")], headers={"Subject": "XDM/1.0/DDM+2 documents PAT-TROIS DOMINIQUE 05/03/1979"}
    ),
    "set patient with an effective date": lambda: Letter(set_patient=f"{MATRICULE}^^^&{OID}&ISO^NH^^20101001"),
    "a title cut at 256 characters": lambda: with_document(title="T" * 400, entry_title="T" * 255 + "…"),
    "a name without a Latin letter": lambda: Letter(
        documents=[Document(people=("PID-5|王^王^^^^^L",))],
        headers={"Subject": "=?utf-8?q?XDM/1.0/DDM+Prescription_de_produits_de_sant=C3=A9?= INCONNU INCONNU"},
    ),
    "to a professional, INS not qualified": lambda: with_headers(X_MSS_INS="N"),
}

BENT: dict[str, Bend] = {
    "mss.header.message-id": lambda: with_headers(Message_ID=None),
    "mss.header.message-id ": lambda: with_headers(Message_ID="no brackets"),
    "mss.header.date": lambda: with_headers(Date=None),
    "mss.header.date ": lambda: with_headers(Date="hier"),
    "mss.header.from-label": lambda: with_headers(From=f"<{SENDER}>"),
    "mss.header.from-sender": lambda: with_headers(From="Un autre <autre@medecin.sandbox.mssante.fr>"),
    "mss.header.to": lambda: with_headers(To="quelquun@medecin.sandbox.mssante.fr"),
    "mss.header.reply-to": lambda: with_headers(Reply_To=None),
    "mss.header.nil": lambda: with_headers(X_MSS_NIL=None),
    "mss.header.nil ": lambda: Letter(documents=[], headers={"X-MSS-NIL": None}),
    "mss.header.ascii": lambda: with_headers(X_Note="é"),
    "mss.header.mes": lambda: with_headers(X_MSS_MES="FIN"),
    "mss.header.mes ": lambda: Letter(recipients=(PATIENT,), headers={"X-MSS-MES": "fin"}),
    "mss.header.ins": lambda: with_headers(X_MSS_INS=None),
    "mss.header.ins ": lambda: with_headers(X_MSS_INS="OUI"),
    "mss.header.ins  ": lambda: with_document(entry_patient="P-1^^^&1.2.3&ISO^PI"),
    "mss.header.codecda": lambda: with_headers(X_MSS_CODECDA=None),
    "mss.header.codecda ": lambda: with_headers(X_MSS_CODECDA="11488-4"),
    "mss.header.codecda  ": lambda: Letter(documents=[], headers={"X-MSS-CODECDA": "57833-6"}),
    "mss.mime.version": lambda: with_headers(MIME_Version=None),
    "mss.mime.bare-newline": lambda: Letter(body=b"une ligne\nseule\r\n"),
    "mss.mime.line-length": lambda: Letter(body=b"x" * 999 + b"\r\n"),
    "mss.mime.body": lambda: Letter(body_type="text/html; charset=utf-8"),
    "mss.mime.charset": lambda: Letter(body_type="text/plain; charset=iso-8859-1"),
    "mss.mime.charset ": lambda: Letter(body_type="text/plain"),
    "mss.mime.attachment": lambda: Letter(extra_attachment=("notes.doc", "application/msword", b"doc")),
    "mss.mime.zip": lambda: Letter(zip_type="application/octet-stream"),
    "mss.mime.pdf": lambda: Letter(pdf_copies=[b"not a PDF"]),
    "mss.mime.pdf-count": lambda: Letter(pdf_copies=[]),
    "mss.mime.pdf-differs": lambda: Letter(pdf_copies=[b"%PDF-1.4 other"]),
    "mss.mime.pdf-name": lambda: Letter(pdf_name="ordonnance.pdf"),
    "mss.xdm.unreadable": lambda: Letter(zip_content=b"PK not a zip"),
    "mss.xdm.unreadable ": lambda: Letter(members={"BOMB.TXT": b"\0" * (101 * 1024 * 1024)}),
    "mss.xdm.readme": lambda: Letter(members={"README.TXT": None}),
    "mss.xdm.index": lambda: Letter(members={"INDEX.HTM": b""}),
    "mss.xdm.missing-member": lambda: Letter(members={"IHE_XDM/SUBSET01/METADATA.XML": None}),
    "mss.xdm.unknown-member": lambda: Letter(members={"../README.TXT": b"x"}),
    "mss.metadata.unreadable": lambda: Letter(metadata=b"<a/>"),
    "mss.metadata.unreadable ": lambda: Letter(metadata=b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"),
    "mss.metadata.members": lambda: Letter(members_declared=False),
    "mss.metadata.hash": lambda: with_document(entry_hash="0" * 40),
    "mss.metadata.size": lambda: with_document(entry_size="1"),
    "mss.metadata.slot.hash": lambda: with_document(dropped=("hash",)),
    "mss.metadata.slot.sourcePatientInfo": lambda: with_document(dropped=("sourcePatientInfo",)),
    "mss.metadata.author": lambda: with_document(dropped=("author",)),
    "mss.metadata.code.class": lambda: with_document(dropped=("41a5887f-8865-4c09-adf7-e362475b143a",)),
    "mss.metadata.uri": lambda: with_document(entry_uri="DOC0002.XML"),
    "mss.metadata.unique-id": lambda: with_document(entry_unique_id="2.25.8"),
    "mss.metadata.mime-type": lambda: Letter(metadata=Letter().metadata_xml().replace(b"text/xml", b"application/xslt+xml")),
    "mss.metadata.type": lambda: with_document(entry_type="11488-4"),
    "mss.metadata.title": lambda: with_document(entry_title="Autre"),
    "mss.metadata.confidentiality": lambda: with_document(confidentiality=("N", "R")),
    "mss.metadata.confidentiality ": lambda: with_document(confidentiality=("MASQUE_PS",)),
    "mss.metadata.patient-id": lambda: with_document(matricule="279035121518980"),
    "mss.cda.unreadable": lambda: with_document(prologue='<!DOCTYPE ClinicalDocument SYSTEM "http://127.0.0.1/x.dtd">'),
    "mss.patient.cda": lambda: with_document(cda_matricule="207058575627097"),
    "mss.patient.one": lambda: Letter(set_patient=f"207058575627097^^^&{OID}&ISO^NH"),
    "mss.patient.one ": lambda: Letter(documents=[Document(), Document(unique_id="2.25.2", matricule="207058575627097")]),
    "mss.patient.address": lambda: Letter(recipients=("207058575627097@patient.sandbox.mssante.fr",)),
    "mss.patient.qualified": lambda: Letter(recipients=("279035121518980@patient.sandbox.mssante.fr",)),
    "mss.patient.qualified ": lambda: Letter(recipients=(PATIENT,), headers={"X-MSS-INS": "N"}),
    "mss.masking.patient": lambda: Letter(recipients=(PATIENT,), documents=[Document(confidentiality=("N", "INVISIBLE_PATIENT"))]),
    "mss.masking.professional": lambda: with_document(confidentiality=("N", "MASQUE_PS")),
    "mss.masking.professional ": lambda: Letter(
        recipients=(PATIENT, PROFESSIONAL), documents=[Document(confidentiality=("N", "MASQUE_PS"))]
    ),
    "mss.subject.prefix": lambda: with_headers(Subject="Ordonnance PAT-TROIS DOMINIQUE"),
    "mss.subject.label": lambda: with_headers(Subject="XDM/1.0/DDM+Ordonnance PAT-TROIS DOMINIQUE 05/03/1979"),
    "mss.subject.patient": lambda: with_headers(
        Subject="=?utf-8?q?XDM/1.0/DDM+Prescription_de_produits_de_sant=C3=A9?= PAT-QUATRE DOMINIQUE 05/03/1979"
    ),
    "mss.subject.patient ": lambda: with_headers(
        Subject="=?utf-8?q?XDM/1.0/DDM+Prescription_de_produits_de_sant=C3=A9?= Pat-Trois Dominique 05/03/1979"
    ),
    "mss.subject.birth-date": lambda: with_headers(
        Subject="=?utf-8?q?XDM/1.0/DDM+Prescription_de_produits_de_sant=C3=A9?= PAT-TROIS DOMINIQUE 06/03/1979"
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_mail_breaks_no_rule(name: str) -> None:
    assert failed(GOOD[name]()) == ()


@pytest.mark.parametrize("name", BENT)
def test_mss19_a_bent_mail_breaks_the_rule_it_bends(name: str) -> None:
    assert name.strip() in failed(BENT[name]())


def test_mss20_a_label_is_cut_at_forty_characters_and_accents_leave_the_names() -> None:
    people = ("PID-5|D'ÆION LE GÉANT^CŒUR-NOËL^^^^^L", "PID-7|19870125")
    long_name = "Compte rendu d'hospitalisation en service de médecine générale"
    document = Document(display_name=long_name, people=people)
    subject = f"XDM/1.0/DDM+{long_name[:40]} D'AEION LE GEANT COEUR-NOEL 25/01/1987"
    letter = Letter(documents=[document], headers={"Subject": encoded(subject)})
    assert failed(letter) == ()
    uncut = Letter(documents=[document], headers={"Subject": encoded(subject.replace(long_name[:40], long_name))})
    assert failed(uncut) == ("mss.subject.label",)


@pytest.mark.parametrize(("born", "written"), [("1950", "00/00/1950"), ("196202", "00/02/1962"), ("1950", "")])
def test_a_lunar_birth_date_is_written_in_full_or_left_out(born: str, written: str) -> None:
    document = Document(people=("PID-5|PAT-TROIS^DOMINIQUE^^^^^L", f"PID-7|{born}"))
    subject = f"XDM/1.0/DDM+{document.display_name} PAT-TROIS DOMINIQUE {written}".strip()
    assert failed(Letter(documents=[document], headers={"Subject": encoded(subject)})) == ()
    other = encoded(subject.removesuffix(written).strip() + " 00/00/1951")
    assert "mss.subject.birth-date" in failed(Letter(documents=[document], headers={"Subject": other}))


def encoded(subject: str) -> str:
    message = EmailMessage(policy=policy.SMTP.clone(max_line_length=0))
    message["Subject"] = subject
    return str(message.as_bytes().split(b"\r\n")[0].removeprefix(b"Subject: "), "ascii")


def test_an_encrypted_or_overfull_archive_is_not_opened() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(51):
            archive.writestr(f"{number}.TXT", b"")
    assert "mss.xdm.unreadable" in failed(Letter(zip_content=stream.getvalue()))
    flagged = bytearray(Letter().archive())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = flagged.find(signature)
        flagged[at + offset] |= 1
    assert "mss.xdm.unreadable" in failed(Letter(zip_content=bytes(flagged)))


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n", b"From", b"From: =?utf-8?q?\r\n\r\n", b"To: <\r\nContent-Type: multipart/mixed\r\n\r\n--\r\n", b"\xff" * 100]
)
def test_whatever_is_sent_gets_a_judgement(raw: bytes) -> None:
    judgement = judge_mail(raw, SENDER, (PROFESSIONAL,))
    assert judgement.failed_rules
    assert len(judgement.sha256) == 64


@pytest.mark.conformity
def test_the_sample_mail_of_the_dossier_is_read_as_it_stands() -> None:
    """Its PDF copy is cut and it has no Reply-To: exactly these are found."""
    raw = need("data", "mssante", "mail", "01-pro-vers-pro-xdm.eml").read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    message = message_from_bytes(raw)
    judgement = judge_mail(raw, "marcel.camparini@labo-charmes.mssante.test", ("louis.blanchard@medecin.mssante.test",))
    assert judgement.message_id == message["Message-ID"]
    assert judgement.failed_rules == ("mss.header.reply-to", "mss.mime.pdf-differs")
