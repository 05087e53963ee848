"""Nothing leaves for the DMP or for a patient's mailbox without a qualified identity (design, rule 1)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.end_to_end.captures import audit_lines, dmp_calls, mails
from tests.end_to_end.scene import DOCTOR, ONLY_DMP, TO_DOCTOR, TO_PATIENT, Scene
from tests.rig.caller import codes, states

pytestmark = pytest.mark.xdist_group("e2e-identity")

EVERYWHERE = ONLY_DMP | TO_PATIENT | TO_DOCTOR
HELD = "identity-not-qualified"


@pytest.fixture(autouse=True)
def nobody_asks_insi(scene: Scene) -> None:
    """INSi silent: an identity here is qualified by the cabinet alone, never found meanwhile."""
    scene.sandbox.fault("insi", "down", 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"identity_status": "PROV"},
        {"identity_status": "RECUP"},
        {"identity_status": "VALI"},
        {"identity_status": "PROV", "ins": None},
        {"identity_status": None, "ins": None},
    ],
)
def test_without_a_qualified_identity_only_the_colleague_gets_the_document(scene: Scene, changes: dict[str, Any]) -> None:
    known = scene.patient()
    patient = known | changes
    end = scene.sent(patient, deliver=EVERYWHERE)
    assert (states(end), codes(end)) == (["held", "held", "delivered"], [HELD, HELD, None])
    assert end["state"] == "attention"
    explanation = end["deliveries"][0]["explanation"]
    assert explanation["who"] == "le secrétariat"
    [mail] = [one for one in mails(scene.sandbox, DOCTOR) if patient["birth_family_name"] in str(one.message["Subject"])]
    assert (mail.message["X-MSS-INS"], mail.note["failed_rules"]) == ("N", [])
    matricule = known["ins"]["matricule"]
    assert dmp_calls(scene.sandbox, matricule) == []
    assert [one for one in mails(scene.sandbox) if matricule in "".join(one.recipients)] == []
    assert all(matricule.encode() not in part for part in mail.archive().values())
    for held in end["deliveries"][:2]:
        for gesture in ("release", "retry"):
            answer = scene.station.post(f"/deliveries/{held['id']}/{gesture}")
            assert (answer.status_code, answer.json()["code"]) == (409, HELD)
    assert states(scene.read(end)) == ["held", "held", "delivered"]
    assert dmp_calls(scene.sandbox, matricule) == []


def test_a_held_document_may_be_cancelled_and_sent_again_qualified(scene: Scene) -> None:
    patient = scene.patient()
    held = scene.sent(patient | {"identity_status": "VALI"}, deliver=ONLY_DMP)
    assert codes(held) == [HELD]
    assert scene.station.post(f"/documents/{held['id']}/cancel").json()["state"] == "cancelled"
    assert states(scene.sent(patient, deliver=ONLY_DMP)) == ["delivered"]


def test_a_patient_already_known_needs_only_the_local_id(scene: Scene) -> None:
    patient = scene.patient()
    scene.sent(patient, deliver=ONLY_DMP)
    assert states(scene.sent({"local_id": patient["local_id"]}, deliver=ONLY_DMP)) == ["delivered"]
    assert len([one for one in dmp_calls(scene.sandbox, patient["ins"]["matricule"]) if one.service == "repository"]) == 2


def test_the_status_asserted_last_is_the_one_that_counts(scene: Scene) -> None:
    patient = scene.patient()
    assert states(scene.sent(patient, deliver=ONLY_DMP)) == ["delivered"]
    scene.sent(patient | {"identity_status": "PROV"}, deliver=TO_DOCTOR)
    end = scene.sent({"local_id": patient["local_id"]}, deliver=ONLY_DMP)
    assert (states(end), codes(end)) == (["held"], [HELD])


def test_the_asserted_status_is_in_the_audit_trail(scene: Scene) -> None:
    end = scene.sent(scene.patient(identity_status="VALI"), deliver=TO_DOCTOR)
    first, *_others = audit_lines(scene.station.get(f"/documents/{end['id']}/proof").content)
    assert (first["act"], first["detail"]["identity_asserted"]) == ("document.accepted", "VALI")
