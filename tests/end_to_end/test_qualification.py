"""An identity qualified after the document was accepted: what was held leaves by itself, as the page promises."""

from __future__ import annotations

import pytest

from tests.end_to_end.captures import audit_lines
from tests.end_to_end.scene import ONLY_DMP, TO_DOCTOR, TO_PATIENT, Scene
from tests.rig.caller import codes, states

pytestmark = pytest.mark.xdist_group("e2e-qualification")


@pytest.fixture(autouse=True)
def nobody_asks_insi(scene: Scene) -> None:
    """INSi silent: an identity here is qualified by the cabinet alone, never found meanwhile."""
    scene.sandbox.fault("insi", "down", 0)


def test_what_was_held_for_its_identity_leaves_once_it_is_qualified(scene: Scene) -> None:
    patient = scene.patient()
    held = scene.sent(patient | {"identity_status": "VALI"}, deliver=ONLY_DMP | TO_PATIENT)
    assert (states(held), set(codes(held))) == (["held", "held"], {"identity-not-qualified"})
    scene.sent(patient, deliver=ONLY_DMP)
    end = scene.end(held)
    assert (states(end), end["state"]) == (["delivered", "delivered"], "done")
    assert end["document_unique_id"] == held["document_unique_id"]
    [line] = scene.held_in_dmp(end)
    assert (line["status"], line["times_committed"]) == ("Approved", 1)
    acts = [one["act"] for one in audit_lines(scene.station.get(f"/documents/{held['id']}/proof").content)]
    assert acts.count("identity.qualified") == 1


def test_a_document_already_mailed_without_ins_reaches_the_dmp_as_a_new_edition(scene: Scene) -> None:
    patient = scene.patient()
    held = scene.sent(patient | {"identity_status": "PROV"}, deliver=ONLY_DMP | TO_DOCTOR)
    assert states(held) == ["held", "delivered"]
    mailed = scene.station.get(f"/documents/{held['id']}/cda").text
    assert patient["ins"]["matricule"] not in mailed
    scene.sent(patient, deliver=ONLY_DMP)
    end = scene.end(held)
    assert states(end) == ["delivered", "delivered"]
    assert end["document_unique_id"] != held["document_unique_id"]
    [line] = scene.held_in_dmp(end)
    assert (line["status"], line["times_committed"]) == ("Approved", 1)
    fed = scene.station.get(f"/documents/{held['id']}/cda").text
    assert patient["ins"]["matricule"] in fed
    assert '<versionNumber value="2"></versionNumber>' in fed
    assert "RPLC" not in fed


def test_another_person_under_the_same_local_id_releases_nothing(scene: Scene) -> None:
    patient = scene.patient()
    held = scene.sent(patient | {"identity_status": "VALI"}, deliver=ONLY_DMP)
    other = scene.patient(local_id=patient["local_id"], birth_date="1980-01-02")
    scene.sent(other, deliver=ONLY_DMP)
    end = scene.read(held)
    assert (states(end), codes(end)) == (["held"], ["identity-differs"])
    assert scene.held_in_dmp(held) == []
