"""The page in a real Chromium: without script, at two widths, by keyboard, and judged for what everybody needs to read it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from gateway.model.delivery import DeliveryState
from tests.api.rig import Served
from tests.web.chromium import WIDTHS, come_in, complaints_of, faults, focused, window
from tests.web.scenes import a_whole_afternoon, held_by_hand

pytestmark = [pytest.mark.web, pytest.mark.slow]


async def test_everything_works_without_script(browser: Browser, here: Served) -> None:
    receipt = await held_by_hand(here.box)
    page = await come_in(await window(browser, script=False), here)
    assert await page.get_by_role("heading", level=1).inner_text() == "Un envoi demande une action"
    await page.get_by_role("button", name="Libérer").click()
    assert "L'envoi est libéré" in await page.get_by_role("status").inner_text()
    await page.get_by_role("link", name="Ordonnance de kinésithérapie").click()
    await page.get_by_text("Annuler ce document").click()
    await page.get_by_role("button", name="Annuler définitivement").click()
    assert "Le document est annulé" in await page.get_by_role("status").inner_text()
    assert {one.state for one in await here.box.store.deliveries_of(receipt["id"])} == {DeliveryState.CANCELLED}
    await page.get_by_role("button", name="Se déconnecter").click()
    assert await page.get_by_role("heading", level=1).inner_text() == "Connexion"
    await page.go_back()
    await page.reload()
    assert await page.get_by_role("heading", level=1).inner_text() == "Connexion"


async def test_the_policy_has_nothing_to_refuse(browser: Browser, here: Served) -> None:
    await a_whole_afternoon(here.box)
    context = await window(browser)
    page = await context.new_page()
    complaints = complaints_of(page)
    await page.goto(here.url)
    await page.get_by_label("Jeton du poste").fill(here.box.token)
    await page.get_by_role("button", name="Se connecter").click()
    await page.get_by_role("button", name="Réessayer").first.click()
    await page.get_by_role("link", name="Certificat médical").first.click()
    async with page.expect_download() as proof:
        await page.get_by_role("link", name="Télécharger la preuve").click()
    assert (await proof.value).suggested_filename.startswith("preuve-")
    assert complaints == []


@pytest.mark.parametrize("width", WIDTHS)
async def test_everybody_can_read_it(browser: Browser, here: Served, width: int) -> None:
    await a_whole_afternoon(here.box)
    page = await come_in(await window(browser, width=width), here)
    pages = [here.url, f"{here.url}/?etat=annules", f"{here.url}/inconnu"]
    pages.append(here.url + (await page.get_by_role("link", name="Certificat médical").first.get_attribute("href") or ""))
    for address in pages:
        await page.goto(address)
        for closed in await page.locator("details").all():
            await closed.evaluate("one => { one.open = true }")
        assert await faults(page) == [], address
    await page.context.clear_cookies()
    await page.goto(here.url)
    assert await faults(page) == [], "connexion"


async def test_the_judge_sees_faults_where_there_are(browser: Browser) -> None:
    """The audit itself, on a page with one of each."""
    page = await (await window(browser, width=360)).new_page()
    await page.set_content(
        "<body style='background:#fff'><h1>a</h1><h3>b</h3><p style='color:#999'>pâle</p><input><button></button>"
        "<p style='width:900px'>large</p><p id=x>c</p><p id=x>d</p><a href='#' style='font-size:8px'>e</a>"
    )
    found = " ".join(fault[0] for fault in await faults(page))
    for kind in ("lang", "title", "landmark", "heading", "contrast", "label", "name", "overflow", "id", "target"):
        assert kind in found


async def test_the_keyboard_is_enough(browser: Browser, here: Served) -> None:
    await held_by_hand(here.box)
    page = await (await window(browser)).new_page()
    await page.goto(here.url)
    await page.keyboard.type(here.box.token)
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="À traiter").wait_for()
    await page.keyboard.press("Tab")
    assert await focused(page) == "Aller au contenu"
    await page.keyboard.press("Enter")
    for _ in range(12):
        await page.keyboard.press("Tab")
        outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", await focused(page)
        if (await focused(page)).startswith("Libérer"):
            break
    await page.keyboard.press("Enter")
    await page.get_by_text("L'envoi est libéré").wait_for()


@pytest.mark.parametrize("width", WIDTHS)
async def test_the_whole_work_list_is_within_sight(browser: Browser, here: Served, width: int, tmp_path: Path) -> None:
    await a_whole_afternoon(here.box)
    page = await come_in(await window(browser, width=width, script=False), here)
    headline = await page.get_by_role("heading", level=1).bounding_box()
    first = await page.get_by_role("heading", name="À traiter").bounding_box()
    assert headline is not None
    assert first is not None
    assert headline["y"] < 200
    assert first["y"] < 900
    shot = tmp_path / f"home-{width}.png"
    await page.screenshot(path=shot, full_page=True)
    assert shot.stat().st_size > 10_000
