"""Several structures in one box: what goes wrong with one certificate stops one lane, and order is kept for each patient."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.trust.keystore import KeyStore
from gateway.trust.roles import Role
from gateway.trust.vault import open_vault
from tests.end_to_end.scene import ONLY_DMP, ORDONNANCE, TO_DOCTOR, Scene, eventually, played
from tests.rig.caller import codes, states

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("e2e-dmp-structures")]

PORT, PHARE, DUNES = "10B0152872", "10B0152880", "10B0152898"
MANY = 500


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with played(tmp_path, f"{PORT}:CABINET DU PORT", f"{PHARE}:CABINET DU PHARE", f"{DUNES}:CABINET DES DUNES") as one:
        yield one


def trouble_of(scene: Scene, lane: str) -> dict[str, Any] | None:
    found = [one for one in scene.station.get("/status").json()["upstreams"] if one["lane"] == lane]
    return found[0]["trouble"] if found else None


def enrolled_again(scene: Scene, structure: str) -> None:
    answer = scene.sandbox.control("/enrol", {"structure": structure, "organisation": "CABINET DU PHARE"})
    keys = KeyStore(scene.gateway.home, open_vault(scene.gateway.home))
    anchors = (scene.gateway.home / "anchors.pem").read_bytes()
    for role in (Role.AUTH_CLI, Role.SIGN):
        packed = answer[role]
        keys.import_pkcs12(structure, role, base64.b64decode(packed["p12"]), packed["passphrase"], environment="test", anchors=anchors)


@pytest.mark.parametrize(
    ("role", "dmp", "mail"), [("auth_cli", "tls-refused", "operator-tls-refused"), ("sign", "dmp-certificate-refused", None)]
)
def test_dmp35_a_revoked_certificate_stops_its_structure_and_loses_nothing(scene: Scene, role: str, dmp: str, mail: str | None) -> None:
    scene.sandbox.control("/certificates", {"action": "revoke", "structure": PHARE, "role": role})
    asked = ONLY_DMP | TO_DOCTOR
    stuck = [scene.send(structure=PHARE, deliver=asked) for _document in range(4)]
    others = [scene.sent(structure=PORT, deliver=asked) for _document in range(4)]
    assert {tuple(states(one)) for one in others} == {("delivered", "delivered")}
    eventually(lambda: trouble_of(scene, f"{PHARE}/dmp"))
    trouble = trouble_of(scene, f"{PHARE}/dmp")
    assert trouble is not None
    assert trouble["code"] == dmp
    assert trouble["what"]
    assert trouble["gesture"]
    assert trouble_of(scene, f"{PORT}/dmp") is None
    seen = [scene.read(one) for one in stuck]
    assert {states(one)[0] for one in seen} <= {"queued", "running"}
    assert dmp in [codes(one)[0] for one in seen]
    if mail is not None:
        eventually(lambda: mail in [codes(scene.read(one))[1] for one in stuck])
    assert not any(scene.held_in_dmp(one) for one in stuck)

    enrolled_again(scene, PHARE)
    scene.restart()
    ends = [scene.end(one) for one in stuck]
    assert {tuple(states(one)) for one in ends} == {("delivered", "delivered")}
    assert [one["times_committed"] for end in ends for one in scene.held_in_dmp(end)] == [1] * 4
    assert trouble_of(scene, f"{PHARE}/dmp") is None


def test_dmp35_a_certificate_revoked_for_a_time_stops_the_lane_for_that_time(scene: Scene) -> None:
    scene.sandbox.fault("dmp", "invalid_certificate", count=0)
    stuck = [scene.send(structure=PHARE, deliver=ONLY_DMP) for _document in range(3)]
    eventually(lambda: trouble_of(scene, f"{PHARE}/dmp"))
    scene.sandbox.control("/reset", {})
    assert {tuple(states(scene.end(one))) for one in stuck} == {("delivered",)}


@pytest.mark.parametrize("role", ["sign", "auth_cli"])
def test_mss07_a_key_that_is_missing_stops_its_lanes_and_no_other(scene: Scene, role: str) -> None:
    sealed = scene.gateway.home / "keys" / PHARE / f"{role}.sealed"
    away = sealed.rename(scene.gateway.home / "away")
    scene.restart()
    stuck = scene.send(structure=PHARE, deliver=ONLY_DMP | TO_DOCTOR)
    other = scene.sent(structure=PORT, deliver=ONLY_DMP | TO_DOCTOR)
    assert states(other) == ["delivered", "delivered"]
    eventually(lambda: codes(scene.read(stuck))[0] == "key-unavailable")
    if role == "sign":
        eventually(lambda: states(scene.read(stuck))[1] == "delivered")
    else:
        eventually(lambda: codes(scene.read(stuck))[1] == "key-unavailable")
    away.rename(sealed)
    scene.restart()
    assert states(scene.end(stuck)) == ["delivered", "delivered"]


def ordered(scene: Scene, per_structure: int) -> None:
    """Documents of four patients in three structures, each third one replacing the one before it."""
    structures = [PORT, PHARE, DUNES]
    patients = [scene.patient() for _patient in range(4)]
    last: dict[tuple[str, str], str] = {}
    sent: dict[tuple[str, str], list[str]] = {}
    everything = []
    scene.sandbox.fault("dmp", "busy", count=per_structure // 4)
    for number in range(per_structure):
        patient = patients[number % 4]
        for structure in structures:
            place = structure, patient["local_id"]
            described: dict[str, Any] = {"type": "57833-6", "title": "Ordonnance", "created_at": "2026-11-22T09:30:00+01:00"}
            if number % 3 == 2 and place in last:
                described["replaces"] = last[place]
            receipt = scene.send(patient, ORDONNANCE, structure=structure, document=described, deliver=ONLY_DMP)
            last[place] = receipt["document_unique_id"]
            sent.setdefault(place, []).append(receipt["document_unique_id"])
            everything.append(receipt)
    ends = [scene.station.end_of(one["id"], 600) for one in everything]
    assert {tuple(states(one)) for one in ends} == {("delivered",)}, [codes(one) for one in ends if states(one) != ["delivered"]]
    ledger = [one["unique_id"] for one in scene.sandbox.control("/ledger/dmp")]
    for place, wanted in sent.items():
        assert [one for one in ledger if one in set(wanted)] == wanted, place
    assert {one["times_committed"] for one in scene.sandbox.control("/ledger/dmp")} == {1}


def test_dmp36_order_is_kept_for_each_patient(scene: Scene) -> None:
    ordered(scene, 20)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_dmp36_order_is_kept_over_a_day_of_documents(scene: Scene) -> None:
    ordered(scene, MANY)
