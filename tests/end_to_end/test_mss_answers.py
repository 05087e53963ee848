"""What the operator may answer, at each step, and what becomes of each recipient."""

from __future__ import annotations

import io
from typing import Any

import pikepdf
import pytest

from tests.end_to_end.captures import audit_lines, mails
from tests.end_to_end.scene import DOCTOR, ONLY_DMP, ORDONNANCE, OTHER_DOCTOR, TO_DOCTOR, TO_PATIENT, Scene, eventually
from tests.rig.caller import codes, states

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("e2e-mss-answers")]

THIRD_DOCTOR = "dr.petit@medecin.sandbox.mssante.fr"


def ledger(scene: Scene, patient: dict[str, Any]) -> list[dict[str, Any]]:
    """Ledger lines of the mails about this patient."""
    about = patient["birth_family_name"]
    wanted = {str(one.message["Message-ID"]) for one in mails(scene.sandbox) if about in str(one.message["Subject"])}
    return [one for one in scene.sandbox.control("/ledger/mss") if one["message_id"] in wanted]


@pytest.mark.parametrize("phase", ["greeting", "ehlo", "mail", "rcpt", "data"])
@pytest.mark.parametrize("count", [1, 4])
def test_mss12_421_at_any_phase_puts_the_mail_off_and_loses_nothing(scene: Scene, phase: str, count: int) -> None:
    if phase in ("greeting", "ehlo"):
        scene.restart()
    patient = scene.patient()
    scene.sandbox.fault("mss", f"421_{phase}", count=count)
    end = scene.sent(patient, deliver=TO_DOCTOR)
    assert (states(end), codes(end)) == (["delivered"], [None])
    assert [one["times_received"] for one in ledger(scene, patient)] == [1]


def test_mss12_while_the_operator_is_away_the_reason_is_told(scene: Scene) -> None:
    scene.sandbox.fault("mss", "421_mail", count=0)
    receipt = scene.send(deliver=TO_DOCTOR)
    eventually(lambda: codes(scene.read(receipt)) == ["operator-unavailable"])
    assert scene.read(receipt)["deliveries"][0]["next_attempt_at"] is not None
    scene.sandbox.control("/reset", {})
    assert states(scene.end(receipt)) == ["delivered"]


def test_mss13_each_recipient_has_its_own_end(scene: Scene) -> None:
    patient = scene.patient()
    unknown = "inconnu.partout@medecin.sandbox.mssante.fr"
    receipt = scene.send(patient, deliver={"professionals": [DOCTOR, unknown, OTHER_DOCTOR]} | TO_PATIENT)
    end = scene.end(receipt)
    assert [one["recipient"] for one in end["deliveries"]] == [
        f"{patient['ins']['matricule']}@patient.sandbox.mssante.fr", DOCTOR, unknown, OTHER_DOCTOR,
    ]  # fmt: skip
    assert states(end) == ["delivered", "delivered", "refused", "delivered"]
    assert codes(end) == [None, None, "mail-recipient-refused", None]
    assert end["state"] == "attention"
    assert len({one["message_id"] for one in ledger(scene, patient)}) == 3, "one message for each recipient"


def test_mss13_a_recipient_put_off_keeps_nobody_waiting(scene: Scene) -> None:
    patient = scene.patient()
    scene.sandbox.fault("mss", "451_rcpt", count=1)
    scene.sandbox.fault("mss", "550_rcpt", count=1)
    end = scene.sent(patient, deliver={"professionals": [DOCTOR, OTHER_DOCTOR, THIRD_DOCTOR]})
    assert sorted(states(end)) == ["delivered", "delivered", "refused"]
    assert sorted(one["attempts"] for one in end["deliveries"]) == [1, 1, 2]


def test_mss13_a_citizen_s_mailbox_that_is_closed_is_told_as_such(scene: Scene) -> None:
    end = scene.sent(scene.patient("none"), deliver=TO_PATIENT)
    assert (states(end), codes(end)) == (["refused"], ["patient-mailbox-refused"])


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("552_mail", "mail-too-large"),
        ("552_data", "mail-too-large"),
        ("554_data", "mail-refused"),
        ("550_rcpt", "mail-recipient-refused"),
    ],
)
def test_mss14_a_refusal_for_good_ends_there_and_a_retry_by_hand_may_follow(scene: Scene, fault: str, code: str) -> None:
    patient = scene.patient()
    scene.sandbox.fault("mss", fault)
    end = scene.sent(patient, deliver=TO_DOCTOR)
    assert (states(end), codes(end), end["state"]) == (["refused"], [code], "attention")
    assert ledger(scene, patient) == []
    assert scene.station.post(f"/deliveries/{end['deliveries'][0]['id']}/retry").status_code == 200
    assert states(scene.end(end)) == ["delivered"]


def test_mss26_a_document_over_the_announced_size_goes_to_the_dmp_and_not_by_mail(scene: Scene) -> None:
    with pikepdf.open(io.BytesIO(ORDONNANCE)) as pdf:
        noise = b"".join(b"%% %0200d\n" % number for number in range(38_000))
        pdf.pages[0].contents_add(pdf.make_stream(noise))
        heavy = io.BytesIO()
        pdf.save(heavy, compress_streams=False)
    end = scene.sent(file=heavy.getvalue(), deliver=ONLY_DMP | TO_DOCTOR)
    assert (states(end), codes(end)) == (["delivered", "refused"], [None, "mail-too-large"])


def test_mss15_put_off_after_the_content_then_taken_the_same_bytes(scene: Scene) -> None:
    patient = scene.patient()
    scene.sandbox.fault("mss", "451_data", count=2)
    end = scene.sent(patient, deliver=TO_DOCTOR)
    assert (states(end), end["deliveries"][0]["attempts"]) == (["delivered"], 3)
    seen = [one for one in mails(scene.sandbox, DOCTOR) if patient["birth_family_name"] in str(one.message["Subject"])]
    assert len(seen) == 3
    assert len({one.raw for one in seen}) == 1
    assert [one["times_received"] for one in ledger(scene, patient)] == [1]


@pytest.mark.parametrize("fault", ["cut_after_final_dot", "lost_answer", "garbage"])
def test_mss16_cut_after_the_final_dot_makes_one_logical_mail(scene: Scene, fault: str) -> None:
    patient = scene.patient()
    scene.sandbox.fault("mss", fault)
    end = scene.sent(patient, deliver=TO_DOCTOR)
    assert states(end) == ["delivered"]
    [line] = ledger(scene, patient)
    assert line["times_received"] == 2, "a duplicate is better than a loss; the receiver knows it by its Message-ID and its bytes"
    lines = audit_lines(scene.station.get(f"/documents/{end['id']}/proof").content)
    assert [one["answer"] for one in lines if one["act"] == "delivery.failed"] == ["mail-outcome-unknown"]


@pytest.mark.parametrize("fault", ["cut_before_commit", "reset_mid_body"])
def test_mss16_cut_before_the_mail_was_kept_sends_it_again(scene: Scene, fault: str) -> None:
    patient = scene.patient()
    scene.sandbox.fault("mss", fault)
    end = scene.sent(patient, deliver=TO_DOCTOR)
    assert states(end) == ["delivered"]
    assert [one["times_received"] for one in ledger(scene, patient)] == [1]
