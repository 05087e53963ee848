"""A CDA that comes ready: taken as it is, kept in canonical form, sent where it may go."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from lxml import etree

from tests.end_to_end.captures import CDA, dmp_calls
from tests.end_to_end.command import relais
from tests.end_to_end.scene import DOCTOR, ONLY_DMP, TO_DOCTOR, TO_PATIENT, Scene
from tests.rig.caller import codes, states
from tests.rig.processes import STRUCTURE
from tests.shared import need

pytestmark = [pytest.mark.xdist_group("e2e-ready-cda"), pytest.mark.conformity]

_numbers = itertools.count(1)


def accepted(scene: Scene, content: bytes, deliver: dict[str, Any], **changes: Any) -> dict[str, Any]:
    answer = scene.station.send(content, {"deliver": deliver} | changes, media="application/xml")
    assert answer.status_code == 202, answer.text
    receipt: dict[str, Any] = answer.json()
    return receipt


def written_otherwise(content: bytes, **changes: str) -> bytes:
    """The same document under another id, in another dress: declaration, comments, attributes of the root turned round."""
    document = etree.fromstring(content)
    for path, value in {"h:id": f"2.25.77{next(_numbers):05d}", "h:setId": f"2.25.88{next(_numbers):05d}"}.items():
        found = document.find(path, CDA)
        assert found is not None
        found.set("root", value)
    for path, text in changes.items():
        found = document.find(f".//h:{path}", CDA)
        assert found is not None
        found.text = text
    return b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n<!-- logiciel -->\r\n' + etree.tostring(document).replace(
        b"/>", b"  />"
    )


def test_a_ready_n1_is_sent_everywhere_and_read_back_in_canonical_form(scene: Scene) -> None:
    patient = scene.patient()
    own = scene.station.get(f"/documents/{scene.sent(patient, deliver=TO_DOCTOR)['id']}/cda").content
    given = written_otherwise(own)
    end = scene.end(accepted(scene, given, ONLY_DMP | TO_DOCTOR | TO_PATIENT))
    assert (states(end), codes(end)) == (["delivered"] * 3, [None] * 3)
    assert end["deliveries"][1]["recipient"] == f"{patient['ins']['matricule']}@patient.sandbox.mssante.fr"
    kept = scene.station.get(f"/documents/{end['id']}/cda")
    assert kept.headers["content-type"].startswith("text/xml")
    assert kept.content == etree.tostring(etree.fromstring(given).getroottree(), method="c14n", with_comments=True)
    [feed] = dmp_calls(scene.sandbox, end["document_unique_id"])
    assert feed.document() == kept.content
    assert feed.note["failed_rules"] == []


def test_a_ready_cda_may_replace_another(scene: Scene) -> None:
    patient = scene.patient()
    first = scene.sent(patient, deliver=ONLY_DMP)
    second = scene.sent(
        patient, deliver=TO_DOCTOR,
        document={
            "type": "57833-6", "title": "Ordonnance", "created_at": "2026-11-22T09:30:00+01:00", "replaces": first["document_unique_id"],
        },
    )  # fmt: skip
    given = written_otherwise(scene.station.get(f"/documents/{second['id']}/cda").content)
    end = scene.end(accepted(scene, given, ONLY_DMP))
    assert states(end) == ["delivered"]
    assert [one["status"] for one in scene.held_in_dmp(first)] == ["Deprecated"]


def official(name: str, patient: dict[str, Any], author: str = "899700366240") -> bytes:
    """An official sample whose patient, author and structure are ours."""
    document = etree.fromstring(need("data", "cda", "samples", name).read_bytes())
    for path, value in (
        ("h:recordTarget/h:patientRole/h:id[@root='1.2.250.1.213.1.4.10']", patient["ins"]["matricule"]),
        ("h:author/h:assignedAuthor/h:id", author),
        ("h:author/h:assignedAuthor/h:representedOrganization/h:id", STRUCTURE),
        ("h:custodian/h:assignedCustodian/h:representedCustodianOrganization/h:id", STRUCTURE),
        ("h:legalAuthenticator/h:assignedEntity/h:id", author),
    ):
        found = document.find(path, CDA)
        assert found is not None, path
        found.set("extension", value)
    document.find("h:id", CDA).set("root", f"2.25.99{next(_numbers):05d}")  # type: ignore[union-attr]
    return etree.tostring(document)


@pytest.mark.parametrize("name", ["VSM_1.4_2022.01.xml", "LDL-SES_2022.01.xml"])
def test_a_structured_document_goes_to_the_dmp_and_by_mail_with_a_readable_copy(scene: Scene, name: str) -> None:
    patient = scene.patient()
    given = official(name, patient)
    end = scene.end(accepted(scene, given, ONLY_DMP | TO_DOCTOR))
    assert (states(end), codes(end)) == (["delivered", "delivered"], [None, None])
    [feed] = dmp_calls(scene.sandbox, end["document_unique_id"])
    assert (feed.note["failed_rules"], scene.held_in_dmp(end)[0]["status"]) == ([], "Approved")
    assert end["deliveries"][1]["recipient"] == DOCTOR


def test_once_the_official_schemas_are_installed_they_judge_too(scene: Scene) -> None:
    patient = scene.patient()
    own = scene.station.get(f"/documents/{scene.sent(patient, deliver=TO_DOCTOR)['id']}/cda").content
    stray = written_otherwise(own).replace(b"<custodian", b"<custodian surprise='1'", 1)
    installed = relais("conformity", "install", str(need("data", "cda")), "--home", str(scene.gateway.home))
    assert installed.code == 0, installed
    scene.restart()
    answer = scene.station.send(stray, {"deliver": ONLY_DMP}, media="application/xml")
    assert (answer.status_code, answer.json()["code"]) == (422, "cda-invalid")
    assert states(scene.end(accepted(scene, written_otherwise(own), ONLY_DMP))) == ["delivered"]
    checked = relais("check", "--home", str(scene.gateway.home))
    assert "Schémas officiels installés" in checked.out
