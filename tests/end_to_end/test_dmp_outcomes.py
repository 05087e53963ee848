"""Answers that come late, wrong or not at all: one copy in the DMP, whatever happens."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.captures import Call, dmp_calls
from tests.end_to_end.scene import ONLY_DMP, Scene, eventually, played
from tests.rig.caller import Workstation, codes, states

pytestmark = pytest.mark.xdist_group("e2e-dmp-outcomes")


def calls(scene: Scene, patient: dict[str, Any]) -> list[Call]:
    return [one for one in dmp_calls(scene.sandbox, patient["ins"]["matricule"]) if one.service != "patients"]


def services(scene: Scene, patient: dict[str, Any]) -> list[str]:
    return [one.service for one in calls(scene, patient)]


def assert_one_copy(scene: Scene, end: dict[str, Any]) -> None:
    assert (states(end), codes(end), end["state"]) == (["delivered"], [None], "done")
    [held] = scene.held_in_dmp(end)
    assert (held["status"], held["times_committed"]) == ("Approved", 1)


@pytest.mark.parametrize("fault", ["lost_answer", "garbage"])
def test_dmp28_a_lost_answer_is_looked_up_and_nothing_is_sent_again(scene: Scene, fault: str) -> None:
    patient = scene.patient()
    scene.sandbox.fault("dmp", fault, path="repository")
    end = scene.sent(patient, deliver=ONLY_DMP)
    assert_one_copy(scene, end)
    assert services(scene, patient) == ["repository", "registry"]
    assert end["deliveries"][0]["attempts"] == 1


def test_dmp28_an_answer_cut_in_its_middle_is_looked_up(scene: Scene) -> None:
    patient = scene.patient()
    scene.sandbox.fault("dmp", "reset_mid_body", path="repository", of="answer")
    end = scene.sent(patient, deliver=ONLY_DMP)
    assert_one_copy(scene, end)
    assert services(scene, patient) == ["repository", "registry"]


@pytest.mark.parametrize(("fault", "options"), [("cut_before_commit", {}), ("garbage", {"commit": False})])
def test_dmp29_two_empty_probes_then_one_resend_of_the_same_lot(scene: Scene, fault: str, options: dict[str, Any]) -> None:
    patient = scene.patient()
    scene.sandbox.fault("dmp", fault, path="repository", **options)
    end = scene.sent(patient, deliver=ONLY_DMP)
    assert_one_copy(scene, end)
    assert services(scene, patient) == ["repository", "registry", "registry", "repository"]
    first, *_probes, last = calls(scene, patient)
    assert first.parts()[1:] == last.parts()[1:], "document and signature are frozen"
    assert first.assertion != last.assertion


def test_dmp29_a_request_cut_in_its_middle_is_sent_once_more(scene: Scene) -> None:
    patient = scene.patient()
    scene.sandbox.fault("dmp", "reset_mid_body", path="repository")
    end = scene.sent(patient, deliver=ONLY_DMP)
    assert_one_copy(scene, end)


def test_dmp29_a_probe_that_fails_never_ends_in_a_blind_resend(scene: Scene) -> None:
    patient = scene.patient()
    scene.sandbox.fault("dmp", "lost_answer", path="repository")
    scene.sandbox.fault("dmp", "unavailable", count=3, path="registry")
    end = scene.sent(patient, deliver=ONLY_DMP)
    assert_one_copy(scene, end)
    assert services(scene, patient).count("repository") == 1


@pytest.mark.parametrize("fault", ["busy", "registry_busy", "out_of_resources", "repository_error"])
def test_dmp31_three_times_busy_then_taken_with_a_fresh_token_each_time(scene: Scene, fault: str) -> None:
    patient = scene.patient()
    scene.sandbox.fault("dmp", fault, count=3)
    end = scene.sent(patient, deliver=ONLY_DMP)
    assert_one_copy(scene, end)
    made = calls(scene, patient)
    assert [one.service for one in made] == ["repository"] * 4
    assert len({one.assertion for one in made}) == 4
    assert len({tuple(one.parts()[1:]) for one in made}) == 1, "document and signature are frozen"
    assert end["deliveries"][0]["attempts"] == 4


def test_dmp31_an_absent_service_is_tried_again(scene: Scene) -> None:
    patient = scene.patient()
    scene.sandbox.fault("dmp", "unavailable", count=2)
    scene.sandbox.fault("dmp", "refuse_connection", count=1)
    assert_one_copy(scene, scene.sent(patient, deliver=ONLY_DMP))


@pytest.mark.parametrize(
    ("fault", "state", "code"),
    [
        ("ps_not_linked", "held", "dmp-author-not-linked"),
        ("no_specialty", "held", "dmp-specialty-missing"),
        ("rights", "held", "dmp-rights-refused"),
        ("garbage_fault", "held", "dmp-refused-unknown"),
        ("author_institution", "refused", "dmp-institution-mismatch"),
        ("partial", "held", "dmp-partial"),
    ],
)
def test_a_functional_refusal_is_told_and_its_retry_by_hand_leaves(scene: Scene, fault: str, state: str, code: str) -> None:
    patient = scene.patient()
    scene.sandbox.fault("dmp", fault)
    end = scene.sent(patient, deliver=ONLY_DMP)
    assert (states(end), codes(end), end["state"]) == ([state], [code], "attention")
    explanation = end["deliveries"][0]["explanation"]
    assert all(explanation[name] for name in ("who", "what", "gesture"))
    assert scene.held_in_dmp(end) == []
    assert scene.station.post(f"/deliveries/{end['deliveries'][0]['id']}/retry").status_code == 200
    assert_one_copy(scene, scene.end(end))


def restored(tmp_path: Path, *, fault: str, duplicate: str | None) -> tuple[dict[str, Any], list[Call]]:
    """A document delivered, then the box's disk of just before put back: the box does not know that it has sent it."""
    with played(tmp_path) as scene:
        patient = scene.patient()
        scene.sandbox.fault("dmp", fault, count=0)
        receipt = scene.send(patient, deliver=ONLY_DMP)
        gestures = f"/deliveries/{receipt['deliveries'][0]['id']}"
        eventually(lambda: scene.read(receipt)["deliveries"][0]["attempts"] > 0)
        eventually(lambda: scene.station.post(f"{gestures}/hold").status_code == 200)
        scene.station.close()
        scene.gateway.kill()
        saved = tmp_path / "saved"
        shutil.copytree(scene.gateway.home, saved)
        scene.sandbox.control("/reset", {})
        end = receipt
        for put_back in (False, True):
            if put_back:
                scene.station.close()
                scene.gateway.kill()
                shutil.rmtree(scene.gateway.home)
                saved.rename(scene.gateway.home)
                if duplicate is not None:
                    scene.sandbox.fault("dmp", duplicate, count=0)
            scene.gateway.start()
            scene.station = Workstation(scene.gateway)
            assert scene.station.post(f"{gestures}/release").status_code == 200
            end = scene.end(receipt)
        return end | {"ledger": scene.held_in_dmp(end)}, calls(scene, patient)


def test_dmp27_the_same_lot_sent_twice_is_refused_looked_up_and_found(tmp_path: Path) -> None:
    end, made = restored(tmp_path, fault="busy", duplicate=None)
    assert (states(end), [one["times_committed"] for one in end["ledger"]]) == (["delivered"], [1])
    assert [one.service for one in made[-2:]] == ["repository", "registry"]
    assert made[-2].note["failed_rules"] == ["dmp.duplicate.lot"]


def test_dmp27_the_same_document_in_another_lot_is_refused_looked_up_and_found(tmp_path: Path) -> None:
    end, made = restored(tmp_path, fault="unavailable", duplicate="duplicate_refused")
    assert (states(end), [one["times_committed"] for one in end["ledger"]]) == (["delivered"], [1])
    assert [one.service for one in made] == ["repository", "repository", "registry"]
    assert made[1].note["failed_rules"] == ["dmp.duplicate.document"]
    assert made[0].document() == made[1].document()
