"""Certificates change, end and are refused while documents leave: one structure's lane stops at most, nothing is lost nor sent twice."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.trust.keystore import KeyStore
from gateway.trust.roles import Role
from gateway.trust.slots import Slot
from gateway.trust.vault import open_vault
from tests.end_to_end.captures import Call, dmp_calls
from tests.end_to_end.scene import DOCTOR, ONLY_DMP, ORDONNANCE, TO_DOCTOR, Scene, eventually, played
from tests.rig.caller import Workstation, codes, request, states
from tests.tools import need_tool

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("e2e-certificate-life"), pytest.mark.timeout(300)]

PORT, PHARE = "10B0152872", "10B0152880"
EVERYWHERE = ONLY_DMP | TO_DOCTOR


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with played(tmp_path, f"{PORT}:CABINET DU PORT", f"{PHARE}:CABINET DU PHARE") as one:
        yield one


def put(scene: Scene, role: Role, slot: Slot, structure: str = PHARE, **order: Any) -> int:
    """A certificate issued by the sandbox, put on the disk of the box by another process; its serial number."""
    asked = {"action": "issue", "role": role.value, "structure": structure, "organisation": "CABINET DU PHARE", **order}
    packed = scene.sandbox.control("/certificates", asked)
    keys = KeyStore(scene.gateway.home, open_vault(scene.gateway.home))
    anchors = (scene.gateway.home / "anchors.pem").read_bytes()
    keys.import_pkcs12(
        structure, role, base64.b64decode(packed["p12"]), packed["passphrase"], environment="test", anchors=anchors, slot=slot
    )
    return int(packed["serial"], 16)


def act(scene: Scene, role: Role, verb: str, structure: str = PHARE) -> dict[str, Any]:
    answer = scene.station.post(f"/certificates/{structure}/{role.value}/{verb}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def standing(scene: Scene, role: Role, structure: str = PHARE) -> dict[str, Any]:
    items = scene.station.get("/certificates/successions").json()["items"]
    return next(one for one in items if (one["structure"], one["role"]) == (structure, role.value))


def shown_last(scene: Scene, structure: str) -> int:
    """Serial number of the last certificate that this structure showed to the DMP to do something, rehearsals left out; read by openssl."""
    for call in reversed(dmp_calls(scene.sandbox)):
        pem = call.note["client_certificate"]
        if pem and call.raw.startswith(b"POST") and f"OU={structure}" in subject_of(pem):
            return serial_of(pem)
    raise AssertionError("never seen")


def openssl(pem: str, what: str) -> str:
    done = subprocess.run([need_tool("openssl"), "x509", "-noout", what], input=pem, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def subject_of(pem: str) -> str:
    return openssl(pem, "-subject").replace(" = ", "=")


def serial_of(pem: str) -> int:
    return int(openssl(pem, "-serial").removeprefix("serial="), 16)


@contextmanager
def running_queue(scene: Scene) -> Iterator[list[dict[str, Any]]]:
    """Documents of both structures keep coming in until the block ends."""
    receipts: list[dict[str, Any]] = []
    stop = threading.Event()
    patients = [scene.patient() for _patient in range(6)]

    def feed() -> None:
        station = Workstation(scene.gateway)
        number = 0
        while not stop.is_set():
            described = request(patient=patients[number % 6], structure=(PORT, PHARE)[number % 2], deliver=EVERYWHERE)
            answer = station.send(ORDONNANCE, described, key=f"queue-{number}")
            assert answer.status_code == 202, answer.text
            receipts.append(answer.json())
            number += 1
            time.sleep(0.1)
        station.close()

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        yield receipts
    finally:
        stop.set()
        feeder.join()


def assert_each_arrived_once(scene: Scene, receipts: list[dict[str, Any]]) -> None:
    ends = [scene.end(one) for one in receipts]
    assert {tuple(states(one)) for one in ends} == {("delivered", "delivered")}, [codes(one) for one in ends]
    ledger = {one["unique_id"]: one for one in scene.sandbox.control("/ledger/dmp")}
    assert [ledger[one["document_unique_id"]]["times_committed"] for one in ends] == [1] * len(ends)
    mails = [one for one in scene.sandbox.control("/ledger/mss") if one["recipient"] == DOCTOR]
    assert len(mails) == len({one["message_id"] for one in mails}) == len(ends)
    assert {one["times_received"] for one in mails} == {1}


def events_of(scene: Scene, kind: str, count: int) -> list[dict[str, Any]]:
    """The first events of a kind since the box was made."""
    import httpx

    found: list[dict[str, Any]] = []
    trust = ssl.create_default_context(cafile=scene.gateway.facts["ca"])
    headers = {"Authorization": f"Bearer {scene.gateway.token}", "Last-Event-ID": "0"}
    with (
        httpx.Client(verify=trust, timeout=20) as client,
        client.stream("GET", f"{scene.gateway.facts['api']}/events", headers=headers) as told,
    ):
        seen = ""
        for line in told.iter_lines():
            if line.startswith("event: "):
                seen = line.removeprefix("event: ")
            elif line.startswith("data: ") and seen == kind:
                found.append(json.loads(line.removeprefix("data: ")))
                if len(found) == count:
                    return found
    return found


def test_a_renewal_is_rehearsed_switched_and_rolled_back_under_a_running_queue(scene: Scene) -> None:
    with running_queue(scene) as receipts:
        eventually(lambda: len(receipts) >= 6)
        new = put(scene, Role.AUTH_CLI, Slot.NEXT)
        tried = act(scene, Role.AUTH_CLI, "rehearse")
        assert tried["state"] == "rehearsed"
        assert [(one["service"], one["outcome"]) for one in tried["rehearsal"]] == [("chain", "good"), ("dmp", "good"), ("mss", "good")]
        assert shown_last(scene, PHARE) != new

        assert act(scene, Role.AUTH_CLI, "switch")["state"] == "watched"
        eventually(lambda: shown_last(scene, PHARE) == new)
        assert scene.gateway.process is not None
        assert scene.gateway.process.poll() is None

        scene.sandbox.control("/certificates", {"action": "revoke", "serial": f"{new:x}"})
        eventually(lambda: standing(scene, Role.AUTH_CLI)["state"] == "returned")
        came_back = standing(scene, Role.AUTH_CLI)
        assert came_back["explanation"]["code"] in ("tls-refused", "dmp-certificate-refused", "operator-tls-refused")
        mark = len(receipts)
        eventually(lambda: len(receipts) >= mark + 4)
        eventually(lambda: shown_last(scene, PHARE) != new)
    assert_each_arrived_once(scene, receipts)
    changes = events_of(scene, "certificate.changed", 6)
    assert {(one["structure"], one["role"]) for one in changes} == {(PHARE, "auth_cli")}
    status = scene.station.get("/status").json()
    assert all(one["answering"] for one in status["upstreams"]), status


def test_a_certificate_refused_at_its_rehearsal_never_serves(scene: Scene) -> None:
    refused = put(scene, Role.AUTH_CLI, Slot.NEXT)
    scene.sandbox.control("/certificates", {"action": "revoke", "serial": f"{refused:x}"})
    tried = act(scene, Role.AUTH_CLI, "rehearse")
    assert tried["state"] == "refused"
    outcomes = {one["service"]: one["outcome"] for one in tried["rehearsal"]}
    assert outcomes["dmp"] == outcomes["mss"] == "refused", str(tried["rehearsal"])
    assert tried["explanation"]["gesture"]
    answer = scene.station.post(f"/certificates/{PHARE}/auth_cli/switch")
    assert (answer.status_code, answer.json()["code"]) == (409, "certificate-not-rehearsed")
    assert states(scene.sent(structure=PHARE, deliver=EVERYWHERE)) == ["delivered", "delivered"]


def test_an_outage_during_the_rehearsal_or_in_the_first_hour_accuses_nobody(scene: Scene) -> None:
    new = put(scene, Role.AUTH_CLI, Slot.NEXT)
    scene.sandbox.fault("dmp", "unavailable", count=0)
    tried = act(scene, Role.AUTH_CLI, "rehearse")
    assert tried["state"] == "waiting"
    assert {one["service"]: one["outcome"] for one in tried["rehearsal"]}["dmp"] == "unreachable"
    scene.sandbox.control("/reset", {})
    act(scene, Role.AUTH_CLI, "rehearse")
    act(scene, Role.AUTH_CLI, "switch")
    scene.sandbox.fault("dmp", "certificate_expired", count=0)
    stuck = scene.send(structure=PHARE, deliver=ONLY_DMP)
    eventually(lambda: codes(scene.read(stuck))[0] == "tls-refused")
    assert standing(scene, Role.AUTH_CLI)["state"] == "watched", "it is the service's own certificate that is over"
    scene.sandbox.control("/reset", {})
    assert states(scene.end(stuck)) == ["delivered"]
    assert shown_last(scene, PHARE) == new


@pytest.mark.parametrize("role", [Role.AUTH_CLI, Role.SIGN])
def test_a_certificate_that_ends_in_mid_queue_stops_its_structure_and_loses_nothing(scene: Scene, role: Role) -> None:
    life = 6 + int(5 * scene.gateway.took)
    put(scene, role, Slot.CURRENT, valid_seconds=life)
    ends = time.monotonic() + life
    scene.restart()
    assert states(scene.sent(structure=PHARE, deliver=EVERYWHERE)) == ["delivered", "delivered"], "it serves until its end"
    scene.sandbox.fault("dmp", "unavailable", count=0)
    queued = [scene.send(structure=structure, deliver=EVERYWHERE) for structure in (PORT, PHARE) * 4]
    eventually(lambda: time.monotonic() > ends + 1, 60)
    scene.sandbox.control("/reset", {})
    late = [scene.send(structure=structure, deliver=EVERYWHERE) for structure in (PORT, PHARE) * 2]
    others = [one for number, one in enumerate((*queued, *late)) if number % 2 == 0]
    assert {tuple(states(scene.end(one))) for one in others} == {("delivered", "delivered")}, "the other structure goes on"
    stuck = [one for number, one in enumerate((*queued, *late)) if number % 2 == 1]
    eventually(lambda: {codes(scene.read(one))[0] for one in stuck} == {"certificate-expired"})
    lanes = {one["lane"]: one for one in scene.station.get("/status").json()["upstreams"]}
    assert not lanes[f"{PHARE}/dmp"]["answering"]
    assert lanes[f"{PHARE}/dmp"]["trouble"]["gesture"]
    assert lanes[f"{PORT}/dmp"]["answering"]
    expiring = scene.station.get("/status").json()["expiring"]
    assert [(one["structure"], one["role"], one["level"]) for one in expiring] == [(PHARE, role.value, "error")]

    new = put(scene, role, Slot.NEXT)
    assert act(scene, role, "rehearse")["state"] == "watched", "waited for: it comes into use as soon as it is rehearsed"
    assert {tuple(states(scene.end(one))) for one in stuck} == {("delivered", "delivered")}
    ledger = {one["unique_id"]: one["times_committed"] for one in scene.sandbox.control("/ledger/dmp")}
    assert {ledger[one["document_unique_id"]] for one in (*queued, *late)} == {1}
    if role is Role.AUTH_CLI:
        assert shown_last(scene, PHARE) == new
    assert all(one["answering"] for one in scene.station.get("/status").json()["upstreams"])


@pytest.mark.parametrize("fault", ["lost_answer", "cut_before_commit"])
def test_what_is_in_doubt_when_the_key_changes_is_settled_with_the_bytes_frozen_before(scene: Scene, fault: str) -> None:
    patient = scene.patient()
    for role in (Role.SIGN, Role.AUTH_CLI):
        put(scene, role, Slot.NEXT)
        tried = act(scene, role, "rehearse")
        assert tried["state"] == "rehearsed", tried
    scene.sandbox.fault("dmp", fault, path="repository")
    scene.sandbox.fault("dmp", "unavailable", count=0, path="registry")
    doubtful = scene.send(patient, structure=PHARE, deliver=ONLY_DMP)
    eventually(lambda: states(scene.read(doubtful)) == ["unknown"])
    for role in (Role.SIGN, Role.AUTH_CLI):
        assert act(scene, role, "switch")["state"] == "watched"
    scene.sandbox.control("/reset", {})
    end = scene.end(doubtful)
    assert states(end) == ["delivered"]
    [held] = scene.held_in_dmp(end)
    assert held["times_committed"] == 1
    feeds = [one for one in dmp_calls(scene.sandbox, patient["ins"]["matricule"]) if one.service == "repository"]
    assert len(feeds) == (1 if fault == "lost_answer" else 2)
    assert len({tuple(one.parts()[1:]) for one in feeds}) == 1, "document and signature as they were frozen, under the former key"


def test_a_lot_signed_before_its_key_was_revoked_is_signed_anew_and_accuses_nobody(scene: Scene) -> None:
    patient = scene.patient()
    assert states(scene.sent(patient, structure=PHARE, deliver=ONLY_DMP)) == ["delivered"], "its DMP is known: a lot is sealed at once"
    scene.sandbox.fault("dmp", "unavailable", count=0, path="repository")
    sealed = [scene.send(patient, structure=PHARE, deliver=ONLY_DMP) for _document in range(2)]
    eventually(lambda: len(feeds_of(scene, sealed[0])) >= 1)
    scene.sandbox.control("/certificates", {"action": "revoke", "structure": PHARE, "role": "sign"})
    put(scene, Role.SIGN, Slot.NEXT)
    act(scene, Role.SIGN, "rehearse")
    assert act(scene, Role.SIGN, "switch")["state"] == "watched"
    scene.sandbox.control("/reset", {})
    assert [states(scene.end(one)) for one in sealed] == [["delivered"], ["delivered"]]
    assert {one["times_committed"] for end in sealed for one in scene.held_in_dmp(end)} == {1}
    assert len({one.parts()[-1] for one in feeds_of(scene, sealed[0])}) == 2, "one signature under each key"
    assert standing(scene, Role.SIGN)["state"] == "watched"


def feeds_of(scene: Scene, receipt: dict[str, Any]) -> list[Call]:
    return [one for one in dmp_calls(scene.sandbox, receipt["document_unique_id"]) if one.service == "repository"]


def test_the_first_hour_goes_on_after_a_power_cut(scene: Scene) -> None:
    new = put(scene, Role.AUTH_CLI, Slot.NEXT)
    act(scene, Role.AUTH_CLI, "rehearse")
    assert act(scene, Role.AUTH_CLI, "switch")["state"] == "watched"
    sent = [scene.send(structure=PHARE, deliver=ONLY_DMP) for _document in range(3)]
    scene.station.close()
    scene.gateway.kill()
    scene.sandbox.control("/certificates", {"action": "revoke", "serial": f"{new:x}"})
    scene.gateway.start()
    scene.station = Workstation(scene.gateway)
    eventually(lambda: standing(scene, Role.AUTH_CLI)["state"] == "returned")
    assert [states(scene.end(one)) for one in sent] == [["delivered"]] * 3
    assert [held["times_committed"] for one in sent for held in scene.held_in_dmp(one)] == [1] * 3


def test_a_certificate_of_insi_is_rehearsed_used_and_given_up(scene: Scene) -> None:
    new = put(scene, Role.INSI_MANU, Slot.NEXT)
    tried = act(scene, Role.INSI_MANU, "rehearse")
    assert [(one["service"], one["outcome"]) for one in tried["rehearsal"]] == [("chain", "good"), ("insi", "good")]
    assert act(scene, Role.INSI_MANU, "switch")["state"] == "watched"
    traits = {"birth_family_name": "DE VINCI", "given_names": ["LEONARDO"], "sex": "M", "birth_date": "2014-02-01"}
    asked = {"structure": PHARE, "traits": traits}
    assert search(scene, asked) == 200
    scene.sandbox.control("/certificates", {"action": "revoke", "serial": f"{new:x}"})
    scene.sandbox.fault("insi", "reset_mid_body")
    eventually(lambda: search(scene, asked) and standing(scene, Role.INSI_MANU)["state"] == "returned")
    eventually(lambda: search(scene, asked) == 200)


def search(scene: Scene, asked: dict[str, Any]) -> int:
    return scene.station.post("/ins/search", json=asked, headers={"Relais-Actor": "899700366240"}).status_code
