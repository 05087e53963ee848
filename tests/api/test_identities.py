"""The routes of identities: what they answer, to whom, and what they refuse (contract section 3; insi.md 4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.api.judge import check_problem
from tests.api.practice import (
    AS_DOCTOR,
    AS_SECRETARY,
    PATIENT_WORDS,
    PIERRE,
    SECRETARY,
    ZOE,
    act,
    ask,
    audit,
    card,
    neighbour,
    open_practice,
    put,
    qualified,
    read,
    search,
)
from tests.api.rig import AUTHOR, OTHER_STRUCTURE, Box, request_part
from tests.api.teleservice import Teleservice
from tests.trust.pki import STRUCTURE

ONE = "/patients/{local_id}"
HELD = {"dmp": True}


async def test_a_patient_is_created_then_changed_then_only_repeated(practice: Box) -> None:
    created = await ask(practice, "PUT", "/patients/P-1", ZOE, route=ONE)
    assert created.status_code == 201
    view = created.json()
    assert (view["structure"], view["local_id"], view["status"], view["task"]) == (STRUCTURE, "P-1", "PROV", "search")
    assert (view["ins"], view["recovered"], view["checked"], view["proposal"]) == (None, None, None, None)
    assert view["traits"]["first_birth_given_name"] == "Zoé"
    changed = await ask(practice, "PUT", "/patients/P-1", {"used_family_name": "Martin"}, route=ONE)
    assert (changed.status_code, changed.json()["traits"]["used_family_name"]) == (200, "Martin")
    before = await history(practice)
    repeated = await ask(practice, "PUT", "/patients/P-1", {**ZOE, "used_family_name": "Martin"}, route=ONE)
    assert (repeated.status_code, repeated.json()) == (200, changed.json())
    assert await history(practice) == before == ["identity.asserted", "identity.created"]
    assert (await read(practice)) == changed.json()


async def history(box: Box, local_id: str = "P-1") -> list[str]:
    lines = (await ask(box, "GET", f"/patients/{local_id}/history", route=f"{ONE}/history")).json()
    return [one["act"] for one in lines]


async def test_the_whole_way_from_software_to_qualified_is_told_with_its_authors(practice: Box) -> None:
    await put(practice)
    await search(practice, {"local_id": "P-1"}, headers=AS_SECRETARY)
    await act(practice, "qualification", {"evidence": "PA"})
    view = await read(practice)
    assert (view["status"], view["task"], view["ins"]["matricule"]) == ("QUAL", None, "275126322074974")
    assert (view["recovered"]["by"], view["recovered"]["kind"]) == ("ALIX PETIT", "INSI")
    assert (view["checked"]["by"], view["checked"]["kind"], view["checked"]["label"]) == ("CAMILLE MOREL", "PA", "Passeport")
    lines = (await ask(practice, "GET", "/patients/P-1/history", route=f"{ONE}/history")).json()
    assert [(one["act"], one["by"], one["evidence"], one["status"]) for one in lines] == [
        ("identity.checked", "CAMILLE MOREL", "PA", "QUAL"),
        ("identity.answered", "ALIX PETIT", None, "RECUP"),
        ("identity.created", "Le logiciel métier", None, "PROV"),
    ]


@pytest.mark.parametrize("missing", ["birth_family_name", "birth_given_names", "sex", "birth_date", "birth_place"])
async def test_creating_needs_the_five_traits_and_names_the_missing_one(practice: Box, missing: str) -> None:
    body = {name: value for name, value in ZOE.items() if name != missing}
    answer = await ask(practice, "PUT", "/patients/P-1", body, route=ONE)
    check_problem(answer, 422, "trait-invalid", missing)
    assert_silent(answer.text)
    nobody = await ask(practice, "GET", "/patients/P-1", route=ONE)
    check_problem(nobody, 404, "patient-not-found")


@pytest.mark.parametrize(
    ("said", "code", "field"),
    [
        ({"birth_date": "31/12/1975"}, "trait-invalid", "birth_date"),
        ({"birth_date": "1975-12-32"}, "trait-invalid", "birth_date"),
        ({"birth_place": "6322"}, "trait-invalid", "birth_place"),
        ({"sex": "X"}, "trait-invalid", "sex"),
        ({"first_birth_given_name": "Marie"}, "trait-invalid", "first_birth_given_name"),
        ({"birth_family_name": "A\nB"}, "trait-invalid", "birth_family_name"),
        ({"birth_family_name": ""}, "request-invalid", "birth_family_name"),
        ({"birth_family_name": 3}, "request-invalid", "birth_family_name"),
        ({"identity_status": "qualifié"}, "trait-invalid", "identity_status"),
        ({"identity_status": "QUAL"}, "request-incomplete", "ins"),
        ({"ins": {"matricule": "275126322074975", "oid": "1.2.250.1.213.1.4.8"}}, "ins-key-invalid", "ins.matricule"),
        ({"ins": {"matricule": "2751263220749", "oid": "1.2.250.1.213.1.4.8"}}, "ins-malformed", "ins.matricule"),
        ({"ins": {"matricule": "275126322074974", "oid": "1.2.3"}}, "ins-oid-invalid", "ins.oid"),
        ({"ins": {"matricule": "275126322074974"}}, "request-invalid", "ins.oid"),
        ({"attributes": ["homonyme", "vip"]}, "request-invalid", "attributes[1]"),
        ({"Adrun": "Zoé"}, "request-invalid", "request"),
        ({"structure": "10B0000000"}, "structure-unknown", "structure"),
    ],
)
async def test_what_is_wrong_is_named_by_its_path_in_the_request_and_nothing_is_kept(
    practice: Box, said: dict[str, Any], code: str, field: str
) -> None:
    answer = await ask(practice, "PUT", "/patients/P-1", {**ZOE, **said}, route=ONE)
    check_problem(answer, 422, code, field)
    assert_silent(answer.text)
    check_problem(await ask(practice, "GET", "/patients/P-1", route=ONE), 404, "patient-not-found")


def assert_silent(text: str) -> None:
    """No word of a patient in a refusal."""
    assert [word for word in PATIENT_WORDS if word in text.lower()] == []


@pytest.mark.parametrize(
    ("written", "meant"),
    [("P%201", "P 1"), ("%C3%A9t%C3%A9", "été"), ("2024%252F17", "2024/17"), ("50%25", "50%"), ("A%2541", "A%41"), ("a.b", "a.b")],
)
async def test_a_local_id_may_hold_any_sign(practice: Box, written: str, meant: str) -> None:
    assert (await put(practice, written))["local_id"] == meant
    assert (await read(practice, written))["local_id"] == meant
    await practice.accept(request_part(patient={"local_id": meant}, deliver=HELD))
    assert (await read(practice, written))["waiting_deliveries"] == 1


async def test_a_percent_sign_never_makes_two_local_ids_one(practice: Box) -> None:
    await put(practice, "A%2541", ZOE)
    check_problem(await ask(practice, "GET", "/patients/AA", route=ONE), 404, "patient-not-found")


@pytest.mark.parametrize("written", ["%20", "%00", "a%0Ab", "x" * 129, "%E2%80%AE"])
async def test_a_local_id_that_is_none_is_refused(practice: Box, written: str) -> None:
    answer = await ask(practice, "PUT", f"/patients/{written}", ZOE, route=ONE)
    check_problem(answer, 400, "parameter-invalid", "local_id")


ADDRESSES = (
    ("/patients/P-1", "structure", ("a&structure=b", "x" * 41)),
    ("/patients/P-1/history", "structure", ("a&structure=b",)),
    ("/patients/P-1/datamatrix", "format", ("null", "", "SVG", "svg&format=png")),
    ("/worklist", "task", ("null", "", "all", "search&task=decide")),
    ("/worklist", "limit", ("0", "201", "x", "1&limit=2")),
    ("/worklist", "cursor", ("x", "1-", "-1", "1-2&cursor=1-2", "1" * 17 + "-1")),
)


@pytest.mark.parametrize(("path", "name", "value"), [(path, name, value) for path, name, values in ADDRESSES for value in values])
async def test_a_parameter_of_another_form_is_refused_by_its_name(practice: Box, path: str, name: str, value: str) -> None:
    await qualified(practice)
    answer = await ask(practice, "GET", f"{path}?{name}={value}", route=path.replace("P-1", "{local_id}"))
    check_problem(answer, 400, "parameter-invalid", name)


async def test_a_name_nobody_knows_is_not_repeated_in_the_refusal(practice: Box) -> None:
    answer = await ask(practice, "GET", "/worklist?adrun=1&adrun=2", route="/worklist")
    check_problem(answer, 400, "parameter-invalid")
    assert_silent(answer.text)


READINGS = ("", "/history", "/datamatrix")
ACTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("identity", {"decision": "accept", "proposal": "x"}),
    ("qualification", {"evidence": "PA"}),
    ("attributes", {"attributes": ["douteuse"]}),
)


async def test_another_structure_finds_none_of_them(practice: Box) -> None:
    await qualified(practice)
    before, stranger = await read(practice), await neighbour(practice)
    for path in READINGS:
        answer = await ask(practice, "GET", f"/patients/P-1{path}", route=ONE + path, headers=stranger)
        check_problem(answer, 404, "patient-not-found")
        asked = await ask(practice, "GET", f"/patients/P-1{path}?structure={STRUCTURE}", route=ONE + path, headers=stranger)
        check_problem(asked, 422, "structure-unknown", "structure")
    for path, body in ACTS:
        answer = await act(practice, path, body, headers=stranger | AS_DOCTOR)
        check_problem(answer, 404, "patient-not-found")
        asked = await act(practice, path, {**body, "structure": STRUCTURE}, headers=stranger | AS_DOCTOR)
        check_problem(asked, 422, "structure-unknown", "structure")
    assert (await ask(practice, "GET", "/worklist", headers=stranger)).json() == {"items": [], "cursor": None, "counts": {}}
    created = await ask(practice, "PUT", "/patients/P-1", PIERRE, route=ONE, headers=stranger)
    assert (created.status_code, created.json()["structure"]) == (201, OTHER_STRUCTURE)
    assert await read(practice) == before


async def test_a_workstation_of_two_structures_says_which(practice: Box) -> None:
    await put(practice)
    both = await neighbour(practice, STRUCTURE, OTHER_STRUCTURE)
    for path in ("/patients/P-1", "/patients/P-1/history", "/evidence", "/people"):
        route = path.replace("P-1", "{local_id}")
        check_problem(await ask(practice, "GET", path, route=route, headers=both), 422, "structure-unknown", "structure")
        assert (await ask(practice, "GET", f"{path}?structure={STRUCTURE}", route=route, headers=both)).status_code == 200
    assert len((await ask(practice, "GET", "/worklist", headers=both)).json()["items"]) == 1
    elsewhere = await ask(practice, "GET", f"/worklist?structure={OTHER_STRUCTURE}", route="/worklist", headers=both)
    assert elsewhere.json()["items"] == []


@pytest.mark.parametrize(
    "path", ["/patients/P-1", "/patients/P-1/history", "/patients/P-1/datamatrix", "/worklist", "/evidence", "/people"]
)
async def test_a_stranger_reads_nothing(practice: Box, path: str) -> None:
    answer = await ask(practice, "GET", path, route=path.replace("P-1", "{local_id}"), headers={"Authorization": "Bearer x"})
    check_problem(answer, 401, "unauthenticated")


@pytest.mark.parametrize(("path", "body"), ACTS)
async def test_an_act_needs_a_person_the_structure_knows(practice: Box, path: str, body: dict[str, Any]) -> None:
    await put(practice)
    check_problem(await act(practice, path, body, headers={}), 422, "actor-needed", "Relais-Actor")
    check_problem(await act(practice, path, body, headers={"Relais-Actor": "inconnue"}), 422, "actor-unknown", "Relais-Actor")
    check_problem(await act(practice, path, body, headers={"Relais-Actor": "a b"}), 400, "parameter-invalid", "Relais-Actor")
    assert await history(practice) == ["identity.created"]


@pytest.mark.parametrize(("path", "body"), ACTS)
async def test_an_act_on_nobody_is_not_found(practice: Box, path: str, body: dict[str, Any]) -> None:
    check_problem(await act(practice, path, body, local_id="P-9"), 404, "patient-not-found")


async def test_a_different_answer_waits_and_is_taken_or_left_by_a_person(practice: Box) -> None:
    await put(practice, traits=PIERRE)
    found = (await search(practice, {"local_id": "P-1"})).json()
    waiting = await read(practice)
    assert (waiting["task"], waiting["status"], waiting["proposal"]["id"]) == ("decide", "PROV", found["proposal"])
    assert [(one["field"], one["kind"]) for one in waiting["proposal"]["differences"]] == [("birth_given_names", "completed")]
    other = await act(practice, "identity", {"decision": "accept", "proposal": "autre"})
    check_problem(other, 409, "proposal-gone", "proposal")
    unsure = await act(practice, "identity", {"decision": "peut-être", "proposal": found["proposal"]})
    check_problem(unsure, 422, "request-invalid", "decision")
    left = (await act(practice, "identity", {"decision": "refuse", "proposal": found["proposal"]})).json()
    assert (left["status"], left["ins"], left["proposal"], left["traits"]["birth_given_names"]) == ("PROV", None, None, "PIERRE-ALAIN")
    again = (await search(practice, {"local_id": "P-1"})).json()
    taken = (await act(practice, "identity", {"decision": "accept", "proposal": again["proposal"]}, headers=AS_SECRETARY)).json()
    assert (taken["status"], taken["traits"]["birth_given_names"]) == ("RECUP", "PIERRE-ALAIN MURIEL FLORIANT")
    assert (await history(practice))[:3] == ["identity.accepted", "identity.answered", "identity.refused"]
    by = [one.actor for one in await audit(practice, "identity.refused", "identity.accepted")]
    assert by == [f"professional:{AUTHOR}", f"secretary:{SECRETARY}"]


async def test_the_kind_of_document_is_chosen_and_is_one_the_structure_admits(tmp_path: Path, insi: Teleservice) -> None:
    box = await open_practice(tmp_path, insi, evidence=("PA", "CONNU"))
    kinds = (await ask(box, "GET", "/evidence")).json()
    assert [(one["code"], one["exceptional"]) for one in kinds] == [("PA", False), ("CONNU", True)]
    await put(box)
    await search(box, {"local_id": "P-1"})
    check_problem(await act(box, "qualification", {}), 422, "request-invalid", "evidence")
    check_problem(await act(box, "qualification", {"evidence": "CN"}), 422, "evidence-unknown", "evidence")
    both = {"evidence": "PA", "attestation": kinds[1]["sentence"]}
    check_problem(await act(box, "qualification", both), 422, "attestation-unexpected", "attestation")
    assert (await read(box))["status"] == "RECUP"
    [line] = [one.detail for one in await audit(box, "identity.answered")]
    assert "evidence" not in line
    await act(box, "qualification", {"evidence": "PA"})
    [checked] = await audit(box, "identity.checked")
    assert (checked.actor, checked.detail["evidence"], checked.answer) == (f"professional:{AUTHOR}", "PA", "QUAL")


async def test_the_well_known_patient_is_a_professional_s_alone(practice: Box) -> None:
    [known] = [one for one in (await ask(practice, "GET", "/evidence")).json() if one["exceptional"]]
    body = {"evidence": known["code"], "attestation": known["sentence"]}
    await put(practice)
    await search(practice, {"local_id": "P-1"})
    check_problem(await act(practice, "qualification", body, headers=AS_SECRETARY), 403, "professional-needed", "Relais-Actor")
    check_problem(await act(practice, "qualification", body), 409, "vitale-needed", "evidence")
    by_card = await ask(practice, "POST", "/ins/vitale", {"local_id": "P-1", **card()}, headers=AS_DOCTOR)
    assert by_card.json()["cr"] == "00"
    other = {**body, "attestation": "Je le connais."}
    check_problem(await act(practice, "qualification", other), 422, "attestation-missing", "attestation")
    assert (await read(practice))["status"] == "RECUP"
    assert (await act(practice, "qualification", body)).json()["status"] == "QUAL"


async def test_marks_replace_one_another_and_a_doubt_takes_the_ins_away(practice: Box) -> None:
    await qualified(practice)
    check_problem(await act(practice, "attributes", {"attributes": ["fictive", "homonyme"]}), 422, "attributes-forbidden", "attributes")
    marked = (await act(practice, "attributes", {"attributes": ["homonyme"]})).json()
    assert (marked["attributes"], marked["status"]) == (["homonyme"], "QUAL")
    doubtful = (await act(practice, "attributes", {"attributes": ["douteuse"]})).json()
    assert (doubtful["attributes"], doubtful["status"], doubtful["ins"], doubtful["task"]) == (["douteuse"], "PROV", None, None)
    check_problem(await act(practice, "qualification", {"evidence": "PA"}), 409, "identity-barred")
    cleared = (await act(practice, "attributes", {"attributes": []})).json()
    assert (cleared["attributes"], cleared["status"], cleared["ins"]) == ([], "PROV", None)
    assert [one.detail["attributes"] for one in await audit(practice, "identity.attributes")] == ["homonyme", "douteuse", ""]


async def test_software_alone_lifts_no_doubt(practice: Box) -> None:
    assert (await put(practice, attributes=["douteuse"]))["attributes"] == ["douteuse"]
    alone = await ask(practice, "PUT", "/patients/P-1", {"attributes": []}, route=ONE)
    assert (alone.status_code, alone.json()["attributes"]) == (200, ["douteuse"])
    lifted = await ask(practice, "PUT", "/patients/P-1", {"attributes": []}, route=ONE, headers=AS_SECRETARY)
    assert lifted.json()["attributes"] == []


async def test_the_people_of_a_structure_are_told_professionals_first(practice: Box) -> None:
    assert (await ask(practice, "GET", "/people")).json() == [
        {"id": AUTHOR, "name": "CAMILLE MOREL", "professional": True},
        {"id": SECRETARY, "name": "ALIX PETIT", "professional": False},
    ]


async def test_the_worklist_tells_the_longest_waiting_first_page_by_page(practice: Box) -> None:
    for number in range(5):
        await put(practice, f"P-{number}", {**ZOE, "birth_family_name": f"INCONNU{'ABCDE'[number]}"})
        practice.clock.advance(60)
    await put(practice, "P-5", PIERRE)
    await search(practice, {"local_id": "P-5"})
    await qualified(practice, "P-6")
    first = (await ask(practice, "GET", "/worklist", params={"limit": 4})).json()
    assert first["counts"] == {"search": 5, "decide": 1}
    rest = (await ask(practice, "GET", "/worklist", params={"limit": 4, "cursor": first["cursor"]})).json()
    assert [one["local_id"] for one in (*first["items"], *rest["items"])] == [f"P-{number}" for number in range(6)]
    assert rest["cursor"] is None
    [decide] = (await ask(practice, "GET", "/worklist", params={"task": "decide"})).json()["items"]
    assert decide == await read(practice, "P-5")


async def test_a_record_that_no_longer_opens_hides_no_other(practice: Box) -> None:
    for number in range(3):
        await put(practice, f"P-{number}")
    [_, damaged, _] = await practice.store.patients_after(STRUCTURE, 0, 10)
    await practice.store.commit(msgspec.structs.replace(damaged, sealed=b"rien", version=damaged.version + 1))
    page = (await ask(practice, "GET", "/worklist")).json()
    assert ([one["local_id"] for one in page["items"]], page["counts"]) == (["P-0", "P-2"], {"search": 3})
    for path in ("", "/history", "/datamatrix"):
        check_problem(await ask(practice, "GET", f"/patients/P-1{path}", route=f"{ONE}{path}"), 409, "payload-damaged")
    check_problem(await ask(practice, "PUT", "/patients/P-1", ZOE, route=ONE), 409, "payload-damaged")


async def test_deliveries_that_wait_for_an_identity_are_counted_and_released_by_its_qualification(practice: Box) -> None:
    await put(practice)
    await practice.accept(request_part(patient={"local_id": "P-1"}, deliver=HELD))
    assert (await read(practice))["waiting_deliveries"] == 1
    await qualified(practice)
    assert (await read(practice))["waiting_deliveries"] == 0


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"null", b'{"sex":' + b"[" * 5000])
async def test_a_body_that_is_no_request_is_refused(practice: Box, content: bytes) -> None:
    kind = {"Content-Type": "application/json"}
    answer = await ask(practice, "PUT", "/patients/P-1", route=ONE, content=content, headers=kind)
    assert answer.status_code == 422
    assert answer.json()["code"] == "request-invalid"


async def test_a_body_of_another_kind_or_too_large_is_refused(practice: Box) -> None:
    other = await ask(practice, "PUT", "/patients/P-1", route=ONE, content=b"a=b", headers={"Content-Type": "text/plain"})
    assert other.status_code == 415
    check_problem(other, 415, other.json()["code"], "Content-Type")
    most = practice.configuration.limits.request_bytes
    large = await ask(practice, "PUT", "/patients/P-1", route=ONE, content=b" " * (most + 1), headers={"Content-Type": "application/json"})
    assert large.status_code == 413
