"""Which patients have a DMP: asked once a day, and nothing is sent where there is none."""

from __future__ import annotations

import pytest

from gateway.dmp.client import DmpClient
from gateway.kernel.clock import SystemClock
from gateway.kernel.config import read_configuration
from gateway.kernel.home import Home
from gateway.model.patient import Ins
from gateway.remotes import Remotes
from gateway.trust.keystore import KeyStore
from gateway.trust.secret_file import HOMOLOGATION, read_secret
from gateway.trust.vault import open_vault
from tests.end_to_end.captures import dmp_calls
from tests.end_to_end.scene import ONLY_DMP, STRUCTURE, TO_DOCTOR, Scene
from tests.rig.caller import codes, states
from tests.rig.processes import Gateway

pytestmark = pytest.mark.xdist_group("e2e-dmp-patients")


def services(scene: Scene, patient: dict[str, dict[str, str]]) -> list[str]:
    return [one.service for one in dmp_calls(scene.sandbox, patient["ins"]["matricule"])]


def remotes_of(gateway: Gateway) -> Remotes:
    home = Home(gateway.home)
    vault = open_vault(home.root)
    homologation = read_secret(home.root, vault, HOMOLOGATION)
    return Remotes(
        read_configuration(home.configuration), KeyStore(home.root, vault), home.anchors.read_bytes(), SystemClock(), homologation
    )


async def test_dmp01_an_accepted_document_is_in_the_dmp_and_found_by_reference(scene: Scene) -> None:
    patient = scene.patient()
    end = scene.sent(patient, deliver=ONLY_DMP)
    assert (end["state"], states(end), end["deliveries"][0]["attempts"]) == ("done", ["delivered"], 1)
    assert [one["kind"] for one in end["deliveries"][0]["receipts"]] == ["handed_over"]
    assert services(scene, patient) == ["patients", "repository"]
    assert [one.note["failed_rules"] for one in dmp_calls(scene.sandbox, patient["ins"]["matricule"])] == [[], []]
    [held] = scene.held_in_dmp(end)
    assert (held["status"], held["times_committed"]) == ("Approved", 1)

    remotes = remotes_of(scene.gateway)
    client: DmpClient = remotes.dmp(STRUCTURE)
    try:
        structure = read_configuration(scene.gateway.home / "relais.toml").structures[0]
        found = await client.find(end["document_unique_id"], Ins(**patient["ins"]), structure.professionals[0])
    finally:
        await remotes.close()
    assert len(found) == 1


@pytest.mark.parametrize("dmp", [None, "none"])
def test_dmp16_without_a_dmp_nothing_is_sent_and_the_document_waits(scene: Scene, dmp: str | None) -> None:
    patient = scene.patient(dmp)
    end = scene.sent(patient, deliver=ONLY_DMP | TO_DOCTOR)
    assert (states(end), codes(end)) == (["held", "delivered"], ["no-dmp", None])
    assert end["state"] == "attention"
    assert services(scene, patient) == ["patients"]
    assert scene.held_in_dmp(end) == []


def test_dmp17_a_closed_dmp_holds_the_document(scene: Scene) -> None:
    patient = scene.patient("closed")
    end = scene.sent(patient, deliver=ONLY_DMP)
    assert (states(end), codes(end)) == (["held"], ["dmp-closed"])
    assert services(scene, patient) == ["patients"]


def test_the_existence_of_a_dmp_is_asked_once_a_day(scene: Scene) -> None:
    patient = scene.patient()
    for _document in range(3):
        assert states(scene.sent(patient, deliver=ONLY_DMP)) == ["delivered"]
    assert services(scene, patient) == ["patients", "repository", "repository", "repository"]


@pytest.mark.parametrize("before", ["none", "closed"])
def test_dmp16_a_document_held_for_want_of_a_dmp_leaves_once_there_is_one(scene: Scene, before: str) -> None:
    patient = scene.patient(before)
    held = scene.sent(patient, deliver=ONLY_DMP)
    scene.tell(patient, "active")
    answer = scene.station.post(f"/deliveries/{held['deliveries'][0]['id']}/retry")
    assert answer.status_code == 200, answer.text
    assert states(scene.end(held)) == ["delivered"]
    assert services(scene, patient) == ["patients", "patients", "repository"]


def test_a_dmp_closed_since_yesterday_s_answer_is_told_as_such(scene: Scene) -> None:
    patient = scene.patient()
    assert states(scene.sent(patient, deliver=ONLY_DMP)) == ["delivered"]
    scene.tell(patient, "closed")
    end = scene.sent(patient, deliver=ONLY_DMP)
    assert (states(end), codes(end)) == (["held"], ["dmp-closed"])
    assert services(scene, patient) == ["patients", "repository", "repository", "patients"]
    after = scene.sent(patient, deliver=ONLY_DMP)
    assert codes(after) == ["dmp-closed"]
    assert services(scene, patient)[4:] == ["patients"], "what the cache said was known to be wrong"
