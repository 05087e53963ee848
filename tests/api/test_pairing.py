"""POST /pairing: closed, open, two at once, too often; what the token is good for; what the status and the events say."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import msgspec
import pytest

from gateway.flow.caller import OPERATOR
from tests.api.judge import check_answer, check_event, check_problem
from tests.api.rig import AUTHOR, OTHER_STRUCTURE, Box, Served, bearer, open_box
from tests.trust.pki import STRUCTURE

PAIRING = "/api/v1/pairing"
JSON = {"Content-Type": "application/json"}


async def ask(box: Box, name: str = "Cabinet 3", **more: object) -> httpx.Response:
    async with box.client(None) as client:
        return await client.post(PAIRING, json={"name": name, **more})


async def test_a_stranger_gets_nothing_while_the_window_is_closed(box: Box) -> None:
    problem = check_problem(await ask(box), 403, "pairing-closed")
    assert "bouton du boîtier" in problem["gesture"]
    async with box.client(None) as client:
        check_problem(await client.post(PAIRING, content=b"{"), 403, "pairing-closed")
    assert len(await box.store.workstations()) == 3


async def test_one_workstation_gets_its_token_once_and_works_with_it(box: Box) -> None:
    await box.relay.front.window.open_by_button()
    answer = await ask(box)
    check_answer(answer, "/pairing")
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    paired = answer.json()
    assert (paired["name"], paired["structures"]) == ("Cabinet 3", [STRUCTURE])
    receipt = await box.accept(token=paired["token"])
    async with box.client(paired["token"]) as client:
        assert (await client.get(f"/api/v1/documents/{receipt['id']}")).status_code == 200
    async with box.client() as client:
        check_problem(await client.get(f"/api/v1/documents/{receipt['id']}"), 404, "not-found")
    check_problem(await ask(box, "Cabinet 4"), 403, "pairing-closed")
    kept = b"".join(msgspec.json.encode(one) for one in [*await box.store.workstations(), *await box.store.audit_after(0, 100)])
    assert paired["token"].encode() not in kept


async def test_of_twelve_at_once_over_tls_exactly_one_gets_a_token(here: Served) -> None:
    await here.box.relay.front.window.open_by_button()
    async with here.client(None) as client:
        answers = await asyncio.gather(*(client.post(PAIRING, json={"name": f"Poste {number}"}) for number in range(12)))
    assert sorted(one.status_code for one in answers) == [201] + [403] * 11
    assert len(await here.box.store.workstations()) == 4


async def test_a_restart_closes_the_window(tmp_path: Path) -> None:
    box = await open_box(tmp_path)
    await box.relay.front.window.open_by_button()
    box = await open_box(tmp_path, store=box.store)
    check_problem(await ask(box), 403, "pairing-closed")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": 3}, "name"),
        ({"name": "Cabinet 3", "structures": ["x"]}, "request"),
    ],
)
async def test_a_malformed_request_names_its_field_and_the_window_stays_open(box: Box, body: dict[str, object], field: str) -> None:
    await box.relay.front.window.open_by_button()
    async with box.client(None) as client:
        check_problem(await client.post(PAIRING, json=body), 422, "request-invalid", field)
    assert (await ask(box)).status_code == 201


async def test_a_malformed_actor_is_refused_here_too(box: Box) -> None:
    await box.relay.front.window.open_by_button()
    async with box.client(None) as client:
        check_problem(
            await client.post(PAIRING, json={"name": "Cabinet 3"}, headers={"Relais-Actor": ""}), 400, "parameter-invalid", "Relais-Actor"
        )
    assert (await ask(box)).status_code == 201


@pytest.mark.parametrize("media", ["", "text/plain", "application/x-www-form-urlencoded"])
async def test_a_page_of_another_site_cannot_spend_the_window(box: Box, media: str) -> None:
    """What a browser may send anywhere without asking."""
    await box.relay.front.window.open_by_button()
    async with box.client(None) as client:
        answer = await client.post(PAIRING, content=b'{"name": "Cabinet 3"}', headers={"Content-Type": media})
    check_problem(answer, 415, "content-type-refused", "Content-Type")
    assert box.relay.front.window.is_open


async def test_a_name_of_another_and_the_operators_are_refused(box: Box) -> None:
    await box.relay.front.window.open_by_button()
    for name in ("Accueil", "ACCUEIL", OPERATOR, "Operator"):
        check_problem(await ask(box, name), 409, "workstation-name-taken", "name")
    assert (await ask(box)).status_code == 201


async def test_a_box_of_several_structures_asks_for_one(tmp_path: Path) -> None:
    box = await open_box(tmp_path, structures=(STRUCTURE, OTHER_STRUCTURE))
    await box.relay.front.window.open_by_button()
    check_problem(await ask(box), 422, "structure-unknown", "structure")
    check_problem(await ask(box, structure="10B0000000"), 422, "structure-unknown", "structure")
    assert (await ask(box, structure=OTHER_STRUCTURE)).json()["structures"] == [OTHER_STRUCTURE]


async def test_a_body_too_large_is_cut(box: Box) -> None:
    await box.relay.front.window.open_by_button()
    async with box.client(None) as client:
        check_problem(await client.post(PAIRING, content=b'{"name": "' + b"a" * 5000, headers=JSON), 413, "body-too-large", "body")


async def test_asking_again_and_again_is_slowed(box: Box) -> None:
    answers = [await ask(box) for _ in range(25)]
    assert [one.status_code for one in answers] == [403] * 20 + [429] * 5
    check_problem(answers[-1], 429, "rate-limited")
    check_answer(answers[-1], "/pairing")


async def test_the_operator_opens_it_and_other_workstations_do_not(box: Box) -> None:
    async with box.client() as client:
        for verb in ("open", "close"):
            check_problem(await client.post(f"{PAIRING}/{verb}"), 403, "pairing-reserved")
    async with box.client(None) as client:
        check_problem(await client.post(f"{PAIRING}/open"), 401, "unauthenticated")
    async with box.client(box.operator_token) as client:
        answer = await client.post(f"{PAIRING}/open", headers={"Relais-Actor": AUTHOR})
        check_answer(answer, "/pairing/open")
        assert answer.json() == {"open": True, "seconds_left": 120}
        answer = await client.post(f"{PAIRING}/close")
        check_answer(answer, "/pairing/close")
        assert answer.json() == {"open": False, "seconds_left": 0}
    [opened, closed] = [one for one in await box.store.audit_after(0, 100) if one.act.startswith("pairing.")]
    assert (opened.act, opened.actor) == ("pairing.opened", f"professional:{AUTHOR}")
    assert closed.act == "pairing.closed"


async def test_the_status_tells_it_to_workstations_and_nothing_to_strangers(box: Box) -> None:
    await box.relay.front.window.open_by_button()
    box.clock.advance(30)
    async with box.client() as client:
        answer = await client.get("/api/v1/status")
    check_answer(answer, "/status")
    front = answer.json()["front"]
    assert front["pairing"] == {"open": True, "seconds_left": 90}
    assert front["panel"] == {"fitted": False, "connected": False, "watchdog_armed": False, "box_resets": 0, "trouble": None}
    assert front["reset"] is None
    async with box.client(None) as client:
        assert (await client.get("/api/v1/status")).json() == {"ok": True}


async def test_a_held_button_is_told_by_the_status_and_to_every_listener(box: Box) -> None:
    await box.relay.front.requests.record()
    async with box.client() as client:
        assert (await client.get("/api/v1/status")).json()["front"]["reset"] == {
            "requested_at": "2026-11-24T13:05:00Z",
            "seconds_left": None,
        }
    for token in (box.token, box.other_token, box.operator_token):
        caller = await box.relay.gate.recognise(token, None)
        events = box.relay.reader.events(caller, 0)
        told = await anext(events)
        assert told is not None
        assert told.kind == "reset.requested"
        check_event(told.kind, msgspec.to_builtins(told.data))
        await events.aclose()


async def test_any_workstation_takes_it_back_until_the_box_is_handed_over(box: Box) -> None:
    requests = box.relay.front.requests
    await requests.record()
    async with box.client() as client:
        answer = await client.post("/api/v1/reset/dismiss")
        check_answer(answer, "/reset/dismiss")
        assert answer.json()["reset"] is None
        assert (await client.post("/api/v1/reset/dismiss")).status_code == 200, "nothing to take back"
        await requests.record()
        await requests.run(box.clock, 60)
        check_problem(await client.post("/api/v1/reset/dismiss"), 409, "reset-begun")
    async with box.client(None) as client:
        check_problem(await client.post("/api/v1/reset/dismiss"), 401, "unauthenticated")


async def test_a_token_given_by_the_window_is_one_like_the_others(box: Box) -> None:
    await box.relay.front.window.open_by_button()
    token = (await ask(box)).json()["token"]
    async with box.client(None) as client:
        status = await client.get("/api/v1/status", headers=bearer(token))
        assert "front" in status.json()
        check_problem(await client.post(f"{PAIRING}/open", headers=bearer(token)), 403, "pairing-reserved")
