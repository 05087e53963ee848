"""Who gets in, who is kept out, and what another site could try."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from gateway.web.sessions import LIFE_SECONDS
from tests.api.rig import Box
from tests.web.visit import forms_of, press, signed_in, words_of

SOME_ID = "01935f0e-0000-7000-8000-000000000000"


@pytest.mark.parametrize("path", ["/", f"/documents/{SOME_ID}", f"/documents/{SOME_ID}/preuve"])
async def test_a_stranger_is_shown_the_way_in(box: Box, path: str) -> None:
    async with box.client(None) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/connexion")


async def test_a_bearer_token_does_not_open_the_page(box: Box) -> None:
    async with box.client() as client:
        assert (await client.get("/")).status_code == 303


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(box: Box) -> None:
    async with box.client(None) as client:
        answer = await client.post("/connexion", data={"jeton": f" {box.token}\n"})
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("__host-relais=")
    for attribute in ("secure", "httponly", "samesite=strict", "path=/", f"max-age={LIFE_SECONDS}"):
        assert attribute in cookie
    assert "domain" not in cookie
    assert box.token not in cookie


@pytest.mark.parametrize("token", ["", "faux", "é" * 300, "'; drop table workstations; --"])
async def test_a_wrong_token_is_told_so(box: Box, token: str) -> None:
    async with box.client(None) as client:
        answer = await client.post("/connexion", data={"jeton": token})
        assert answer.status_code == 403
        assert "Ce jeton n'est pas reconnu." in words_of(answer)
        assert "set-cookie" not in answer.headers
        assert (await client.get("/")).status_code == 303


async def test_the_operator_sees_every_document(box: Box) -> None:
    receipt = await box.accept()
    async with signed_in(box, box.operator_token) as client:
        assert f"/documents/{receipt['id']}" in (await client.get("/")).text
        assert "Accès installateur" in (await client.get("/")).text


async def test_a_revoked_workstation_loses_the_page_at_once(box: Box) -> None:
    async with signed_in(box) as client:
        assert (await client.get("/")).status_code == 200
        await box.store.commit(msgspec.structs.replace(box.workstation, revoked=True))
        assert (await client.get("/")).status_code == 303
        answer = await client.get("/connexion")
        assert answer.status_code == 200


async def test_a_session_ends_with_the_day(box: Box) -> None:
    async with signed_in(box) as client:
        box.clock.advance(LIFE_SECONDS)
        assert (await client.get("/")).status_code == 303


async def test_who_is_in_already_does_not_sign_in_twice(box: Box) -> None:
    async with signed_in(box) as client:
        answer = await client.get("/connexion")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_signing_out_ends_the_session_on_the_box_too(box: Box) -> None:
    async with signed_in(box) as client:
        kept = client.cookies["__Host-relais"]
        page = await press(client, await client.get("/"), "/deconnexion")
        assert "Collez le jeton" in words_of(page)
        client.cookies.set("__Host-relais", kept)
        assert (await client.get("/")).status_code == 303


async def test_a_form_without_the_mark_does_nothing(box: Box) -> None:
    receipt = await box.accept()
    async with signed_in(box) as client:
        for fields in ({}, {"marque": ""}, {"marque": "0" * 64}, {"marque": "é"}):
            answer = await client.post(f"/documents/{receipt['id']}/annuler", data=fields)
            assert answer.status_code == 403
            assert "Page expirée" in words_of(answer)
    assert (await box.relay.status.view()).queue


async def test_the_mark_of_another_session_does_nothing(box: Box) -> None:
    receipt = await box.accept()
    async with signed_in(box) as first, signed_in(box) as second:
        fields = forms_of(await second.get("/"))[0].fields
        answer = await first.post(f"/documents/{receipt['id']}/annuler", data=fields)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://ailleurs.test"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
)
async def test_a_form_from_another_site_does_nothing(box: Box, headers: Mapping[str, str]) -> None:
    async with signed_in(box) as client:
        fields = forms_of(await client.get("/"))[0].fields
        assert (await client.post("/deconnexion", data=fields, headers=headers)).status_code == 403
        assert (await client.post("/connexion", data={"jeton": box.token}, headers=headers)).status_code == 403
        assert (await client.get("/")).status_code == 200


async def test_a_huge_form_is_not_read(box: Box) -> None:
    async with signed_in(box) as client:
        answer = await client.post("/connexion", data={"jeton": "x" * 100_000})
    assert answer.status_code == 413
    assert answer.headers["content-type"].startswith("text/html")


async def test_too_many_pages_in_a_minute_are_told_to_wait(box: Box) -> None:
    async with signed_in(box) as client:
        for _ in range(box.configuration.limits.requests_per_minute - 1):
            await client.get("/")
        answer = await client.get("/")
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "60"
        assert "Trop de demandes" in words_of(answer)
