"""Gestures by hand, and who may make them."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.flow.caller import new_workstation
from gateway.journal.sqlite import SqliteStore
from tests.end_to_end.captures import audit_lines, dmp_calls, mails
from tests.end_to_end.scene import DOCTOR, ONLY_DMP, ORDONNANCE, STRUCTURE, TO_DOCTOR, Scene, eventually
from tests.rig.caller import Workstation, codes, request, states

pytestmark = pytest.mark.xdist_group("e2e-operations")

NOBODY = "01935f0e-0000-7000-8000-000000000000"


def gesture(scene: Scene, receipt: dict[str, Any], name: str, rank: int = 0) -> tuple[int, dict[str, Any]]:
    answer = scene.station.post(f"/deliveries/{receipt['deliveries'][rank]['id']}/{name}")
    return answer.status_code, answer.json()


def test_what_has_not_left_can_be_cancelled(scene: Scene) -> None:
    patient = scene.patient("none")
    held = scene.sent(patient, deliver=ONLY_DMP)
    answer = scene.station.post(f"/documents/{held['id']}/cancel")
    assert (answer.status_code, answer.json()["state"], states(answer.json())) == (200, "cancelled", ["cancelled"])
    again = scene.station.post(f"/documents/{held['id']}/cancel")
    assert (again.status_code, again.json()["state"]) == (200, "cancelled")
    scene.tell(patient, "active")
    for name in ("retry", "release", "hold"):
        status, problem = gesture(scene, held, name)
        assert (status, problem["code"]) == (409, "not-possible-now")
    assert scene.held_in_dmp(held) == []


def test_what_has_left_can_no_longer_be_cancelled(scene: Scene) -> None:
    for deliver in (TO_DOCTOR, ONLY_DMP):
        end = scene.sent(deliver=deliver)
        answer = scene.station.post(f"/documents/{end['id']}/cancel")
        assert (answer.status_code, answer.json()["code"]) == (409, "already-sent")
        assert scene.read(end)["state"] == "done"


def test_one_recipient_served_forbids_to_cancel_the_others(scene: Scene) -> None:
    end = scene.sent(scene.patient("none"), deliver=ONLY_DMP | TO_DOCTOR)
    assert states(end) == ["held", "delivered"]
    assert scene.station.post(f"/documents/{end['id']}/cancel").json()["code"] == "already-sent"


def test_what_may_have_left_can_no_longer_be_cancelled(scene: Scene) -> None:
    scene.sandbox.fault("dmp", "lost_answer", path="repository")
    scene.sandbox.fault("dmp", "unavailable", count=0, path="registry")
    receipt = scene.send(deliver=ONLY_DMP)
    eventually(lambda: states(scene.read(receipt)) == ["unknown"])
    assert scene.station.post(f"/documents/{receipt['id']}/cancel").json()["code"] == "already-sent"
    scene.sandbox.control("/reset", {})
    assert states(scene.end(receipt)) == ["delivered"]


def test_hold_then_release(scene: Scene) -> None:
    scene.sandbox.fault("dmp", "busy", count=0)
    receipt = scene.send(deliver=ONLY_DMP)
    eventually(lambda: codes(scene.read(receipt)) == ["dmp-busy"])
    eventually(lambda: gesture(scene, receipt, "hold")[0] == 200)
    assert (states(scene.read(receipt)), codes(scene.read(receipt))) == (["held"], ["held-by-hand"])
    calls = len(dmp_calls(scene.sandbox))
    scene.sandbox.control("/reset", {})
    assert states(scene.sent(deliver=TO_DOCTOR)) == ["delivered"]
    assert len(dmp_calls(scene.sandbox)) == calls, "what is held is not tried"
    status, released = gesture(scene, receipt, "release")
    assert (status, released["id"]) == (200, receipt["id"])
    assert states(scene.end(receipt)) == ["delivered"]
    assert gesture(scene, receipt, "release")[1]["code"] == "not-possible-now"
    assert gesture(scene, receipt, "retry")[1]["code"] == "not-possible-now"


def test_retry_does_not_wait_for_the_next_date(scene: Scene) -> None:
    scene.sandbox.fault("mss", "554_data")
    end = scene.sent(deliver=TO_DOCTOR)
    assert states(end) == ["refused"]
    assert gesture(scene, end, "retry")[0] == 200
    assert states(scene.end(end)) == ["delivered"]


def test_every_gesture_is_imputed_to_who_made_it(scene: Scene) -> None:
    held = scene.sent(scene.patient("none"), deliver=ONLY_DMP)
    url = f"/deliveries/{held['deliveries'][0]['id']}/retry"
    assert scene.station.post(url, headers={"Relais-Actor": "899700366240"}).status_code == 200
    scene.end(held)
    assert scene.station.post(f"/documents/{held['id']}/cancel").status_code == 200
    lines = audit_lines(scene.station.get(f"/documents/{held['id']}/proof").content)
    acts = {one["act"]: one["actor"] for one in lines}
    assert acts["delivery.retried"] == "professional:899700366240"
    assert acts["document.cancelled"].startswith("workstation:")
    assert acts["document.accepted"].startswith("workstation:")
    assert acts["delivery.failed"] == "system"


async def paired(scene: Scene) -> str:
    """The token of a second workstation of the same structure, paired while the box is stopped."""
    scene.station.close()
    scene.gateway.stop()
    store = await SqliteStore.open(scene.gateway.home / "journal.sqlite")
    record, token = new_workstation("poste-2", (STRUCTURE,), 1)
    await store.commit(record)
    await store.close()
    scene.gateway.start()
    scene.station = Workstation(scene.gateway)
    return token


async def test_another_workstation_sees_nothing_of_it(scene: Scene) -> None:
    token = await paired(scene)
    end = scene.sent(scene.patient("none"), deliver=ONLY_DMP | TO_DOCTOR)
    other = Workstation(scene.gateway, token)
    try:
        for path in ("", "/cda", "/proof"):
            answer = other.get(f"/documents/{end['id']}{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
        assert other.post(f"/documents/{end['id']}/cancel").status_code == 404
        for name in ("retry", "hold", "release"):
            assert other.post(f"/deliveries/{end['deliveries'][0]['id']}/{name}").status_code == 404
        assert other.get("/documents").json()["items"] == []
        described = request(patient=scene.patient(), deliver=TO_DOCTOR)
        mine, theirs = scene.station.send(ORDONNANCE, described, key="k"), other.send(ORDONNANCE, described, key="k")
        assert (mine.status_code, theirs.status_code) == (202, 202), "a key belongs to its workstation"
        assert mine.json()["id"] != theirs.json()["id"]
        assert [one["id"] for one in other.get("/documents").json()["items"]] == [theirs.json()["id"]]
        assert states(other.end_of(theirs.json()["id"])) == ["delivered"]
    finally:
        other.close()
    assert states(scene.read(end)) == ["held", "delivered"]


def test_what_does_not_exist_is_not_found(scene: Scene) -> None:
    for path in (f"/documents/{NOBODY}", f"/documents/{NOBODY}/cda", f"/documents/{NOBODY}/proof"):
        assert scene.station.get(path).status_code == 404
    assert scene.station.post(f"/deliveries/{NOBODY}/retry").json()["code"] == "not-found"


def test_listing_by_state_patient_date_and_page(scene: Scene) -> None:
    patient = scene.patient()
    sent = [scene.sent(patient, deliver=TO_DOCTOR) for _document in range(3)]
    wanted = {"patient": patient["local_id"]}
    found = scene.station.get("/documents", params=wanted).json()
    assert [one["id"] for one in found["items"]] == [one["id"] for one in reversed(sent)]
    assert found["items"][0] == scene.read(sent[2])
    first = scene.station.get("/documents", params=wanted | {"limit": "2"}).json()
    second = scene.station.get("/documents", params=wanted | {"limit": "2", "cursor": first["cursor"]}).json()
    assert [one["id"] for one in first["items"] + second["items"]] == [one["id"] for one in found["items"]]
    assert second["cursor"] is None
    assert scene.station.get("/documents", params=wanted | {"state": "attention"}).json()["items"] == []
    since = scene.read(sent[1])["accepted_at"]
    assert [one["id"] for one in scene.station.get("/documents", params=wanted | {"since": since}).json()["items"]] == [
        sent[2]["id"], sent[1]["id"],
    ]  # fmt: skip
    assert len(mails(scene.sandbox, DOCTOR)) >= 3
