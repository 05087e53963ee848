"""The pages of identities in a real Chromium: by keyboard alone, without script, at two widths, judged for what everybody needs."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Page

from gateway.model.delivery import DeliveryState
from tests.api.practice import SECRETARY, read
from tests.api.rig import Served
from tests.api.teleservice import Teleservice
from tests.web.chromium import WIDTHS, come_in, complaints_of, faults, focused, window
from tests.web.patients import everybody, held, longer_list, recovered, states, unknown_to_insi, where

pytestmark = [pytest.mark.web, pytest.mark.slow]

KEY_SECONDS = 0.15
"""A key every 150 ms: somebody who knows the gesture, not in a hurry."""
GLANCE_SECONDS = 2.0
"""The time to compare a document with the screen, of the ten seconds an ordinary case may take."""


@dataclass
class Keyboard:
    """Somebody at the keyboard, who waits for a page as a person does: until it is there."""

    page: Page
    pressed: int = 0

    async def press(self, *keys: str) -> None:
        await _ready(self.page)
        for one in keys:
            await self.page.keyboard.press(one, delay=KEY_SECONDS * 1000)
            self.pressed += 1

    async def press_through(self, key: str) -> None:
        """A key that leads to another page."""
        async with self.page.expect_navigation(wait_until="load"):
            await self.press(key)

    async def sees(self) -> str:
        """What has the focus, which must be visible."""
        await _ready(self.page)
        style = await self.page.evaluate(
            "(({outlineStyle, outlineWidth}) => outlineStyle + outlineWidth)(getComputedStyle(document.activeElement))"
        )
        assert style == "solid3px", await focused(self.page)
        within = await self.page.evaluate(
            "(one => one.top >= 0 && one.bottom <= innerHeight)(document.activeElement.getBoundingClientRect())"
        )
        assert within, await focused(self.page)
        return await focused(self.page)


async def _ready(page: Page) -> None:
    """Until the page has put its focus somewhere, which it does as it is drawn."""
    await page.wait_for_function("document.activeElement !== document.body")


async def chosen(page: Page) -> str:
    """The label of the field that has the focus."""
    await _ready(page)
    text: str = await page.evaluate("document.activeElement.labels[0].textContent.trim()")
    return text


async def test_ordinary_cases_take_a_few_keys_each_and_the_focus_goes_on_to_the_next(browser: Browser, reception: Served) -> None:
    """Worklist to worklist: open, choose the document, send. The name is chosen once, at the first patient."""
    for local_id in ("P-1", "P-2", "P-3"):
        await recovered(reception.box, local_id)
    waiting = await held(reception.box, "P-2")
    page = await come_in(await window(browser), reception, "/identites")
    keyboard, counts, seconds = Keyboard(page), [], []
    for local_id in ("P-1", "P-2", "P-3"):
        before, started = keyboard.pressed, time.monotonic()
        assert await keyboard.sees() == "ADRUN ZOE"
        await keyboard.press_through("Enter")
        assert page.url.partition("?")[0].endswith(where(local_id))
        if local_id == "P-1":
            await keyboard.sees()
            await keyboard.press("A", "Tab")
        await keyboard.sees()
        assert (await chosen(page)).startswith("Carte nationale d'identité")
        assert await page.locator("input[name=piece]:checked").count() == 0
        await keyboard.press("Space")
        await keyboard.press_through("Enter")
        counts.append(keyboard.pressed - before)
        seconds.append(time.monotonic() - started)
        assert f"L'identité du dossier {local_id} est qualifiée." in await page.get_by_role("status").inner_text()
        assert (await read(reception.box, local_id))["status"] == "QUAL"
    print(f"keys for each patient {counts}, seconds at {KEY_SECONDS} s a key {[round(one, 1) for one in seconds]}")
    assert counts == [5, 3, 3]
    assert max(seconds) + GLANCE_SECONDS < 10
    assert await page.get_by_role("heading", level=1).inner_text() == "Aucune identité n'attend"
    assert await states(reception.box, waiting) == [DeliveryState.QUEUED, DeliveryState.QUEUED]
    assert (await read(reception.box, "P-2"))["checked"]["by"] == "ALIX PETIT"


async def test_the_longest_way_search_decide_check_stays_within_twenty_keys(browser: Browser, reception: Served, insi: Teleservice) -> None:
    """A patient nobody searched for, whom INSi gives with differences, then qualified with a passport; the name included."""
    insi.known["INCONNUE"] = insi.known["ADRUN"]
    await unknown_to_insi(reception.box)
    page = await come_in(await window(browser), reception, "/identites")
    keyboard, started = Keyboard(page), time.monotonic()
    await keyboard.press_through("Enter")
    assert await chosen(page) == "Vous êtes"
    await keyboard.press("A", "Tab")
    assert await keyboard.sees() == "Interroger INSi"
    await keyboard.press_through("Enter")
    assert (await chosen(page)).startswith("Accepter l'identité d'INSi")
    await keyboard.press("Space")
    await keyboard.press_through("Enter")
    assert (await chosen(page)).startswith("Carte nationale")
    await keyboard.press("Space", "ArrowDown")
    assert await chosen(page) == "Passeport"
    await keyboard.press_through("Enter")
    seconds = time.monotonic() - started
    print(f"{keyboard.pressed} keys, {seconds:.1f} s at {KEY_SECONDS} s a key")
    assert keyboard.pressed == 9
    assert seconds + GLANCE_SECONDS < 10
    view = await read(reception.box, "P-5")
    assert (view["status"], view["checked"]["kind"], view["traits"]["birth_given_names"]) == ("QUAL", "PA", "ZOE")


async def test_a_refusal_is_beside_its_field_and_the_focus_is_there(browser: Browser, reception: Served) -> None:
    await recovered(reception.box)
    page = await come_in(await window(browser), reception, where("P-1"))
    await page.evaluate("document.querySelectorAll('[required]').forEach(one => { one.required = false })")
    await page.get_by_label("Passeport").check()
    await page.get_by_role("button", name="Qualifier l'identité").click()
    field, sentence = page.locator("#vous-piece"), page.locator("#faute")
    assert "il faut dire qui vous êtes" in await sentence.inner_text()
    above, below = await field.bounding_box(), await sentence.bounding_box()
    assert above is not None
    assert below is not None
    assert 0 <= below["y"] - (above["y"] + above["height"]) < 20
    assert await Keyboard(page).sees() != ""
    assert await page.evaluate("document.activeElement.id") == "vous-piece"
    assert await page.get_by_label("Passeport").is_checked()
    assert await faults(page) == []
    await field.select_option(SECRETARY)
    await page.get_by_role("button", name="Qualifier l'identité").click()
    assert (await read(reception.box))["status"] == "QUAL"


async def test_the_browser_itself_asks_for_what_is_missing(browser: Browser, reception: Served) -> None:
    await recovered(reception.box)
    page = await come_in(await window(browser), reception, where("P-1"))
    await page.get_by_role("button", name="Qualifier l'identité").click()
    assert await page.locator("#vous-piece:invalid").count() == 1
    assert await page.evaluate("document.activeElement.id") == "vous-piece"
    assert (await read(reception.box))["status"] == "RECUP"


async def test_everything_works_without_script(browser: Browser, reception: Served) -> None:
    await longer_list(reception.box)
    waiting = await held(reception.box, "P-2")
    page = await come_in(await window(browser, script=False, width=360), reception)
    await page.get_by_role("link", name="1 identité attend").click()
    await page.get_by_role("link", name="ECETINSI Pierre-Alain").click()
    await page.get_by_label("Vous êtes").first.select_option(label="ALIX PETIT")
    await page.get_by_label("Accepter l'identité d'INSi").check()
    await page.get_by_role("button", name="Enregistrer la décision").click()
    assert "L'identité d'INSi est acceptée." in await page.get_by_role("status").inner_text()
    await page.get_by_label("Titre de séjour").check()
    await page.get_by_role("button", name="Qualifier l'identité").click()
    assert "2 envois qui attendaient vont partir." in await page.get_by_role("status").inner_text()
    assert await states(reception.box, waiting) == [DeliveryState.QUEUED, DeliveryState.QUEUED]
    await page.get_by_role("link", name="Vérifier une liste de patients").click()
    assert "Aucune" not in await page.get_by_role("heading", level=1).inner_text()


async def test_a_list_is_sent_from_the_page_its_refusal_beside_the_file_then_stopped(browser: Browser, reception: Served) -> None:
    page = await come_in(await window(browser), reception, "/lots")
    await page.get_by_label("Vous êtes").select_option(SECRETARY)
    await page.get_by_label("Ceux d'une liste").check()
    await page.get_by_label("La nuit prochaine").check()
    await page.get_by_role("button", name="Lancer la vérification").click()
    assert "aucun fichier n'a été choisi" in await page.locator("#faute").inner_text()
    assert await page.evaluate("document.activeElement.type") == "file"
    assert await page.get_by_label("La nuit prochaine").is_checked()
    assert await faults(page) == []
    listed = b"local_id;birth_family_name;birth_given_names;sex;birth_date;birth_place\r\nL-1;ADRUN;ZOE;F;1975-12-31;63220\r\n"
    await page.locator("input[type=file]").set_input_files({"name": "demain.csv", "mimeType": "text/csv", "buffer": listed})
    await page.get_by_role("button", name="Lancer la vérification").click()
    assert "La vérification est lancée (1 patient). Elle se fera la nuit." in await page.get_by_role("status").inner_text()
    assert await page.get_by_text("0 sur 1 patient").is_visible()
    assert await page.locator(".badge", has_text="Se fait la nuit").is_visible()
    await page.get_by_text("Arrêter cette vérification").click()
    await page.get_by_role("button", name="Arrêter la vérification").click()
    assert "La vérification est arrêtée." in await page.get_by_role("status").inner_text()
    assert await page.locator(".badge", has_text="Arrêtée").is_visible()


@pytest.mark.parametrize("width", WIDTHS)
async def test_everybody_can_read_it(browser: Browser, reception: Served, insi: Teleservice, width: int) -> None:
    await everybody(reception.box, insi)
    page = await come_in(await window(browser, width=width), reception)
    complaints = complaints_of(page)
    addresses = ["/", "/identites", "/identites?tache=a-decider", "/identites?tache=a-rechercher", "/lots", f"{where('P-5')}?reponse=01"]
    addresses += [f"{where('P-5')}?reponse=02", *(where(f"P-{number}") for number in range(1, 10)), where("INCONNU")]
    for address in addresses:
        await page.goto(reception.url + address)
        for closed in await page.locator("details").all():
            await closed.evaluate("one => { one.open = true }")
        assert await faults(page) == [], address
    assert [one for one in complaints if "404" not in one] == []


@pytest.mark.parametrize("width", WIDTHS)
async def test_what_is_asked_is_within_sight(browser: Browser, reception: Served, insi: Teleservice, width: int) -> None:
    """A line of the list is one line on a screen; the focus is where the next gesture is."""
    await everybody(reception.box, insi)
    page = await come_in(await window(browser, width=width), reception, "/identites")
    lines = page.locator("tbody tr")
    heights = [box["height"] for one in await lines.all() if (box := await one.bounding_box()) is not None]
    assert len(heights) == await lines.count() >= 6
    assert min(heights) < (50 if width == 1280 else 150)
    for local_id in ("P-1", "P-2", "P-5"):
        await page.goto(reception.url + where(local_id))
        await Keyboard(page).sees()


async def test_a_difference_is_not_told_by_colour_alone(browser: Browser, reception: Served, insi: Teleservice) -> None:
    await everybody(reception.box, insi)
    page = await come_in(await window(browser), reception, where("P-3"))
    await page.emulate_media(forced_colors="active")
    for row in await page.locator("tr.different").all():
        assert "≠ Différent" in await row.inner_text()
        assert await row.locator("mark").first.evaluate("one => getComputedStyle(one).borderBottomStyle") == "solid"
