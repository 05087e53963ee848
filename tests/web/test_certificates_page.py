"""The page « Certificats » without a browser: a file imported, the next one put into use, refusals beside their field, nothing kept."""

from __future__ import annotations

import gc
import html

import httpx
import pytest

from gateway.trust.keystore import KeyStore
from gateway.trust.roles import Role
from gateway.trust.vault import open_vault
from gateway.web.sessions import Notice, Sessions
from tests.api.rig import AUTHOR, Box
from tests.trust.faulty import FAULTY
from tests.trust.pki import AUTH_CLI, PASSPHRASE, SIGN, STRUCTURE, shared_leaf, shared_pki
from tests.web.visit import forms_of, press, signed_in, words_of

FOLLOWING = shared_pki().issue(SIGN)


async def bring(client: httpx.AsyncClient, data: bytes | None, **said: str) -> httpx.Response:
    """Send the import form, and follow to what comes of it."""
    [wanted] = [one for one in forms_of(await client.get("/certificats")) if one.action == "/certificats"]
    fields = {**wanted.fields, "usage": "sign", "vous": AUTHOR, "mot_de_passe": PASSPHRASE, **said}
    files = {"fichier": ("certificat.p12", data, "application/x-pkcs12")} if data is not None else {"x": b""}
    answer = await client.post(wanted.action, data=fields, files=files)
    assert answer.status_code == 303, answer.text
    page = await client.get(answer.headers["location"])
    assert PASSPHRASE not in html.unescape(page.text)
    return page


async def test_what_is_held_is_shown_with_its_end(box: Box) -> None:
    async with signed_in(box) as client:
        page = await client.get("/certificats")
        home = await client.get("/")
    assert '<a href="/certificats">Certificats</a>' in home.text
    assert "Signature des documents (SIGN) En service ✓ Valable Utilisable jusqu'au : le" in words_of(page)
    assert "<script" not in page.text
    assert 'autocomplete="off"' in page.text


async def test_a_file_waits_is_put_into_use_and_the_former_comes_back(box: Box) -> None:
    async with signed_in(box) as client:
        page = await bring(client, FOLLOWING.pkcs12())
        assert "Le certificat est enregistré, et les services appelés l'acceptent. Il attend comme certificat suivant." in words_of(page)
        assert "Le certificat suivant est prêt" in words_of(page)
        page = await press(client, page, "/sign/mettre-en-service")
        assert "Le nouveau certificat est en service." in words_of(page)
        assert held(box) == FOLLOWING.der
        page = await press(client, page, "/sign/revenir")
        assert "L'ancien certificat est de nouveau en service." in words_of(page)
        assert held(box) == shared_leaf(SIGN).der
        page = await press(client, page, "/sign/retirer")
        assert "Le certificat suivant est retiré." in words_of(page)
        assert "/sign/mettre-en-service" not in page.text


def held(box: Box) -> bytes:
    """What another process finds in use."""
    return KeyStore(box.home, open_vault(box.home)).certificate(STRUCTURE, Role.SIGN)


async def test_the_first_one_is_in_use_at_once_even_though_its_service_is_down(box: Box) -> None:
    async with signed_in(box) as client:
        page = await bring(client, shared_leaf(AUTH_CLI).pkcs12(), usage="auth_cli")
    assert "Un service n'a pas pu être joint" in words_of(page)
    assert "Il est en service." in words_of(page)


@pytest.mark.parametrize(
    ("name", "field"), [("mot-de-passe-faux", "mot_de_passe"), ("fichier-coupe", "fichier"), ("autre-structure", "fichier")]
)
async def test_a_refusal_stands_beside_its_field(box: Box, name: str, field: str) -> None:
    fault = FAULTY[name]
    async with signed_in(box) as client:
        page = await bring(client, fault.data(), mot_de_passe=fault.passphrase)
    [line] = [one for one in html.unescape(page.text).splitlines() if f'name="{field}"' in one]
    assert 'aria-invalid="true"' in line
    assert 'id="faute"' in page.text
    assert "checked" in page.text, "the choice made is not to be made again"


async def test_a_form_without_a_file_or_a_purpose_says_so(box: Box) -> None:
    async with signed_in(box) as client:
        for page in (await bring(client, None), await bring(client, FOLLOWING.pkcs12(), usage="")):
            assert "Il manque un choix ou un champ" in words_of(page)
        page = await bring(client, FOLLOWING.pkcs12(), vous="")
    assert "il faut dire qui vous êtes" in words_of(page)


async def test_a_form_of_another_site_changes_nothing(box: Box) -> None:
    async with signed_in(box) as client:
        fields = {"marque": "x", "structure": STRUCTURE, "usage": "sign", "vous": AUTHOR, "mot_de_passe": PASSPHRASE}
        files = {"fichier": ("a.p12", FOLLOWING.pkcs12(), "application/x-pkcs12")}
        assert (await client.post("/certificats", data=fields, files=files)).status_code == 403
        assert (await client.post(f"/certificats/{STRUCTURE}/sign/retirer", data={"marque": "x"})).status_code == 403
        assert (await client.post(f"/certificats/{STRUCTURE}/sign/detruire", data={"marque": "x"})).status_code == 404
    async with box.client(None) as stranger:
        assert (await stranger.get("/certificats")).headers["location"] == "/connexion"


async def test_the_passphrase_stays_in_no_session(box: Box) -> None:
    async with signed_in(box) as client:
        [wanted] = [one for one in forms_of(await client.get("/certificats")) if one.action == "/certificats"]
        fields = {**wanted.fields, "usage": "sign", "vous": AUTHOR, "mot_de_passe": "un secret bien à moi"}
        await client.post("/certificats", data=fields, files={"fichier": ("a.p12", FOLLOWING.pkcs12(), "application/x-pkcs12")})
        kept = _notices()
    assert any(one.tone == "bad" for one in kept)
    assert not any("un secret" in repr(one) for one in kept)


def _notices() -> list[Notice]:
    """What every session in memory still has to say."""
    sessions = [one for one in gc.get_objects() if isinstance(one, Sessions)]
    return [held.notice for one in sessions for held in one._held.values() if held.notice is not None]
