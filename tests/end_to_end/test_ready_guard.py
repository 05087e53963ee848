"""A ready CDA sent through the LAN API: the guard against another patient's document, and what a workstation asserts of its identity."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from gateway.kernel.ids import new_oid
from tests.end_to_end.scene import ONLY_DMP, Scene
from tests.rig.caller import codes, states

pytestmark = pytest.mark.xdist_group("e2e-ready-guard")


def another(scene: Scene, patient: dict[str, Any]) -> bytes:
    """A CDA of this patient that the box has never seen: one of its own under a new uniqueId."""
    end = scene.sent(patient, deliver=ONLY_DMP)
    return scene.station.get(f"/documents/{end['id']}/cda").content.replace(end["document_unique_id"].encode(), new_oid().encode())


def submitted(scene: Scene, cda: bytes, **members: Any) -> httpx.Response:
    return scene.station.send(cda, {"deliver": ONLY_DMP} | members, media="application/xml")


def test_the_cda_of_another_patient_is_refused_and_nothing_is_kept(scene: Scene) -> None:
    cda, other = another(scene, scene.patient()), scene.patient()
    refusal = submitted(scene, cda, patient=other)
    assert (refusal.status_code, refusal.json()["code"]) == (422, "request-contradicts-cda")
    assert refusal.json()["field"].startswith("patient.")


def test_a_request_that_repeats_the_cda_is_accepted_and_delivered(scene: Scene) -> None:
    patient = scene.patient()
    answer = submitted(scene, another(scene, patient), patient=patient)
    assert answer.status_code == 202, answer.text
    assert states(scene.end(answer.json())) == ["delivered"]


def test_a_patient_known_as_less_than_qualified_holds_a_ready_cda(scene: Scene) -> None:
    patient = scene.patient()
    cda = another(scene, patient)
    scene.sent(patient | {"identity_status": "PROV"}, deliver=ONLY_DMP)
    answer = submitted(scene, cda)
    assert answer.status_code == 202, answer.text
    held = scene.end(answer.json())
    assert (states(held), codes(held)) == (["held"], ["identity-not-qualified"])
    scene.sent(patient, deliver=ONLY_DMP)
    end = scene.end(held)
    assert (states(end), end["document_unique_id"]) == (["delivered"], held["document_unique_id"])


@pytest.mark.parametrize("when", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "0900-01-01T00:00:00+01:00"])
def test_a_date_out_of_range_is_refused_with_its_field(scene: Scene, when: str) -> None:
    document = {"type": "57833-6", "title": "Ordonnance", "created_at": when}
    refusal = scene.station.send(
        b"%PDF-1.4", {"author": {"id": "899700366240"}, "patient": scene.patient(), "document": document} | {"deliver": ONLY_DMP}
    )
    assert (refusal.status_code, refusal.json()["code"], refusal.json()["field"]) == (422, "request-invalid", "document.created_at")
