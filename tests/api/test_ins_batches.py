"""Lists of patients to verify: as JSON or as a spreadsheet writes it, paced, followed, stopped, resumed (contract 3; insi.md 4.6, 6)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from typing_extensions import override

from gateway.ins.errors import InsiAccessRefused, InsiUnavailable
from gateway.journal.memory import MemoryStore
from gateway.journal.records import BatchRecord, Change
from tests.api.judge import check_problem
from tests.api.practice import (
    AS_DOCTOR,
    AS_SECRETARY,
    PATIENT_WORDS,
    PIERRE,
    SECRETARY,
    ZOE,
    ask,
    audit,
    neighbour,
    open_practice,
    put,
    read,
    until,
)
from tests.api.rig import AUTHOR, OTHER_STRUCTURE, Box, served
from tests.api.teleservice import Teleservice
from tests.api.test_events import take
from tests.trust.pki import STRUCTURE

ROUTE, ONE = "/ins/batches", "/ins/batches/{batch_id}"
NOBODY = {**ZOE, "birth_family_name": "Inconnue"}
THREE = [{"local_id": "L-1", **ZOE}, {"local_id": "L-2", **NOBODY}, {"local_id": "L-3", **PIERRE}]
OUTCOMES = {"found_exact": 1, "not_found": 1, "found_different": 1}
SHEET = (
    "local_id;birth_family_name;birth_given_names;sex;birth_date;birth_place\r\n"
    "L-1;Adrun;Zoé;F;1975-12-31;63220\r\n"
    'L-2;"Dupré d\'Été";Anaïs;F;1980-02-02;2B020\r\n'
    "L-3;ECETINSI;PIERRE-ALAIN;M;2009-07-14;63220\r\n"
)
NIGHT = 12 * 3600
"""Seconds from the afternoon of the tests to the small hours."""


async def started(box: Box, body: dict[str, Any], *, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    answer = await ask(box, "POST", ROUTE, body, headers=headers)
    assert answer.status_code == 201, answer.text
    view: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/api/v1/ins/batches/{view['id']}"
    return view


async def sheet(box: Box, content: bytes, query: str = "?when=now", media: str = "text/csv") -> httpx.Response:
    return await ask(box, "POST", f"{ROUTE}{query}", route=ROUTE, content=content, headers={"Content-Type": media})


async def stands(box: Box, view: dict[str, Any], *, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = (await ask(box, "GET", f"{ROUTE}/{view['id']}", route=ONE, headers=headers)).json()
    return found


async def stopped(box: Box, view: dict[str, Any], *, headers: Mapping[str, str] | None = None) -> httpx.Response:
    return await ask(box, "POST", f"{ROUTE}/{view['id']}/cancel", route=f"{ONE}/cancel", headers=headers)


async def ended(box: Box, view: dict[str, Any]) -> bool:
    record = await box.store.batch(view["id"])
    return record is not None and record.state != "running"


async def test_a_list_is_verified_at_once_and_gives_tasks_never_silent_changes(practice: Box, insi: Teleservice) -> None:
    view = await started(practice, {"kind": "tomorrow", "when": "now", "patients": THREE})
    assert (view["kind"], view["state"], view["total"], view["done"], view["outcomes"]) == ("tomorrow", "running", 3, 0, {})
    assert view["estimated_end"] is not None
    async with practice.working():
        await until(lambda: ended(practice, view))
    after = await stands(practice, view)
    assert (after["state"], after["done"], after["outcomes"], after["estimated_end"]) == ("done", 3, OUTCOMES, None)
    items = {one["local_id"]: one for one in (await ask(practice, "GET", "/worklist")).json()["items"]}
    assert {name: one["task"] for name, one in items.items()} == {"L-1": "qualify", "L-2": "search", "L-3": "decide"}
    assert items["L-3"]["traits"]["birth_given_names"] == "PIERRE-ALAIN"
    assert {user for _, user, _ in insi.calls} == {False}


async def test_a_list_is_audited_call_by_call_under_the_box_and_started_under_its_author(practice: Box) -> None:
    view = await started(practice, {"kind": "tomorrow", "when": "now", "patients": THREE[:1]}, headers=AS_SECRETARY)
    async with practice.working():
        await until(lambda: ended(practice, view))
    [start] = await audit(practice, "batch.started")
    assert (start.actor, start.structure, start.detail) == (
        f"secretary:{SECRETARY}",
        STRUCTURE,
        {"kind": "tomorrow", "total": 1, "batch": view["id"]},
    )
    [asked] = await audit(practice, "insi.asked")
    assert (asked.actor, asked.detail["purpose"], asked.patient_ref is not None) == ("system", "verification", True)


@pytest.mark.parametrize(
    "content",
    [
        SHEET.encode("utf-8"),
        SHEET.encode("utf-8-sig"),
        SHEET.encode("cp1252"),
        SHEET.replace("\r\n", "\n").encode("cp1252"),
        (SHEET + ";;;;;\r\n\r\n").encode("utf-8-sig"),
        SHEET.replace("local_id", '"LOCAL_ID"').replace("Adrun", '"Adrun"').encode("utf-8-sig"),
        SHEET.replace("1975-12-31", "31/12/1975").encode("cp1252"),
    ],
    ids=["utf-8", "bom", "cp1252", "unix", "empty-lines", "quotes", "french-dates"],
)
async def test_a_spreadsheet_of_a_french_excel_is_read_as_it_is_written(practice: Box, content: bytes) -> None:
    view = (await sheet(practice, content)).json()
    assert (view["kind"], view["total"]) == ("tomorrow", 3)
    first, second = (await read(practice, "L-1"))["traits"], (await read(practice, "L-2"))["traits"]
    assert (first["birth_family_name"], first["birth_given_names"], first["birth_place"]) == ("Adrun", "Zoé", "63220")
    assert (second["birth_family_name"], second["birth_given_names"], second["birth_place"]) == ("Dupré d'Été", "Anaïs", "2B020")
    async with practice.working():
        await until(lambda: ended(practice, view))
    assert (await stands(practice, view))["outcomes"] == OUTCOMES


async def test_what_cannot_be_read_is_told_line_by_line_and_the_others_go_on(practice: Box) -> None:
    """A date without its zeros, half a code, a cell too many: never guessed."""
    altered = "L-4;Adrun;Zoé;F;1/2/1975;63220\r\nL-5;Adrun;Zoé;F;1975-12-31;105\r\nL-6;Adrun;Zoé;F;1975-12-31;63220;x\r\n"
    view = (await sheet(practice, (SHEET + altered).encode("cp1252"))).json()
    assert view["total"] == 6
    assert [(one["line"], one["field"], one["explanation"]["code"]) for one in view["refused"]] == [
        (5, "birth_date", "trait-invalid"),
        (6, "birth_place", "trait-invalid"),
        (7, "birth_place", "patient-line-invalid"),
    ]
    assert [word for word in PATIENT_WORDS if word in repr(view).lower()] == []
    async with practice.working():
        await until(lambda: ended(practice, view))
    after = await stands(practice, view)
    assert (after["done"], after["outcomes"]) == (6, {**OUTCOMES, "refused": 3})
    for local_id in ("L-4", "L-5", "L-6"):
        check_problem(await ask(practice, "GET", f"/patients/{local_id}", route="/patients/{local_id}"), 404, "patient-not-found")


async def test_a_comma_and_another_order_of_columns_will_do(practice: Box) -> None:
    content = b"birth_place,local_id,sex,birth_date,birth_given_names,birth_family_name\n63220,L-1,F,1975-12-31,ZOE,ADRUN\n"
    answer = await sheet(practice, content, "?kind=file&when=night", "Text/CSV; charset=utf-8; header=present")
    assert (answer.status_code, answer.json()["kind"], answer.json()["total"]) == (201, "file", 1)
    assert (await read(practice, "L-1"))["traits"]["birth_place"] == "63220"


@pytest.mark.parametrize(
    "content",
    [b"", b"nom;prenom\r\nAdrun;Zoe\r\n", b"local_id;local_id\r\n1;2\r\n", b"local_id\r\n", b'local_id;sex\r\n"1;F\r\n', b"\x00\xff\xfe"],
)
async def test_a_list_that_cannot_be_read_is_refused_whole_without_repeating_it(practice: Box, content: bytes) -> None:
    answer = await sheet(practice, content)
    check_problem(answer, 422, "patient-list-invalid", answer.json().get("field"))
    assert [word for word in PATIENT_WORDS if word in answer.text.lower()] == []
    assert (await ask(practice, "GET", ROUTE)).json() == []


@pytest.mark.parametrize(
    ("query", "field"),
    [("?when=demain", "when"), ("?when=null", "when"), ("?kind=all", "kind"), ("?kind=file&kind=file", "kind"), ("?when=", "when")],
)
async def test_the_parameters_of_a_sheet_are_of_their_form(practice: Box, query: str, field: str) -> None:
    check_problem(await sheet(practice, SHEET.encode(), query), 400, "parameter-invalid", field)


@pytest.mark.parametrize("field", ["structure", "kind", "when"])
async def test_json_says_everything_in_its_body(practice: Box, field: str) -> None:
    answer = await ask(practice, "POST", f"{ROUTE}?{field}=now", {"kind": "file"}, route=ROUTE)
    check_problem(answer, 400, "parameter-invalid", field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "kind"),
        ({"kind": "all"}, "kind"),
        ({"kind": "file", "when": "demain"}, "when"),
        ({"kind": "tomorrow", "patients": [{"local_id": "1"}, {"sex": "F"}]}, "patients[1].local_id"),
        ({"kind": "tomorrow", "patients": [{"local_id": "1", "nom": "Adrun"}]}, "patients[0]"),
        ({"kind": "tomorrow", "patients": [{"local_id": "1"}] * 20_001}, "patients"),
    ],
)
async def test_a_body_of_another_form_is_refused_by_its_field(practice: Box, body: dict[str, Any], field: str) -> None:
    check_problem(await ask(practice, "POST", ROUTE, body), 422, "request-invalid", field)


async def test_a_list_of_another_kind_or_too_large_is_refused(practice: Box) -> None:
    other = await sheet(practice, SHEET.encode(), media="application/vnd.ms-excel")
    check_problem(other, 415, other.json()["code"], "Content-Type")
    assert (await sheet(practice, b"local_id\n" + b"1\n" * 2_000_000)).status_code == 413


async def test_a_patient_who_cannot_be_taken_is_named_by_his_rank_and_the_others_go_on(practice: Box) -> None:
    view = await started(
        practice, {"kind": "tomorrow", "patients": [THREE[0], {"local_id": "L-2", **ZOE, "sex": "X"}, {"local_id": "L-9"}]}
    )
    assert [(one["line"], one["field"], one["explanation"]["code"]) for one in view["refused"]] == [
        (None, "patients[1].sex", "trait-invalid"),
        (None, "patients[2].local_id", "patient-not-found"),
    ]
    assert (view["total"], view["done"], view["outcomes"]) == (3, 2, {"refused": 2})


async def test_one_known_patient_needs_only_his_local_id_and_an_unknown_one_is_named(practice: Box) -> None:
    await put(practice, "L-1")
    assert (await started(practice, {"kind": "tomorrow", "patients": [{"local_id": "L-1"}]}))["total"] == 1
    answer = await ask(practice, "POST", ROUTE, {"kind": "tomorrow", "patients": [{"local_id": "L-9"}]})
    check_problem(answer, 404, "patient-not-found", "patients[0].local_id")


async def test_at_night_only_unless_asked_otherwise(practice: Box, insi: Teleservice) -> None:
    view = await started(practice, {"kind": "tomorrow", "patients": THREE})
    assert view["estimated_end"].startswith("2026-11-25T01:00:0")
    async with practice.working():
        at_once = await started(practice, {"kind": "tomorrow", "when": "now", "patients": [{"local_id": "L-1"}]})
        await until(lambda: ended(practice, at_once))
        assert len(insi.calls) == 1
        assert (await stands(practice, view))["done"] == 0
        practice.clock.advance(NIGHT)
        practice.inquiries.wake()
        await until(lambda: ended(practice, view))
    assert (await stands(practice, view))["outcomes"] == {"unchanged": 1, "not_found": 1, "found_different": 1}


async def test_the_whole_file_is_walked_page_by_page_with_its_progress(practice: Box, insi: Teleservice) -> None:
    everyone = [{"local_id": f"F-{number}", **ZOE} for number in range(130)]
    later = await started(practice, {"kind": "tomorrow", "patients": everyone})
    assert (await stopped(practice, later)).json()["state"] == "cancelled"
    view = await started(practice, {"kind": "file", "when": "now"})
    assert (view["kind"], view["total"], view["done"]) == ("file", 130, 0)
    seen: list[int] = []

    async def over() -> bool:
        seen.append((await stands(practice, view))["done"])
        return await ended(practice, view)

    async with practice.working():
        await until(over)
    assert seen == sorted(seen)
    assert len(set(seen)) > 2
    assert (await stands(practice, view))["outcomes"] == {"found_exact": 130}
    assert len(insi.calls) == 130
    assert [one["id"] for one in (await ask(practice, "GET", ROUTE)).json()] == [view["id"], later["id"]]


async def test_a_list_cut_short_goes_on_where_it_was_and_asks_nobody_twice(practice: Box, insi: Teleservice) -> None:
    view = await started(practice, {"kind": "tomorrow", "when": "now", "patients": THREE})
    insi.mute_after = 1
    async with practice.working():
        await until(lambda: asked(insi, 2))
    cut = await stands(practice, view)
    assert (cut["state"], cut["done"], cut["outcomes"]) == ("running", 1, {"found_exact": 1})
    insi.mute_after = None
    async with practice.working():
        await until(lambda: ended(practice, view))
    assert (await stands(practice, view))["outcomes"] == OUTCOMES
    lines = await audit(practice, "insi.asked")
    assert len(lines) == len({one.detail["message_id"] for one in lines}) == len(insi.calls) == 4
    assert len({one.patient_ref for one in lines}) == 3


async def asked(insi: Teleservice, count: int) -> bool:
    return len(insi.calls) >= count


async def test_an_outage_is_waited_for_and_costs_nobody_his_answer(practice: Box, insi: Teleservice) -> None:
    view = await started(practice, {"kind": "tomorrow", "when": "now", "patients": THREE})
    insi.trouble = InsiUnavailable
    async with practice.working():
        await until(lambda: asked(insi, 3))
        insi.trouble = None
        practice.clock.advance(3600)
        practice.inquiries.wake()
        await until(lambda: ended(practice, view))
    assert (await stands(practice, view))["outcomes"] == OUTCOMES


async def test_why_a_list_stands_still_is_told(practice: Box, insi: Teleservice) -> None:
    view = await started(practice, {"kind": "tomorrow", "when": "now", "patients": THREE})
    insi.trouble = InsiAccessRefused
    async with practice.working():
        await until(lambda: asked(insi, 1))
        await until(lambda: explained(practice, view))
    told = (await stands(practice, view))["explanation"]
    assert (told["code"], told["who"]) == ("insi-access-refused", "votre installateur")
    assert len(insi.calls) == 1


async def explained(box: Box, view: dict[str, Any]) -> bool:
    return (await stands(box, view))["explanation"] is not None


async def test_what_is_done_stays_done_when_a_list_is_stopped_and_who_stopped_it_is_told(practice: Box, insi: Teleservice) -> None:
    view = await started(practice, {"kind": "tomorrow", "when": "now", "patients": THREE}, headers=AS_SECRETARY)
    insi.mute_after = 1
    async with practice.working():
        await until(lambda: asked(insi, 2))
    answer = await stopped(practice, view, headers=AS_DOCTOR)
    assert (answer.status_code, answer.json()["state"], answer.json()["done"]) == (200, "cancelled", 1)
    assert (answer.json()["outcomes"], answer.json()["estimated_end"]) == ({"found_exact": 1}, None)
    assert (await stopped(practice, view)).json() == answer.json()
    [line] = await audit(practice, "batch.cancelled")
    assert line.actor == f"professional:{AUTHOR}"
    assert (await read(practice, "L-1"))["status"] == "RECUP"


class Overtaken(MemoryStore):
    """A journal where the walk of a list comes just before its end."""

    once = True

    @override
    async def commit(self, *changes: Change) -> None:
        for one in changes:
            if isinstance(one, BatchRecord) and one.state == "cancelled" and self.once:
                self.once = False
                await super().commit(msgspec.structs.replace(one, state="running", closed_at=None))
        await super().commit(*changes)


async def test_a_list_is_stopped_even_at_the_instant_it_moves(tmp_path: Path, insi: Teleservice) -> None:
    box = await open_practice(tmp_path, insi, store=Overtaken())
    view = await started(box, {"kind": "file"})
    assert (await stopped(box, view)).json()["state"] == "cancelled"
    assert len(await audit(box, "batch.cancelled")) == 1


async def test_the_end_of_a_list_is_an_event_for_its_workstation_without_a_patient(tmp_path: Path, insi: Teleservice) -> None:
    box = await open_practice(tmp_path, insi)
    async with served(box) as here, box.working(), here.client() as client, client.stream("GET", "/api/v1/events") as events:
        view = await started(box, {"kind": "tomorrow", "when": "now", "patients": THREE})
        [event] = await take(events, 1, "batch.")
    assert event["event"] == "batch.done"
    assert json.loads(event["data"]) == {"structure": STRUCTURE, "id": view["id"], "state": "done"}


async def test_another_structure_neither_sees_nor_stops_a_list(practice: Box) -> None:
    view, stranger = await started(practice, {"kind": "file"}), await neighbour(practice)
    assert (await ask(practice, "GET", ROUTE, headers=stranger)).json() == []
    check_problem(await ask(practice, "GET", f"{ROUTE}/{view['id']}", route=ONE, headers=stranger), 404, "not-found")
    check_problem(await stopped(practice, view, headers=stranger), 404, "not-found")
    check_problem(await ask(practice, "GET", f"{ROUTE}/x", route=ONE), 404, "not-found")
    asked_there = await ask(practice, "POST", ROUTE, {"kind": "file", "structure": OTHER_STRUCTURE})
    check_problem(asked_there, 422, "structure-unknown", "structure")
    assert (await stands(practice, view))["state"] == "running"
    colleague = {"Authorization": f"Bearer {practice.other_token}"}
    assert (await stands(practice, view, headers=colleague)) == await stands(practice, view)
