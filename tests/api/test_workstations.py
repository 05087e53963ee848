"""The workstations over HTTP: as the specification says them, refused at once once revoked, their streams closed."""

from __future__ import annotations

import asyncio
from html import unescape
from pathlib import Path

import msgspec
import pytest

from gateway.flow.cards.reader_notices import ReaderNoticeType
from gateway.kernel.config import Pairing
from tests.api.judge import check_answer, check_problem
from tests.api.rig import Box, Served, bearer, configuration_of, open_box, request_part

ALL = "/api/v1/workstations"


async def test_the_operator_adds_names_renews_and_revokes(box: Box) -> None:
    async with box.client(box.operator_token) as admin:
        added = await admin.post(ALL, json={"name": "Cabinet 3"})
        check_answer(added, "/workstations")
        assert (added.status_code, added.headers["cache-control"]) == (201, "no-store")
        one = f"{ALL}/{added.json()['workstation']}"
        named = await admin.patch(one, json={"name": "Cabinet 3 bis"})
        check_answer(named, "/workstations/{workstation_id}")
        renewed = await admin.post(f"{one}/token")
        check_answer(renewed, "/workstations/{workstation_id}/token")
        listed = await admin.get(ALL)
        check_answer(listed, "/workstations")
        assert {(one["name"], one["operator"]) for one in listed.json()} == {
            ("Accueil", False),
            ("Cabinet 2", False),
            ("Cabinet 3 bis", False),
            ("operator", True),
        }
        async with box.client(added.json()["token"]) as former, box.client(renewed.json()["token"]) as latter:
            check_problem(await former.get("/api/v1/documents"), 401, "unauthenticated")
            assert (await latter.get("/api/v1/documents")).status_code == 200
            gone = await admin.delete(one)
            check_answer(gone, "/workstations/{workstation_id}")
            assert (gone.status_code, gone.json()["name"]) == (200, "Cabinet 3 bis")
            check_problem(await latter.get("/api/v1/documents"), 401, "unauthenticated")
        check_problem(await admin.delete(one), 404, "workstation-not-found", "workstation_id")
        operator = next(one["id"] for one in listed.json() if one["operator"])
        check_problem(await admin.delete(f"{ALL}/{operator}"), 409, "last-operator")
        check_problem(await admin.patch(f"{ALL}/{operator}", json={"name": "Autre"}), 409, "operator-name-fixed", "name")
        check_problem(await admin.post(ALL, json={"name": "accueil"}), 409, "workstation-name-taken", "name")
        check_problem(await admin.post(ALL, json={"operator": False}), 422, "request-invalid", "name")
        check_problem(await admin.post(ALL, json={"name": "a\nb"}), 422, "request-invalid", "name")


async def test_a_workstation_only_looks(box: Box) -> None:
    async with box.client() as client:
        listed = (await client.get(ALL)).json()
        assert {one["name"] for one in listed} == {"Accueil", "Cabinet 2"}
        assert [one["here"] for one in listed if one["name"] == "Accueil"] == [True]
        one = f"{ALL}/{listed[0]['id']}"
        for answer in (
            await client.post(ALL, json={"name": "Cabinet 3"}),
            await client.patch(one, json={"name": "Cabinet 3"}),
            await client.post(f"{one}/token"),
            await client.delete(one),
        ):
            check_problem(answer, 403, "workstations-reserved")
    async with box.client(None) as nobody:
        check_problem(await nobody.get(ALL), 401, "unauthenticated")
        check_problem(await nobody.delete(one), 401, "unauthenticated")


@pytest.mark.parametrize("stream", ["/api/v1/events", "/api/v1/card-events"])
@pytest.mark.parametrize("act", ["revoke", "renew"])
async def test_its_streams_end_at_once_and_those_of_others_go_on(here: Served, stream: str, act: str) -> None:
    station = here.box.workstation.id
    async with here.client() as client, here.client(here.box.other_token) as other, here.client(here.box.operator_token) as admin:
        async with client.stream("GET", stream) as mine, other.stream("GET", stream) as theirs:
            lines, kept = mine.aiter_lines(), theirs.aiter_lines()
            async with asyncio.timeout(10):
                assert (await anext(lines)).startswith(":")
                assert (await anext(kept)).startswith(":")
                answer = await (admin.delete(f"{ALL}/{station}") if act == "revoke" else admin.post(f"{ALL}/{station}/token"))
                assert answer.status_code == 200
                assert [one async for one in lines if one] == [], "ended by the box, long before it would have asked again"
            await here.box.accept(request_part(), token=here.box.other_token)
            here.box.devices._notices.publish(ReaderNoticeType.SERVICE_UP)
            awaited = "event: document.accepted" if stream.endswith("/events") else f"event: {ReaderNoticeType.SERVICE_UP.value}"
            async with asyncio.timeout(10):
                while await anext(kept) != awaited:
                    pass
        async with here.client() as again:
            check_problem(await again.get(stream), 401, "unauthenticated")


async def test_what_it_sent_goes_on_its_way(box: Box) -> None:
    receipt = await box.accept()
    async with box.client(box.operator_token) as admin:
        await admin.delete(f"{ALL}/{box.workstation.id}")
        seen = await admin.get(f"/api/v1/documents/{receipt['id']}")
    assert (seen.status_code, seen.json()["state"]) == (200, receipt["state"])
    assert {one["state"] for one in seen.json()["deliveries"]} == {one["state"] for one in receipt["deliveries"]}


async def test_the_page_is_lost_with_the_token(here: Served) -> None:
    async with here.client(None) as browser:
        await browser.post("/connexion", data={"jeton": here.box.token})
        assert (await browser.get("/")).status_code == 200
        async with here.client(here.box.operator_token) as admin:
            await admin.delete(f"{ALL}/{here.box.workstation.id}")
        assert (await browser.get("/")).status_code != 200


async def test_an_expired_token_says_so_and_how_to_go_on(tmp_path: Path) -> None:
    settings = msgspec.structs.replace(configuration_of(), pairing=Pairing(token_days=30))
    box = await open_box(tmp_path, configuration=settings)
    box.clock.advance(31 * 86_400)
    async with box.client() as client:
        problem = check_problem(await client.get("/api/v1/documents"), 401, "token-expired")
    assert "relais workstation renew" in problem["gesture"]
    async with box.client(None) as browser:
        page = await browser.post("/connexion", data={"jeton": box.token})
    assert (page.status_code, "Le jeton de ce poste a expiré" in unescape(page.text)) == (403, True)
    async with box.client(box.operator_token) as admin:
        token = (await admin.post(f"{ALL}/{box.workstation.id}/token")).json()["token"]
    async with box.client(None) as client:
        assert (await client.get("/api/v1/documents", headers=bearer(token))).status_code == 200
