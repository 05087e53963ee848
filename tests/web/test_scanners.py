"""The pages of barcode scanners, with real scanners on pseudo-terminals: paired, tried, unplugged; in Chromium, read by everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page

from gateway.ins.datamatrix import GS
from gateway.web.rendering import HEADERS
from tests.api.rig import Box, Served
from tests.firmware.scanners.plug import Plugged, until
from tests.firmware.scanners.uart import Line
from tests.flow.scanning import Devices, scanning
from tests.ins.test_datamatrix import VECTOR
from tests.ins.test_scan import FRENCH
from tests.web.chromium import WIDTHS, come_in, complaints_of, faults, window
from tests.web.visit import forms_of, press, signed_in, words_of

PAGE = "/lecteurs-de-codes"


@pytest.fixture
def scanner(tmp_path: Path) -> Plugged:
    (tmp_path / "by-id").mkdir()
    return Plugged(tmp_path / "by-id" / "Lecteur de l'accueil")


@asynccontextmanager
async def scene(box: Box, *scanners: Plugged) -> AsyncIterator[Devices]:
    async with scanning(box.relay.scanners, *(one.path for one in scanners)) as devices:
        yield devices


async def heard(box: Box, count: int) -> None:
    """Until the test has heard so many scans."""
    await until(lambda: any(one.scans >= count for one in box.relay.scanners._tests._held.values()))


async def begin(client: httpx.AsyncClient) -> httpx.Response:
    """The page of a test that has just begun."""
    return await press(client, await client.get(PAGE), "/essayer")


async def test_a_scanner_is_paired_and_let_go_from_the_page(box: Box, scanner: Plugged) -> None:
    async with scene(box, scanner), signed_in(box) as client:
        said = words_of(await client.get(PAGE))
        assert "Associé à aucun poste" in said
        assert "Pas encore essayé" in said
        page = await press(client, await client.get(PAGE), "/associer")
        assert "Le lecteur est associé à ce poste" in words_of(page)
        assert "Associé à ce poste" in words_of(page)
        async with signed_in(box, box.other_token) as other:
            page = await other.get(PAGE)
            assert "Associé à un autre poste" in words_of(page)
            assert [one.action for one in forms_of(page)] == ["/deconnexion"]
        page = await press(client, await client.get(PAGE), "/dissocier")
        assert "Le lecteur n'est plus associé" in words_of(page)
    assert [one.act for one in await box.store.audit_after(0, 10)] == ["scanner.paired", "scanner.unpaired"]


async def test_the_test_says_what_came_in_words_and_asks_for_itself_until_it_is_stopped(box: Box, scanner: Plugged) -> None:
    async with scene(box, scanner), signed_in(box) as client:
        page = await begin(client)
        assert "Scannez une étiquette maintenant" in words_of(page)
        assert page.headers["refresh"] == "2"
        assert page.headers["cache-control"] == HEADERS["Cache-Control"] == "no-store"
        scanner.send(VECTOR.encode() + b"\r")
        await heard(box, 1)
        said = words_of(await client.get(page.url.path))
        assert "Ce que j'ai reçu" in said
        assert "1.2.250.1.213.1.4.8 caractère GS, séparateur S3SARAH-LOU ANNA caractère GS, séparateur S4GARCIA-HAMMADI" in said
        assert "S701154 caractère CR, touche Entrée" in said
        assert "Tout est bien arrivé" in said
        assert "Vitesse trouvée : 9 600 bauds (8 bits, sans parité)" in said
        assert "refresh" not in (await client.get(page.url.path + "?fixe=1")).headers
        page = await press(client, await client.get(page.url.path), "/terminer")
        assert "L'essai est terminé, et ce qui avait été reçu est oublié." in words_of(page)
        over = await client.get(f"{PAGE}/{(await client.get('/api/v1/scanners', headers=_token(box))).json()[0]['id']}/essai")
        assert "L'essai est terminé." in words_of(over)
        assert "GARCIA" not in over.text
        assert "refresh" not in over.headers


def _token(box: Box) -> dict[str, str]:
    return {"Authorization": f"Bearer {box.token}"}


TRAPS = [
    (VECTOR.replace(GS, "") + "\r", "Votre lecteur perd les séparateurs (caractère GS)"),
    (VECTOR.replace(GS, "<GS>") + "\r", "Votre lecteur écrit les séparateurs en toutes lettres"),
    ("".join(FRENCH.get(one, one) for one in VECTOR) + "\r", "Votre lecteur est réglé pour un clavier QWERTY"),
    (VECTOR.swapcase() + "\r", "Votre lecteur échange les majuscules et les minuscules"),
    (VECTOR, "Le lecteur n'envoie rien à la fin de la lecture"),
    (VECTOR[:70] + "\r", "Il manque la fin, ou une partie"),
    ("3400936172746\r", "Ce n'est pas un datamatrix INS"),
    ("<script>alert(1)</script>\r", "<script>alert(1)</script>"),
]


async def test_each_trap_has_its_advice(box: Box, scanner: Plugged) -> None:
    async with scene(box, scanner), signed_in(box) as client:
        page = await begin(client)
        for number, (typed, advice) in enumerate(TRAPS, start=1):
            scanner.send(typed.encode())
            await heard(box, number)
            shown = await client.get(page.url.path)
            assert advice in words_of(shown), advice
            assert "<script" not in shown.text


async def test_a_wrong_speed_asks_for_the_same_label_again_then_says_the_right_one(box: Box, scanner: Plugged) -> None:
    async with scene(box, scanner) as devices, signed_in(box) as client:
        page = await begin(client)
        identifier = devices.watch.list()[0].id
        scanner.scan(VECTOR.encode() + b"\r", Line(115200, 7, "O"), devices.watch, identifier)
        await heard(box, 1)
        said = words_of(await client.get(page.url.path))
        assert "Relais en essaie une autre" in said
        assert "Scannez de nouveau la même étiquette." in said
        assert "Vitesse trouvée" not in said
        scanner.scan(VECTOR.encode() + b"\r", Line(115200, 7, "O"), devices.watch, identifier)
        await heard(box, 2)
        said = words_of(await client.get(page.url.path))
        assert "Vitesse trouvée : 115 200 bauds (7 bits, parité impaire)" in said


async def test_nobody_sees_the_test_of_another_workstation(box: Box, scanner: Plugged) -> None:
    async with scene(box, scanner), signed_in(box) as client, signed_in(box, box.other_token) as other:
        page = await begin(client)
        scanner.send(VECTOR.encode() + b"\r")
        await heard(box, 1)
        seen = await other.get(page.url.path)
        assert "L'essai est terminé." in words_of(seen)
        assert "GARCIA" not in seen.text


async def test_unplugged_and_without_any_scanner_and_without_the_service_it_is_said(box: Box, scanner: Plugged) -> None:
    async with signed_in(box) as client:
        assert "Le service qui s'occupe des lecteurs ne répond pas." in words_of(await client.get(PAGE))
        async with scene(box):
            assert "Aucun lecteur de codes n'est branché." in words_of(await client.get(PAGE))
        async with scene(box, scanner) as devices:
            scanner.unplug()
            await until(lambda: not devices.watch.list()[0].connected)
            said = words_of(await client.get(PAGE))
            assert "Débranché" in said
            assert "Vérifiez son câble et son alimentation" in said


async def test_a_refusal_is_said_on_the_page(box: Box, scanner: Plugged) -> None:
    async with scene(box, scanner), signed_in(box) as client, signed_in(box, box.other_token) as other:
        page = await client.get(PAGE)
        await press(other, await other.get(PAGE), "/associer")
        assert "Ce lecteur de codes est associé à un autre poste." in words_of(await press(client, page, "/associer"))
        unknown = await client.get(f"{PAGE}/scanner-0000000000/essai")
        assert unknown.status_code == 404


async def test_a_form_of_another_site_moves_nothing(box: Box, scanner: Plugged) -> None:
    async with scene(box, scanner), signed_in(box) as client:
        [wanted] = [one for one in forms_of(await client.get(PAGE)) if one.action.endswith("/associer")]
        assert (await client.post(wanted.action, data={**wanted.fields, "marque": "x"})).status_code == 403
        assert (await client.post(wanted.action, data=wanted.fields, headers={"Origin": "https://elsewhere.test"})).status_code == 403
        assert (await client.post(wanted.action.replace("associer", "avaler"), data=wanted.fields)).status_code == 404
    assert await box.store.pairings() == []


@pytest.mark.web
@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
async def test_in_a_browser_without_script_a_person_pairs_tries_and_reads(
    browser: Browser, here: Served, scanner: Plugged, width: int
) -> None:
    box = here.box
    async with scene(box, scanner):
        page = await come_in(await window(browser, width=width, script=False), here)
        said = complaints_of(page)
        await page.get_by_role("link", name="Lecteurs de codes").click()
        await page.get_by_role("button", name="Associer à ce poste").click()
        await page.get_by_text("Le lecteur est associé à ce poste").wait_for()
        await page.get_by_role("button", name="Essayer ce lecteur").click()
        await page.get_by_text("Scannez une étiquette maintenant").wait_for()
        scanner.send(VECTOR.replace(GS, "").encode() + b"\r")
        await page.get_by_text("Votre lecteur perd les séparateurs").wait_for()
        await page.get_by_role("link", name="Ne plus l'actualiser").click()
        await page.get_by_role("link", name="Actualiser", exact=True).wait_for()
        scanner.send(VECTOR.encode() + b"\r")
        await heard(box, 2)
        await page.get_by_role("link", name="Actualiser", exact=True).click()
        await page.get_by_text("Tout est bien arrivé").wait_for()
        await page.get_by_role("button", name="Terminer l'essai").click()
        await page.get_by_text("ce qui avait été reçu est oublié").wait_for()
        assert said == []


@pytest.mark.web
@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
async def test_everybody_can_read_the_pages(browser: Browser, here: Served, scanner: Plugged, width: int, tmp_path: Path) -> None:
    box, second = here.box, Plugged(tmp_path / "by-id" / "Lecteur du cabinet 2")
    async with scene(box, scanner, second):
        page = await come_in(await window(browser, width=width), here, PAGE)
        await judged(page)
        await page.get_by_role("button", name="Essayer ce lecteur : Lecteur de l'accueil").click()
        await page.get_by_text("Scannez une étiquette maintenant").wait_for()
        await page.get_by_role("link", name="Ne plus l'actualiser").click()
        await judged(page)
        scanner.send(VECTOR.replace(GS, "").encode() + b"\r")
        await heard(box, 1)
        await page.get_by_role("link", name="Actualiser", exact=True).click()
        await page.get_by_text("Votre lecteur perd les séparateurs").wait_for()
        await judged(page)


async def judged(page: Page) -> None:
    """Fails for what the audit finds, and for a page wider than its window."""
    assert await faults(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
