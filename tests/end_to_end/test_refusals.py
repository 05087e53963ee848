"""What the door refuses: the code, the field, the gesture; and nothing is left behind."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.footprint import nothing_kept
from tests.end_to_end.scene import ORDONNANCE, TO_DOCTOR, TO_PATIENT, Scene, person, played
from tests.rig.caller import Workstation, request
from tests.rig.processes import QUICK

pytestmark = pytest.mark.xdist_group("e2e-refusals")


def assert_problem(answer: httpx.Response, status: int, code: str, field: str | None) -> dict[str, Any]:
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"], problem.get("field")) == (status, code, field), problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert (problem["status"], problem["type"]) == (status, f"urn:relais:probleme:{code}")
    assert all(problem[name].strip() for name in ("title", "detail", "gesture"))
    return problem


@pytest.mark.parametrize("token", ["x", "A" * 43, "Bearer", "0" * 4000])
def test_a_wrong_token_is_refused(scene: Scene, token: str) -> None:
    with nothing_kept(scene.gateway.home):
        station = Workstation(scene.gateway, token)
        assert_problem(station.send(ORDONNANCE, request()), 401, "unauthenticated", None)
        for path in ("/documents", "/events", f"/documents/{'0' * 8}-0000-7000-8000-{'0' * 12}"):
            assert_problem(station.get(path), 401, "unauthenticated", None)
        station.close()


def test_without_a_token_only_the_bare_state_is_told(scene: Scene) -> None:
    with httpx.Client(base_url=scene.gateway.facts["api"], verify=False) as stranger:  # noqa: S501 - the certificate is not the point
        assert stranger.get("/status").json() == {"ok": True}
        answer = stranger.post("/documents", files={"file": b"x"})
    assert_problem(answer, 401, "unauthenticated", None)
    assert answer.headers["www-authenticate"].startswith("Bearer")


def changed(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    described = request(patient=person())
    change(described)
    return described


def put(*path: str, value: object) -> dict[str, Any]:
    def change(described: dict[str, Any]) -> None:
        place = described
        for name in path[:-1]:
            place = place.setdefault(name, {})
        place[path[-1]] = value

    return changed(change)


REQUESTS = [
    ("structure unknown", put("structure", value="19999999999"), "structure-unknown", "structure"),
    ("author unknown", put("author", "id", value="899999999999"), "author-unknown", "author.id"),
    ("matricule malformed", put("patient", "ins", "matricule", value="27903512151898"), "ins-malformed", "patient.ins.matricule"),
    ("matricule key", put("patient", "ins", "matricule", value="279035121518988"), "ins-key-invalid", "patient.ins.matricule"),
    ("authority of the INS", put("patient", "ins", "oid", value="1.2.3"), "ins-oid-invalid", "patient.ins.oid"),
    ("identity status", put("patient", "identity_status", value="SURE"), "trait-invalid", "patient.identity_status"),
    ("qualified without INS", put("patient", "ins", value=None), "request-incomplete", "patient.ins"),
    ("birth date", put("patient", "birth_date", value="05/03/1979"), "trait-invalid", "patient.birth_date"),
    ("sex", put("patient", "sex", value="X"), "trait-invalid", "patient.sex"),
    ("unknown patient", put("patient", value={"local_id": "never-seen"}), "patient-unknown", "patient.local_id"),
    ("no patient", put("patient", value=None), "request-incomplete", "patient"),
    ("no document", put("document", value=None), "request-incomplete", "document"),
    ("no author", put("author", value=None), "request-incomplete", "author"),
    ("type unknown", put("document", "type", value="12345-6"), "document-type-unknown", "document.type"),
    ("replaces", put("document", "replaces", value="not an oid"), "replaced-invalid", "document.replaces"),
    ("naive date", put("document", "created_at", value="2026-11-22T09:30:00"), "request-invalid", "document.created_at"),
    ("nowhere", put("deliver", value={}), "request-invalid", "deliver"),
    ("foreign mailbox", put("deliver", "professionals", value=["dr.martin"]), "mailbox-invalid", "deliver.professionals[0]"),
    (
        "a patient's address typed", put("deliver", "professionals", value=["279035121518989@patient.sandbox.mssante.fr"]),
        "patient-address-typed", "deliver.professionals[0]",
    ),
    ("unknown member", put("surprise", value=1), "request-invalid", "request"),
]  # fmt: skip


@pytest.mark.parametrize(("described", "code", "field"), [one[1:] for one in REQUESTS], ids=[one[0].replace(" ", "-") for one in REQUESTS])
def test_a_request_at_fault_is_refused_with_its_field(scene: Scene, described: dict[str, Any], code: str, field: str) -> None:
    with nothing_kept(scene.gateway.home):
        problem = assert_problem(scene.station.send(ORDONNANCE, described), 422, code, field)
    told = json.dumps(problem, ensure_ascii=False)
    patient = described["patient"] or {}
    for datum in (patient.get("birth_family_name"), (patient.get("ins") or {}).get("matricule")):
        assert datum is None or datum not in told
    assert not re.search(r"[12]\d{12}", told)


@pytest.mark.parametrize(
    ("visibility", "deliver", "field"),
    [
        ({"masked_to_professionals": True}, TO_DOCTOR, "deliver.professionals"),
        ({"masked_to_professionals": True}, TO_DOCTOR | TO_PATIENT, "deliver.professionals"),
        ({"hidden_from_patient": True}, TO_PATIENT, "deliver.patient_mail"),
        ({"hidden_from_patient": True}, TO_PATIENT | TO_DOCTOR, "deliver.patient_mail"),
        ({"hidden_from_representatives": True}, TO_PATIENT, "deliver.patient_mail"),
        ({"hidden_from_representatives": True}, TO_DOCTOR, "deliver.professionals"),
        ({"masked_to_professionals": True, "hidden_from_patient": True}, {"dmp": True}, "deliver.dmp"),
        ({"masked_to_professionals": True, "hidden_from_representatives": True}, TO_DOCTOR, "deliver.professionals"),
        ({"reveal_to_patient_at": "2026-12-01T00:00:00+01:00"}, {"dmp": True}, "visibility.reveal_to_patient_at"),
    ],
)
def test_a_masking_forbids_its_recipients(scene: Scene, visibility: dict[str, Any], deliver: dict[str, Any], field: str) -> None:
    described = request(patient=person(), visibility=visibility, deliver=deliver)
    with nothing_kept(scene.gateway.home):
        assert_problem(scene.station.send(ORDONNANCE, described), 422, "visibility-conflict", field)


@pytest.mark.parametrize(
    ("visibility", "deliver"),
    [
        ({"masked_to_professionals": True}, {"dmp": True} | TO_PATIENT),
        ({"hidden_from_patient": True}, {"dmp": True} | TO_DOCTOR),
        ({"hidden_from_representatives": True}, {"dmp": True}),
    ],
)
def test_a_masking_goes_along_with_the_recipients_it_allows(scene: Scene, visibility: dict[str, Any], deliver: dict[str, Any]) -> None:
    end = scene.sent(visibility=visibility, deliver=deliver)
    assert {one["state"] for one in end["deliveries"]} == {"delivered"}


def test_the_same_key_with_another_content_is_a_conflict(scene: Scene) -> None:
    described = request(patient=scene.patient(), deliver=TO_DOCTOR)
    first = scene.station.send(ORDONNANCE, described, key="same")
    assert first.status_code == 202
    scene.end(first.json())
    with nothing_kept(scene.gateway.home):
        again = scene.station.send(ORDONNANCE, described, key="same")
        assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
        described["document"]["title"] = "Autre"
        assert_problem(scene.station.send(ORDONNANCE, described, key="same"), 409, "idempotency-conflict", "Idempotency-Key")


def test_without_a_key_the_content_is_the_key(scene: Scene) -> None:
    described = request(patient=scene.patient(), deliver=TO_DOCTOR)
    first, again = (scene.station.send(ORDONNANCE, described) for _time in range(2))
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["id"] == again.json()["id"]
    assert first.headers["location"] == again.headers["location"]
    scene.end(first.json())


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"deliver": ' * 3000])
def test_a_request_that_is_not_json_is_refused(scene: Scene, body: bytes) -> None:
    with nothing_kept(scene.gateway.home):
        parts: dict[str, Any] = {"request": (None, body, "application/json"), "file": ("d", ORDONNANCE, "application/pdf")}
        answer = scene.station.post("/documents", files=parts)
        assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid")


def test_a_workstation_that_asks_too_much_is_told_to_wait(tmp_path: Path) -> None:
    with played(tmp_path, settings=f"{QUICK}\n[limits]\nrequests_per_minute = 20\n") as scene:
        answers = [scene.station.get("/status") for _request in range(40)]
        refused = [one for one in answers if one.status_code != 200]
        assert 15 <= len(refused) <= 25
        assert_problem(refused[0], 429, "rate-limited", None)
        assert int(refused[0].headers["retry-after"]) > 0
        operator = Workstation(scene.gateway, (scene.gateway.home / "operator-token").read_text().strip())
        assert operator.get("/status").status_code == 200, "the others are not concerned"
        operator.close()


def test_the_only_structure_of_a_box_need_not_be_named(scene: Scene) -> None:
    described = request(patient=scene.patient(), deliver=TO_DOCTOR)
    del described["structure"]
    answer = scene.station.send(ORDONNANCE, described)
    assert answer.status_code == 202
    assert scene.end(answer.json())["state"] == "done"


def test_a_part_that_is_missing_or_unknown_is_refused(scene: Scene) -> None:
    one: tuple[str, bytes, str] = ("d", ORDONNANCE, "application/pdf")
    told = (None, json.dumps(request()), "application/json")
    with nothing_kept(scene.gateway.home):
        assert_problem(scene.station.post("/documents", files={"file": one}), 400, "part-missing", "request")
        assert_problem(scene.station.post("/documents", files={"request": told}), 400, "part-missing", "file")
        answer = scene.station.post("/documents", files={"request": told, "file": one, "other": one})
        assert_problem(answer, 400, "part-unexpected", None)
        assert_problem(scene.station.post("/documents", json={}), 415, "content-type-refused", "Content-Type")
