"""The person named by Relais-Actor is one the box knows, on every route: an act is never imputed to an invented name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.api.specification import EVERY_OPERATION
from gateway.kernel.config import Secretary
from tests.api.judge import check_answer, check_problem
from tests.api.rig import AUTHOR, OTHER_STRUCTURE, Box, configuration_of, form, open_box, request_part
from tests.api.test_documents import send
from tests.trust.pki import STRUCTURE

WITHOUT_CALLER = ("pairWorkstation", "readEpoch")
"""Their header is read for its form alone."""
NOT_OFFERED = "notOffered"
THEIR_SECRETARY = {"Relais-Actor": "secretariat-9"}
"""Of the other structure alone."""


async def test_a_person_nobody_declared_is_refused_on_every_route(box: Box) -> None:
    tried = [one for one in EVERY_OPERATION if one.name not in WITHOUT_CALLER and not one.name.startswith(NOT_OFFERED)]
    assert len(tried) > 60
    async with box.client() as client:
        for operation in tried:
            path = operation.path
            for one in operation.parameters:
                path = path.replace(f"{{{one.name}}}", "x")
            answer = await client.request(operation.method, f"{operation.base}{path}", headers={"Relais-Actor": "nobody"})
            problem = check_problem(answer, 422, "actor-unknown", "Relais-Actor")
            assert "Relais-Actor" in problem["gesture"]
            if operation.base == "/api/v1":
                check_answer(answer, operation.path)
    assert await box.store.audit_after(0, 100) == []


async def test_a_token_that_is_wrong_is_told_before_a_name_that_is(box: Box) -> None:
    async with box.client("wrong") as client:
        check_problem(await client.get("/api/v1/documents", headers={"Relais-Actor": "nobody"}), 401, "unauthenticated")


async def test_a_name_of_no_form_is_refused_where_no_caller_is_asked_for(box: Box) -> None:
    async with box.client(None) as client:
        check_problem(await client.get("/api/v1/epoch", headers={"Relais-Actor": ""}), 400, "parameter-invalid", "Relais-Actor")


@pytest.fixture
async def shared(tmp_path: Path) -> Box:
    """Two structures on every workstation; the secretary is of the second alone."""
    whole = configuration_of((STRUCTURE, OTHER_STRUCTURE))
    first, second = whole.structures
    theirs = msgspec.structs.replace(second, secretaries=(Secretary(id="secretariat-9", family="PETIT", given="ALIX"),))
    configuration = msgspec.structs.replace(whole, structures=(first, theirs))
    return await open_box(tmp_path, structures=(STRUCTURE, OTHER_STRUCTURE), configuration=configuration)


async def test_a_person_of_one_structure_does_not_act_on_what_is_anothers(shared: Box) -> None:
    receipt = await shared.accept(request_part(structure=STRUCTURE))
    delivery = receipt["deliveries"][0]["id"]
    before = await shared.store.audit_after(0, 100)
    refused = await send(
        shared,
        form({**request_part(structure=STRUCTURE), "document": {**request_part()["document"], "title": "Compte rendu"}}),
        **THEIR_SECRETARY,
    )
    check_problem(refused, 422, "actor-unknown", "Relais-Actor")
    async with shared.client() as client:
        for path in (
            f"/documents/{receipt['id']}/cancel",
            *(f"/deliveries/{delivery}/{one}" for one in ("hold", "release", "retry", "cancel")),
        ):
            answer = await client.post(f"/api/v1{path}", headers=THEIR_SECRETARY)
            check_problem(answer, 422, "actor-unknown", "Relais-Actor")
        order = (None, f'{{"structure": "{STRUCTURE}"}}', "application/json")
        signed: dict[str, Any] = {"file": ("a.xml", b"<a/>", "application/xml"), "request": order}
        answer = await client.post("/api/v1/signatures", files=signed, headers=THEIR_SECRETARY)
        check_problem(answer, 422, "actor-unknown", "Relais-Actor")
        answer = await client.post("/api/v1/ins/search", json={"structure": STRUCTURE, "local_id": "P-1"}, headers=THEIR_SECRETARY)
        check_problem(answer, 422, "actor-unknown", "Relais-Actor")
    assert await shared.store.audit_after(0, 100) == before
    assert (await shared.store.deliveries_of(receipt["id"]))[0].state == "queued"


async def test_the_same_person_acts_for_the_structure_that_knows_them(shared: Box) -> None:
    accepted = await send(shared, form(request_part(structure=OTHER_STRUCTURE)), **THEIR_SECRETARY)
    assert accepted.status_code == 202
    [line] = await shared.store.audit_of(accepted.json()["id"])
    assert line.actor == "secretary:secretariat-9"


async def test_without_the_header_the_workstation_answers(shared: Box) -> None:
    receipt = await shared.accept(request_part(structure=STRUCTURE))
    [line] = await shared.store.audit_of(receipt["id"])
    assert line.actor == f"workstation:{line.detail['workstation']}"


async def test_the_operator_is_joined_by_anybody_of_the_box(shared: Box) -> None:
    async with shared.client(shared.operator_token) as client:
        answer = await client.post("/api/v1/pairing/open", headers=THEIR_SECRETARY)
        assert answer.status_code == 200
        answer = await client.post("/api/v1/pairing/close", headers={"Relais-Actor": AUTHOR})
        assert answer.status_code == 200
    opened, closed = [one for one in await shared.store.audit_after(0, 100) if one.act.startswith("pairing.")]
    assert (opened.actor, closed.actor) == ("secretary:secretariat-9", f"professional:{AUTHOR}")
