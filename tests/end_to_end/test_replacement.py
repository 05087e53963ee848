"""A document that replaces another: order, version, and what becomes of the first."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from tests.end_to_end.captures import CDA, dmp_calls, mails
from tests.end_to_end.scene import DOCTOR, ONLY_DMP, TO_DOCTOR, Scene
from tests.rig.caller import codes, states

pytestmark = pytest.mark.xdist_group("e2e-replacement")


def described(replaces: str | None = None) -> dict[str, Any]:
    return {"type": "57833-6", "title": "Ordonnance", "created_at": "2026-11-22T09:30:00+01:00", "replaces": replaces}


def version_of(scene: Scene, receipt: dict[str, Any]) -> tuple[str, str, list[str]]:
    cda = etree.fromstring(scene.station.get(f"/documents/{receipt['id']}/cda").content)
    replaced = cda.xpath("h:relatedDocument[@typeCode='RPLC']/h:parentDocument/h:id/@root", namespaces=CDA)
    assert isinstance(replaced, list)
    set_id, version = cda.find("h:setId", CDA), cda.find("h:versionNumber", CDA)
    assert set_id is not None
    assert version is not None
    return set_id.get("root", ""), version.get("value", ""), [str(one) for one in replaced]


def status(scene: Scene, receipt: dict[str, Any]) -> list[tuple[str, int]]:
    return [(one["status"], one["times_committed"]) for one in scene.held_in_dmp(receipt)]


def test_dmp26_each_version_deprecates_the_one_before(scene: Scene) -> None:
    patient = scene.patient()
    first = scene.sent(patient, deliver=ONLY_DMP)
    second = scene.sent(patient, deliver=ONLY_DMP, document=described(first["document_unique_id"]))
    assert (status(scene, first), status(scene, second)) == ([("Deprecated", 1)], [("Approved", 1)])
    third = scene.sent(patient, deliver=ONLY_DMP, document=described(second["document_unique_id"]))
    assert [status(scene, one) for one in (first, second, third)] == [[("Deprecated", 1)], [("Deprecated", 1)], [("Approved", 1)]]
    family = [version_of(scene, one) for one in (first, second, third)]
    assert [version for _, version, _ in family] == ["1", "2", "3"]
    assert {set_id for set_id, _, _ in family} == {first["document_unique_id"]}
    assert [replaced for _, _, replaced in family] == [[], [first["document_unique_id"]], [second["document_unique_id"]]]


def test_dmp26_a_replacement_waits_for_the_document_it_replaces(scene: Scene) -> None:
    patient = scene.patient()
    scene.sandbox.fault("dmp", "busy", count=3)
    first = scene.send(patient, deliver=ONLY_DMP)
    second = scene.send(patient, deliver=ONLY_DMP, document=described(first["document_unique_id"]))
    assert [states(scene.end(one)) for one in (first, second)] == [["delivered"], ["delivered"]]
    assert (status(scene, first), status(scene, second)) == ([("Deprecated", 1)], [("Approved", 1)])


def test_dmp26_a_lost_answer_to_a_replacement_leaves_one_copy(scene: Scene) -> None:
    patient = scene.patient()
    first = scene.sent(patient, deliver=ONLY_DMP)
    scene.sandbox.fault("dmp", "lost_answer", path="repository")
    second = scene.sent(patient, deliver=ONLY_DMP, document=described(first["document_unique_id"]))
    assert states(second) == ["delivered"]
    assert (status(scene, first), status(scene, second)) == ([("Deprecated", 1)], [("Approved", 1)])


def test_replacing_a_document_the_dmp_never_had_is_held(scene: Scene) -> None:
    patient = scene.patient()
    end = scene.sent(patient, deliver=ONLY_DMP, document=described("2.25.123456789"))
    assert (states(end), codes(end)) == (["held"], ["replaced-not-delivered"])
    assert "repository" not in [one.service for one in dmp_calls(scene.sandbox, patient["ins"]["matricule"])]


def test_replacing_a_document_that_waits_is_held_until_that_one_has_left(scene: Scene) -> None:
    patient = scene.patient("none")
    first = scene.sent(patient, deliver=ONLY_DMP)
    assert codes(first) == ["no-dmp"]
    scene.tell(patient, "active")
    second = scene.sent(patient, deliver=ONLY_DMP, document=described(first["document_unique_id"]))
    assert codes(second) == ["replaced-not-delivered"]
    for one in (first, second):
        assert scene.station.post(f"/deliveries/{one['deliveries'][0]['id']}/retry").status_code == 200
        assert states(scene.end(one)) == ["delivered"]
    assert (status(scene, first), status(scene, second)) == ([("Deprecated", 1)], [("Approved", 1)])


@pytest.mark.parametrize("fault", ["renew_uuids", "unresolved_reference"])
def test_references_that_change_in_the_dmp_are_read_again(scene: Scene, fault: str) -> None:
    patient = scene.patient()
    first = scene.sent(patient, deliver=ONLY_DMP)
    scene.sandbox.fault("dmp", fault)
    second = scene.sent(patient, deliver=ONLY_DMP, document=described(first["document_unique_id"]))
    assert (status(scene, first), status(scene, second)) == ([("Deprecated", 1)], [("Approved", 1)])


def test_replacing_what_was_already_replaced_is_held(scene: Scene) -> None:
    patient = scene.patient()
    first = scene.sent(patient, deliver=ONLY_DMP)
    second = scene.sent(patient, deliver=ONLY_DMP, document=described(first["document_unique_id"]))
    assert states(second) == ["delivered"]
    third = scene.sent(patient, deliver=ONLY_DMP, document=described(first["document_unique_id"]))
    assert (states(third), codes(third)) == (["held"], ["dmp-target-not-current"])


def test_the_mail_of_a_replacement_says_so(scene: Scene) -> None:
    patient = scene.patient()
    first = scene.sent(patient, deliver=TO_DOCTOR)
    second = scene.sent(patient, deliver=TO_DOCTOR, document=described(first["document_unique_id"]))
    assert (states(first), states(second)) == (["delivered"], ["delivered"])
    mine = [one for one in mails(scene.sandbox, DOCTOR) if patient["birth_family_name"] in str(one.message["Subject"])]
    assert ["[Annule et remplace]" in str(one.message["Subject"]) for one in mine] == [False, True]
