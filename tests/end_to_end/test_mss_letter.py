"""The mail that left: its headers, its subject, its files; and the mails that must not leave."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from tests.end_to_end.captures import CDA, Mail, mails
from tests.end_to_end.scene import DOCTOR, ONLY_DMP, ORDONNANCE, STRUCTURE, TO_DOCTOR, TO_PATIENT, Scene
from tests.rig.caller import codes, request, states

pytestmark = pytest.mark.xdist_group("e2e-mss-letter")

LETTER = {"type": "11490-0", "title": "Lettre", "created_at": "2026-11-22T23:30:00+01:00"}
"""Its label has 57 characters, an apostrophe and accents."""


def one_mail(scene: Scene, message_of: dict[str, Any], recipient: str) -> Mail:
    [found] = [one for one in mails(scene.sandbox, recipient) if message_of["birth_family_name"] in str(one.message["Subject"])]
    return found


def address_of(patient: dict[str, Any]) -> str:
    return f"{patient['ins']['matricule']}@patient.sandbox.mssante.fr"


def test_mss19_every_header_is_there_on_both_kinds_of_mail(scene: Scene) -> None:
    patient = scene.patient()
    assert states(scene.sent(patient, deliver=TO_DOCTOR | TO_PATIENT)) == ["delivered", "delivered"]
    doctor, citizen = one_mail(scene, patient, DOCTOR), one_mail(scene, patient, address_of(patient))
    for mail in (doctor, citizen):
        assert mail.note["failed_rules"] == []
        headers = mail.message
        assert headers["X-MSS-NIL"] == "DEV000000"
        assert headers["X-MSS-CODECDA"] == "57833-6"
        assert headers["X-MSS-INS"] == "O"
        assert headers["From"].addresses[0].addr_spec == f"relais.{STRUCTURE.lower()}@structure.sandbox.mssante.fr"
        assert headers["From"].addresses[0].display_name
        assert headers["Reply-To"].addresses[0].addr_spec == f"secretariat.{STRUCTURE.lower()}@structure.sandbox.mssante.fr"
        assert headers["Date"].datetime.tzinfo is not None
        assert headers["Message-ID"].startswith("<")
        assert headers["Message-ID"].endswith("@structure.sandbox.mssante.fr>")
    assert doctor.message["X-MSS-MES"] is None
    assert citizen.message["X-MSS-MES"] == "FIN"
    assert doctor.message["Message-ID"] != citizen.message["Message-ID"]


def test_mss24_a_patient_who_may_reply_is_told_so(scene: Scene) -> None:
    patient = scene.patient()
    end = scene.sent(patient, deliver={"patient_mail": {"send": True, "may_reply": True}})
    assert states(end) == ["delivered"]
    assert one_mail(scene, patient, address_of(patient)).message["X-MSS-MES"] is None


def test_mss20_subject_and_file_name_survive_accents_apostrophes_and_long_labels(scene: Scene) -> None:
    patient = scene.patient(birth_family_name="D'ÉTÉ-ZYX", birth_given_names="ANNE-SOPHIE ÉLÉONORE", first_birth_given_name="ANNE-SOPHIE")
    assert states(scene.sent(patient, deliver=TO_DOCTOR, document=LETTER)) == ["delivered"]
    [mail] = [one for one in mails(scene.sandbox, DOCTOR) if "D'ETE-ZYX" in str(one.message["Subject"])]
    assert mail.note["failed_rules"] == []
    label = "Lettre de liaison à la sortie d'un établ"
    assert len(label) == 40
    assert str(mail.message["Subject"]) == f"XDM/1.0/DDM+{label} D'ETE-ZYX ANNE-SOPHIE 05/03/1979"
    archive, copy = mail.attachments()
    assert (archive.upper(), copy) == ("IHE_XDM.ZIP", f"20261122_{label}_D'ETE-ZYX_ANNE-SOPHIE.pdf")


def test_the_files_of_a_mail_are_those_of_the_document(scene: Scene) -> None:
    patient = scene.patient()
    end = scene.sent(patient, deliver=ONLY_DMP | TO_DOCTOR)
    mail = one_mail(scene, patient, DOCTOR)
    files = mail.archive()
    assert set(files) == {"README.TXT", "INDEX.HTM", "METADATA.XML", "DOC0001.XML"}
    assert files["DOC0001.XML"] == scene.station.get(f"/documents/{end['id']}/cda").content
    assert list(mail.attachments().values())[1] == ORDONNANCE, "already PDF/A-1b: what the workstation sent, byte for byte"


def test_mss21_two_patients_in_a_document_are_refused(scene: Scene) -> None:
    end = scene.sent(deliver=TO_DOCTOR)
    document = etree.fromstring(scene.station.get(f"/documents/{end['id']}/cda").content)
    target = document.find("h:recordTarget", CDA)
    assert target is not None
    target.addnext(etree.fromstring(etree.tostring(target)))
    before = len(mails(scene.sandbox))
    answer = scene.station.send(etree.tostring(document), {"deliver": TO_DOCTOR}, media="application/xml")
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "two-patients", "recordTarget")
    assert len(mails(scene.sandbox)) == before


def test_mss22_an_unqualified_identity_has_no_patient_mail(scene: Scene) -> None:
    patient = scene.patient(dmp=None, identity_status="VALI")
    end = scene.sent(patient, deliver=TO_PATIENT)
    assert (states(end), codes(end)) == (["held"], ["identity-not-qualified"])
    assert end["deliveries"][0]["recipient"] is None
    assert mails(scene.sandbox, address_of(patient)) == []


def test_mss22_a_wrong_key_is_refused(scene: Scene) -> None:
    patient = scene.patient()
    right = patient["ins"]["matricule"]
    wrong = right[:13] + f"{(int(right[13:]) + 1) % 97:02d}"
    patient["ins"] = patient["ins"] | {"matricule": wrong}
    answer = scene.station.send(ORDONNANCE, request(patient=patient, deliver=TO_PATIENT))
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "ins-key-invalid", "patient.ins.matricule")
    assert right[:13] not in answer.text
