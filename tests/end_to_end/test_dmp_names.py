"""Names as patients bear them: what left the workstation is what the DMP and the correspondent receive."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from tests.end_to_end.captures import CDA, RIM, dmp_calls, mails
from tests.end_to_end.scene import DOCTOR, ONLY_DMP, TO_DOCTOR, Scene
from tests.rig.caller import codes, states

pytestmark = pytest.mark.xdist_group("e2e-dmp-names")

NAMES = [
    ("D'ÉTÉ-L'HÔPITAL", "ANNE-SOPHIE ÉLÉONORE", "ANNE-SOPHIE"),
    ("MARTIN & FILS", "JEAN|PAUL", "JEAN|PAUL"),
    ("DUPONT^LEROY", "MARIE^ANGE", "MARIE^ANGE"),
    ("O~BRIEN\\X", "ZOË", "ZOË"),
    ("ŒUVRARD <B>", 'LOÏC "LE" BRETON', "LOÏC"),
    ("AÏ", "Ô", "Ô"),
    ("N" * 100, "P" * 100, "P" * 100),
]


def slot(envelope: etree._Element, name: str) -> list[str]:
    return [value.text or "" for value in envelope.findall(f".//{RIM}Slot[@name='{name}']/{RIM}ValueList/{RIM}Value")]


FLAT = str.maketrans({"^": " ", "&": "+", "|": " ", "~": " ", "\\": "/"})
"""HL7 delimiters inside a name would cut a field in two: they are replaced in metadata, and in metadata only (dmp.md 8, case 37)."""


def slots(document: etree._Element, name: str) -> list[str]:
    return [value.text or "" for value in document.findall(f".//{RIM}Slot[@name='{name}']/{RIM}ValueList/{RIM}Value")]


def texts(document: etree._Element, path: str) -> list[str]:
    found = document.xpath(path, namespaces=CDA)
    assert isinstance(found, list)
    return [str(one) for one in found]


@pytest.mark.parametrize(("family", "given", "first"), NAMES)
def test_dmp37_a_name_survives_to_the_dmp_and_to_the_mail(scene: Scene, family: str, given: str, first: str) -> None:
    patient = scene.patient(birth_family_name=family, birth_given_names=given, first_birth_given_name=first)
    title = "Courrier d'été : « suivi » & bilan | 1^2 <fin>"
    described: dict[str, Any] = {"type": "11488-4", "title": title, "created_at": "2026-11-22T09:30:00+01:00"}
    end = scene.sent(patient, document=described, deliver=ONLY_DMP | TO_DOCTOR)
    assert (states(end), codes(end)) == (["delivered", "delivered"], [None, None])
    assert scene.held_in_dmp(end)[0]["times_committed"] == 1

    [feed] = [one for one in dmp_calls(scene.sandbox, patient["ins"]["matricule"]) if one.service == "repository"]
    assert feed.note["failed_rules"] == []
    cda = feed.cda()
    assert family in texts(cda, "//h:recordTarget//h:patient/h:name/h:family/text()")
    assert first in texts(cda, "//h:recordTarget//h:patient/h:name/h:given/text()")
    assert texts(cda, "/h:ClinicalDocument/h:title/text()") == [title]

    [mail] = [one for one in mails(scene.sandbox, DOCTOR) if feed.document() in one.archive().values()]
    assert mail.note["failed_rules"] == []
    names = [value for value in slots(etree.fromstring(mail.archive()["METADATA.XML"]), "sourcePatientInfo") if value.startswith("PID-5")]
    assert names == [value for value in slots(feed.envelope(), "sourcePatientInfo") if value.startswith("PID-5")]
    told_family, told_given, *_rest, kind = names[0].removeprefix("PID-5|").split("^")
    assert kind == "L"
    assert told_family == " ".join(family.translate(FLAT).split())
    assert told_given == " ".join(first.translate(FLAT).split())
