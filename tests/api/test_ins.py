"""The routes of INSi: searches, deferred ones, Vitale, verification, limits, and what the audit trail keeps of each call (contract 3)."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.ins.errors import InsiAccessRefused, InsiKeyWrong, InsiUnavailable
from gateway.journal.records import InquiryRecord
from tests.api.judge import check_problem
from tests.api.practice import (
    AS_DOCTOR,
    AS_SECRETARY,
    PATIENT_WORDS,
    PIERRE,
    SECRETARY,
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
    until,
)
from tests.api.rig import AUTHOR, NOW, OTHER_STRUCTURE, Box, served
from tests.api.teleservice import NIR, SEVERAL, Teleservice
from tests.api.test_events import take
from tests.trust.pki import STRUCTURE

TRAITS: dict[str, Any] = {"birth_family_name": "Adrun", "given_names": ["Zoé"], "sex": "F", "birth_date": "1975-12-31"}
NOBODY = {**TRAITS, "birth_family_name": "Inconnue"}
INS = {"matricule": "275126322074974", "oid": NIR}
INQUIRY = "/ins/inquiries/{inquiry_id}"


async def inquiry(box: Box, location: str) -> dict[str, Any]:
    """A deferred search, read at the address that its answer gave."""
    view: dict[str, Any] = (await ask(box, "GET", location.removeprefix("/api/v1"), route=INQUIRY)).json()
    return view


async def recorded(box: Box, identifier: str) -> InquiryRecord:
    record = await box.store.inquiry(identifier)
    assert record is not None
    return record


async def test_traits_alone_are_looked_up_and_nothing_is_kept(practice: Box) -> None:
    answer = await search(practice, {"traits": TRAITS})
    assert answer.status_code == 200
    view = answer.json()
    assert (view["cr"], view["ins"], view["advice"]) == ("00", {**INS, "nature": "NIR"}, None)
    assert (view["proposal"], view["status"], view["status_if_accepted"], view["differences"]) == (None, None, None, [])
    assert [one["operation"] for one in view["calls"]] == ["WS_INS2"]
    assert (await ask(practice, "GET", "/worklist")).json()["items"] == []


@pytest.mark.parametrize(("family", "cr"), [("Inconnue", "01"), (SEVERAL, "02")])
async def test_nobody_or_several_come_with_an_advice_and_store_nothing(practice: Box, family: str, cr: str) -> None:
    await put(practice, traits={**PIERRE, "birth_family_name": family})
    before = await read(practice)
    view = (await search(practice, {"local_id": "P-1"})).json()
    assert (view["cr"], view["ins"], view["traits"], view["proposal"]) == (cr, None, None, None)
    assert len(view["advice"]) > 40
    assert await read(practice) == before


async def test_what_differs_is_told_field_by_field_and_waits(practice: Box) -> None:
    await put(practice, traits=PIERRE)
    view = (await search(practice, {"local_id": "P-1"})).json()
    assert (view["status"], view["status_if_accepted"]) == ("PROV", "RECUP")
    assert view["differences"] == [
        {"field": "birth_given_names", "local": "PIERRE-ALAIN", "national": "PIERRE-ALAIN MURIEL FLORIANT", "kind": "completed"}
    ]
    assert view["proposal"] == (await read(practice))["proposal"]["id"]


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({}, 422, "request-incomplete", "traits"),
        ({"local_id": "P-9"}, 404, "patient-not-found", "local_id"),
        ({"traits": {**TRAITS, "birth_family_name": "DU_PONT"}}, 422, "name-not-sendable", "traits.birth_family_name"),
        ({"traits": {**TRAITS, "given_names": []}}, 422, "request-invalid", "traits.given_names"),
        ({"traits": {**TRAITS, "given_names": ["Zoé", ""]}}, 422, "request-invalid", "traits.given_names[1]"),
        ({"traits": {**TRAITS, "birth_date": "31/12/1975"}}, 422, "trait-not-sendable", "traits.birth_date"),
        ({"traits": {**TRAITS, "sex": "U"}}, 422, "trait-not-sendable", "traits.sex"),
        ({"traits": TRAITS, "purpose": "curiosity"}, 422, "request-invalid", "purpose"),
        ({"traits": TRAITS, "defer": "oui"}, 422, "request-invalid", "defer"),
        ({"traits": TRAITS, "structure": OTHER_STRUCTURE}, 422, "structure-unknown", "structure"),
    ],
)
async def test_a_search_that_cannot_be_is_refused_before_any_call(
    practice: Box, insi: Teleservice, body: dict[str, Any], status: int, code: str, field: str
) -> None:
    answer = await search(practice, body)
    check_problem(answer, status, code, field)
    assert [word for word in (*PATIENT_WORDS, "du_pont") if word in answer.text.lower()] == []
    assert insi.calls == []
    assert await audit(practice, "insi.asked") == []


async def test_a_barred_identity_is_never_asked_for(practice: Box, insi: Teleservice) -> None:
    await put(practice, attributes=["fictive"])
    check_problem(await search(practice, {"local_id": "P-1"}), 409, "identity-barred", "local_id")
    check_problem(await ask(practice, "POST", "/ins/verify", {"local_id": "P-1", "ins": INS}), 409, "identity-barred", "local_id")
    check_problem(await ask(practice, "POST", "/ins/vitale", {"local_id": "P-1", **card()}), 409, "identity-barred", "local_id")
    assert insi.calls == []


async def test_every_call_is_in_the_audit_trail_with_its_purpose_its_actor_and_its_end(practice: Box) -> None:
    await put(practice)
    await search(practice, {"local_id": "P-1", "purpose": "reception"}, headers=AS_SECRETARY)
    await search(practice, {"traits": NOBODY})
    await ask(practice, "POST", "/ins/vitale", {"local_id": "P-1", "purpose": "document", **card()}, headers=AS_DOCTOR)
    await ask(practice, "POST", "/ins/verify", {"local_id": "P-1"}, headers=AS_DOCTOR)
    asked, answered = await audit(practice, "insi.asked"), await audit(practice, "insi.answered")
    station = practice.workstation.id
    assert [(one.actor, one.detail["purpose"], one.detail["operation"]) for one in asked] == [
        (f"secretary:{SECRETARY}", "reception", "WS_INS2"),
        (f"workstation:{station}", "care", "WS_INS2"),
        (f"professional:{AUTHOR}", "document", "WS_INS1"),
        (f"professional:{AUTHOR}", "verification", "WS_INS2"),
    ]
    assert [one.answer for one in answered] == ["00", "01", "00", "00"]
    assert [one.detail["message_id"] for one in asked] == [one.detail["message_id"] for one in answered]
    assert len({one.detail["message_id"] for one in asked}) == 4
    assert {one.detail["workstation"] for one in asked} == {station}
    assert {one.structure for one in asked} == {STRUCTURE}
    reference = asked[0].patient_ref
    assert reference is not None
    assert [one.patient_ref for one in asked] == [reference, None, reference, reference]
    assert "P-1" not in reference
    assert await practice.store.verify_audit() is None


async def test_a_call_that_fails_is_in_the_audit_trail_with_its_code(practice: Box, insi: Teleservice) -> None:
    insi.trouble = InsiKeyWrong
    await put(practice)
    check_problem(await search(practice, {"local_id": "P-1"}), 409, "insi-key-wrong")
    assert [one.answer for one in await audit(practice, "insi.answered")] == ["insi-key-wrong"]
    assert ((await read(practice))["status"], (await read(practice))["ins"]) == ("PROV", None)


async def test_a_person_asks_under_the_name_of_the_user_and_the_box_under_its_own(practice: Box, insi: Teleservice) -> None:
    insi.trouble = InsiUnavailable
    answer = await search(practice, {"traits": TRAITS, "defer": True})
    insi.trouble = None
    async with practice.working():
        await until(lambda: settled(practice, answer.json()["id"]))
    assert [user for _, user, _ in insi.calls] == [True, False]


async def settled(box: Box, identifier: str) -> bool:
    return (await recorded(box, identifier)).state in ("done", "failed")


async def test_without_defer_an_outage_is_a_refusal_with_the_time_to_come_back(practice: Box, insi: Teleservice) -> None:
    insi.trouble = InsiUnavailable
    answer = await search(practice, {"traits": TRAITS})
    check_problem(answer, 503, "insi-unavailable")
    assert answer.headers["retry-after"] == "30"


async def test_a_wrong_setting_is_never_deferred(practice: Box, insi: Teleservice) -> None:
    insi.trouble = InsiAccessRefused
    check_problem(await search(practice, {"traits": TRAITS, "defer": True}), 503, "insi-access-refused")


async def test_a_deferred_search_is_asked_again_until_answered_then_told_on_events(tmp_path: Path, insi: Teleservice) -> None:
    box = await open_practice(tmp_path, insi)
    await put(box)
    insi.trouble = InsiUnavailable
    answer = await search(box, {"local_id": "P-1", "defer": True, "purpose": "reception"}, headers=AS_SECRETARY)
    assert (answer.status_code, answer.json()["deferred"], answer.json()["explanation"]["code"]) == (202, True, "insi-unavailable")
    location, identifier = answer.headers["location"], answer.json()["id"]
    assert location == f"/api/v1/ins/inquiries/{identifier}"
    async with served(box) as here, box.working(), here.client() as client, client.stream("GET", "/api/v1/events") as events:
        await until(lambda: tried(box, identifier))
        waiting = await inquiry(box, location)
        assert (waiting["state"], waiting["attempts"], waiting["result"]) == ("waiting", 1, None)
        assert waiting["explanation"]["code"] == "insi-unavailable"
        assert waiting["next_attempt_at"] > NOW.isoformat()
        insi.trouble = None
        box.clock.advance(3600)
        box.inquiries.wake()
        [event] = await take(events, 1, "inquiry.")
    assert event["event"] == "inquiry.answered"
    assert json.loads(event["data"]) == {"structure": STRUCTURE, "id": identifier, "state": "done", "outcome": "found_exact"}
    done = await inquiry(box, location)
    assert (done["state"], done["result"]["cr"], done["result"]["status"]) == ("done", "00", "RECUP")
    assert (await read(box))["status"] == "RECUP"
    asked = await audit(box, "insi.asked")
    assert [(one.actor, one.detail["purpose"]) for one in asked] == [
        (f"secretary:{SECRETARY}", "reception"),
        ("system", "reception"),
        ("system", "reception"),
    ]
    assert len({one.detail["message_id"] for one in asked}) == 3


async def tried(box: Box, identifier: str) -> bool:
    record = await recorded(box, identifier)
    return record.attempts > 0 and record.state == "waiting"


async def test_a_service_that_says_nothing_is_deferred_at_the_end_of_the_budget(tmp_path: Path, insi: Teleservice) -> None:
    box = await open_practice(tmp_path, insi, budget_seconds=0.05)
    insi.mute_after = 0
    answer = await search(box, {"traits": TRAITS, "defer": True})
    assert (answer.status_code, answer.json()["explanation"]["code"]) == (202, "insi-answer-lost")
    check_problem(await search(box, {"traits": TRAITS}), 503, "insi-answer-lost")


async def test_a_deferred_search_that_nobody_answers_for_a_day_is_given_up_and_told(practice: Box, insi: Teleservice) -> None:
    insi.trouble = InsiUnavailable
    answer = await search(practice, {"traits": TRAITS, "defer": True})
    practice.clock.advance(timedelta(days=2).total_seconds())
    async with practice.working():
        await until(lambda: settled(practice, answer.json()["id"]))
    view = await inquiry(practice, answer.headers["location"])
    assert (view["state"], view["explanation"]["code"], view["result"]) == ("failed", "search-given-up", None)


async def test_a_deferred_search_is_its_workstation_s_alone(practice: Box, insi: Teleservice) -> None:
    insi.trouble = InsiUnavailable
    path = (await search(practice, {"traits": TRAITS, "defer": True})).headers["location"].removeprefix("/api/v1")
    for headers in (await neighbour(practice), await neighbour(practice, STRUCTURE)):
        check_problem(await ask(practice, "GET", path, route=INQUIRY, headers=headers), 404, "not-found")
    operator = {"Authorization": f"Bearer {practice.operator_token}"}
    assert (await ask(practice, "GET", path, route=INQUIRY, headers=operator)).json()["state"] == "waiting"
    check_problem(await ask(practice, "GET", "/ins/inquiries/x", route=INQUIRY), 404, "not-found")


async def test_events_say_which_patient_changed_and_nothing_of_him(tmp_path: Path, insi: Teleservice) -> None:
    box = await open_practice(tmp_path, insi)
    async with served(box) as here, here.client() as client, client.stream("GET", "/api/v1/events") as events:
        await qualified(box)
        await act(box, "attributes", {"attributes": ["douteuse"]})
        told = await take(events, 4, "identity.")
    assert {one["event"] for one in told} == {"identity.changed"}
    assert [set(json.loads(one["data"])) for one in told] == [{"structure", "local_id", "status", "task"}] * 4
    assert [word for word in PATIENT_WORDS if word in repr(told).lower()] == []
    assert json.loads(told[-1]["data"]) == {"structure": STRUCTURE, "local_id": "P-1", "status": "PROV", "task": None}


async def test_another_structure_hears_nothing_of_an_identity(tmp_path: Path, insi: Teleservice) -> None:
    box = await open_practice(tmp_path, insi)
    stranger = await neighbour(box)
    async with served(box) as here, here.client() as client, client.stream("GET", "/api/v1/events", headers=stranger) as events:
        await put(box)
        await ask(box, "PUT", "/patients/P-2", PIERRE, route="/patients/{local_id}", headers=stranger)
        [event] = await take(events, 1, "identity.")
    assert (json.loads(event["data"])["structure"], json.loads(event["data"])["local_id"]) == (OTHER_STRUCTURE, "P-2")


async def test_a_card_finds_its_patient(practice: Box, insi: Teleservice) -> None:
    await put(practice)
    answer = await ask(practice, "POST", "/ins/vitale", {"local_id": "P-1", **card()}, headers=AS_SECRETARY)
    assert (answer.json()["cr"], answer.json()["status"]) == ("00", "RECUP")
    assert (await read(practice))["recovered"]["label"] == "Téléservice INSi, avec la carte Vitale"
    assert insi.calls == [("WS_INS1", True, None)]


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"serial": "80250002"}, 409, "card-changed", "card.serial"),
        ({"read_at": (NOW - timedelta(minutes=21)).isoformat()}, 409, "card-reading-too-old", "card.read_at"),
        ({"read_at": (NOW + timedelta(hours=1)).isoformat()}, 409, "card-reading-too-old", "card.read_at"),
        ({"read_at": "2026-11-24T13:00:00"}, 422, "request-invalid", "card.read_at"),
        ({"read_at": "hier"}, 422, "request-invalid", "card.read_at"),
        ({"insured_nir": "123"}, 422, "card-data-invalid", "card.insured_nir"),
        ({"birth_rank": "x"}, 422, "card-data-invalid", "card.birth_rank"),
    ],
)
async def test_a_card_that_will_not_do_is_refused_before_any_call(
    practice: Box, insi: Teleservice, changes: dict[str, Any], status: int, code: str, field: str
) -> None:
    answer = await ask(practice, "POST", "/ins/vitale", card(**changes))
    check_problem(answer, status, code, field)
    assert insi.calls == []


@pytest.mark.parametrize(("switched_on", "operation"), [(False, "WS_INS2"), (True, "WS_INS3")])
async def test_an_ins_from_elsewhere_is_confirmed_or_not(tmp_path: Path, insi: Teleservice, switched_on: bool, operation: str) -> None:
    box = await open_practice(tmp_path, insi, verification=switched_on)
    right = (await ask(box, "POST", "/ins/verify", {"ins": INS, "traits": TRAITS})).json()
    assert (right["verified"], right["cr"], right["reconstructed"]) == (True, "00", switched_on)
    wrong = (await ask(box, "POST", "/ins/verify", {"ins": INS, "traits": NOBODY})).json()
    assert (wrong["verified"], wrong["cr"]) == (False, "01")
    assert {name for name, _, _ in insi.calls} == {operation}
    assert {one["operation"] for one in (*right["calls"], *wrong["calls"])} == {operation}


async def test_the_ins_of_a_known_patient_is_verified(practice: Box) -> None:
    await put(practice)
    check_problem(await ask(practice, "POST", "/ins/verify", {"local_id": "P-1"}), 422, "request-incomplete", "ins")
    await search(practice, {"local_id": "P-1"})
    assert (await ask(practice, "POST", "/ins/verify", {"local_id": "P-1"})).json()["verified"] is True


async def test_a_verification_needs_something_to_verify(practice: Box, insi: Teleservice) -> None:
    check_problem(await ask(practice, "POST", "/ins/verify", {"traits": TRAITS}), 422, "request-incomplete", "ins")
    check_problem(await ask(practice, "POST", "/ins/verify", {"ins": INS}), 422, "request-incomplete", "traits")
    wrong = {**INS, "matricule": "275126322074975"}
    check_problem(await ask(practice, "POST", "/ins/verify", {"ins": wrong, "traits": TRAITS}), 422, "ins-key-invalid", "ins.matricule")
    assert insi.calls == []


async def test_guessing_is_suspended_and_told_once_in_the_audit_trail(tmp_path: Path, insi: Teleservice) -> None:
    box = await open_practice(tmp_path, insi, misses_per_hour=2)
    for _ in range(2):
        assert (await search(box, {"traits": NOBODY})).status_code == 200
    box.clock.advance(600)
    refused = await search(box, {"traits": TRAITS}, headers=AS_DOCTOR)
    check_problem(refused, 429, "search-limit")
    assert refused.headers["retry-after"] == "3000"
    check_problem(await ask(box, "POST", "/ins/vitale", card()), 429, "search-limit")
    check_problem(await ask(box, "POST", "/ins/verify", {"ins": INS, "traits": TRAITS}), 429, "search-limit")
    assert len(insi.calls) == 2
    limits = await audit(box, "insi.search-limit")
    assert [(one.actor, one.answer) for one in limits] == [(f"professional:{AUTHOR}", "search-limit")]
    assert box.relay.searches.alerts() == (box.workstation.id,)
    other = {"Authorization": f"Bearer {box.other_token}"}
    assert (await search(box, {"traits": TRAITS}, headers=other)).status_code == 200
    box.clock.advance(3000)
    assert (await search(box, {"traits": TRAITS})).status_code == 200


async def test_all_searches_of_an_hour_are_counted_too(tmp_path: Path, insi: Teleservice) -> None:
    box = await open_practice(tmp_path, insi, searches_per_hour=2)
    statuses = [(await search(box, {"traits": TRAITS})).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


@pytest.mark.parametrize("path", ["/ins/search", "/ins/verify", "/ins/vitale", "/ins/datamatrix", "/ins/batches"])
async def test_a_stranger_asks_nothing(practice: Box, insi: Teleservice, path: str) -> None:
    answer = await ask(practice, "POST", path, {"traits": TRAITS}, headers={"Authorization": "Bearer x"})
    check_problem(answer, 401, "unauthenticated")
    assert insi.calls == []
