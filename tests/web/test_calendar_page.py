"""The calendar of certificates as the practice reads it, with and without a browser; warnings on the first page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.async_api import Browser

from gateway.trust.keystore import KeyStore
from gateway.trust.roles import Role
from gateway.trust.slots import Slot
from gateway.trust.vault import open_vault
from tests.api.rig import Box, Served, own_lan
from tests.trust.pki import NOW as REAL_NOW
from tests.trust.pki import PASSPHRASE, SIGN, STRUCTURE, shared_pki
from tests.web.chromium import WIDTHS, come_in, complaints_of, faults, window
from tests.web.visit import signed_in, words_of


def put_next(box: Box) -> None:
    keys = KeyStore(box.home, open_vault(box.home))
    anchors = shared_pki().anchors_pem
    leaf = shared_pki().issue(SIGN)
    keys.import_pkcs12(STRUCTURE, Role.SIGN, leaf.pkcs12(), PASSPHRASE, environment="test", anchors=anchors, slot=Slot.NEXT)


async def test_what_stops_on_which_date_is_shown_with_the_gesture(box: Box) -> None:
    own_lan(box.home, open_vault(box.home)).identity(("localhost",), box.clock.now())
    async with signed_in(box) as client:
        page = words_of(await client.get("/certificats/calendrier"))
        listed = await client.get("/certificats")
    assert 'href="/certificats/calendrier"' in listed.text
    for told in (
        "Certificat de signature ✓ Rien à faire",
        f"Structure {STRUCTURE}",
        "ne sont plus signés",
        "Certificat local du boîtier",
        "Autorité locale du boîtier",
        "Autorité « TEST AC RACINE TILLEULS »",
    ):
        assert told in page, told
    assert page.index("Certificat local du boîtier") < page.index("Certificat de signature") < page.index("Autorité locale")


async def test_the_trials_of_a_next_certificate_are_shown_service_by_service(box: Box) -> None:
    put_next(box)
    async with signed_in(box) as client:
        await box.relay.successions.rehearse((await box.relay.gate.recognise(box.token, None)), STRUCTURE, "sign")
        page = words_of(await client.get("/certificats/calendrier"))
    assert "Le certificat suivant est prêt" in page
    assert "✓ Accepté Chaîne et révocation : essai réussi." in page
    assert "✓ Accepté Signature d'essai : essai réussi." in page


@pytest.mark.parametrize(("days", "said"), [(1000, None), (1006, "fin :"), (1096, "terminé :")])
async def test_the_first_page_warns_from_ninety_days_before(box: Box, days: int, said: str | None) -> None:
    box.clock.advance((REAL_NOW + timedelta(days=days - 1) - box.clock.now()).total_seconds())
    async with signed_in(box) as client:
        page = words_of(await client.get("/"))
    assert ("Certificat de signature" in page) is (said is not None)
    if said is not None:
        assert f"Certificat de signature (structure {STRUCTURE}) – {said}" in page
        assert "Rien n'est perdu" in page


@pytest.mark.web
@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
async def test_everybody_can_read_the_calendar(here: Served, browser: Browser, width: int) -> None:
    put_next(here.box)
    page = await come_in(await window(browser, width=width), here, "/certificats/calendrier")
    assert await faults(page) == []
    plain = await come_in(await window(browser, width=width, script=False), here, "/certificats/calendrier")
    complaints = complaints_of(plain)
    await plain.get_by_role("heading", name="Les dates").wait_for()
    assert complaints == []
