"""The page « Lecteurs et cartes » over the real rules of the PIN: paired, live, in plain words; in Chromium, for everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from firmware.protocol import CardKind
from tests.api.rig import Box, open_box, served
from tests.flow.carding import READERS, CpsInMemory, DevicesInMemory, Other, carding
from tests.rig.cards.people import Person
from tests.web.chromium import WIDTHS, come_in, complaints_of, faults, window
from tests.web.visit import forms_of, press, signed_in, words_of

PAGE = "/lecteurs-et-cartes"


@pytest.fixture
def devices() -> DevicesInMemory:
    return DevicesInMemory()


@pytest.fixture
async def desk(tmp_path: Path, devices: DevicesInMemory) -> AsyncIterator[Box]:
    box = await open_box(tmp_path, devices=devices.call)
    async with carding(box.devices, devices):
        yield box


async def test_a_desk_says_which_reader_is_its_own_and_sees_its_card_alone(desk: Box, devices: DevicesInMemory) -> None:
    devices.insert(0, CpsInMemory())
    async with signed_in(desk) as client, signed_in(desk, desk.other_token) as other:
        said = words_of(await client.get(PAGE))
        assert "Ce poste n'a pas encore de lecteur." in said
        assert "MOREL" not in said
        page = await press(client, await client.get(PAGE), f"/{READERS[0]}/associer")
        said = words_of(page)
        assert "C'est noté : ce lecteur est celui de ce poste." in said
        for word in (
            "Lecteur de ce poste",
            "Carte CPS : CAMILLE MOREL",
            "Médecin",
            "899700366240",
            "CPS3",
            "CARTE DE TEST",
            "3 essais du code",
        ):
            assert word in said
        said = words_of(await other.get(PAGE))
        assert "Lecteur d'un autre poste" in said
        assert "MOREL" not in said
        assert [one.action for one in forms_of(await other.get(PAGE)) if READERS[0] in one.action] == []
        page = await press(client, await client.get(PAGE), "/dissocier")
        assert "n'est plus celui de ce poste" in words_of(page)


async def test_what_is_wrong_with_a_card_is_said_with_the_gesture(desk: Box, devices: DevicesInMemory) -> None:
    async with signed_in(desk) as client:
        await press(client, await client.get(PAGE), f"/{READERS[0]}/associer")
        assert "Pas de carte dans ce lecteur." in words_of(await client.get(PAGE))
        card = CpsInMemory()
        for tries, words in ((2, "2 essais du code"), (1, "Dernier essai du code"), (0, "Carte bloquée")):
            card.tries = tries
            devices.insert(0, card)
            await devices.heard()
            assert words in words_of(await client.get(PAGE))
        devices.insert(0, Other(kind=CardKind.MUTE))
        assert "réinsérez-la puce en avant et à fond" in words_of(await client.get(PAGE))
        devices.insert(0, Other(kind=CardKind.VITALE))
        assert "Carte Vitale" in words_of(await client.get(PAGE))


async def test_what_is_missing_is_said_with_the_gesture(box: Box, tmp_path: Path) -> None:
    async with signed_in(box) as client:
        assert "Les lecteurs ne sont pas activés sur ce boîtier." in words_of(await client.get(PAGE))
    bare = DevicesInMemory(module=None)
    (tmp_path / "other").mkdir()
    other = await open_box(tmp_path / "other", devices=bare.call)
    async with carding(other.devices, bare), signed_in(other) as client:
        assert "la bibliothèque qui permet de s'en servir n'est pas installée" in words_of(await client.get(PAGE))
        bare.service = False
        bare.come_back()
        await bare.heard()
        assert "pcscd" in words_of(await client.get(PAGE))
        bare.leave()
        await bare.heard()
        assert "Le service qui s'occupe des lecteurs ne répond pas." in words_of(await client.get(PAGE))


async def test_the_page_asks_for_itself_until_it_is_stopped_and_never_for_a_pin(desk: Box) -> None:
    async with signed_in(desk) as client:
        page = await client.get(PAGE)
        assert page.headers["refresh"] == "4"
        assert "refresh" not in (await client.get(PAGE + "?fixe=1")).headers
        assert 'type="password"' not in page.text


async def test_a_form_of_another_site_moves_nothing(desk: Box) -> None:
    async with signed_in(desk) as client:
        [wanted, _] = [one for one in forms_of(await client.get(PAGE)) if one.action.endswith("/associer")]
        assert (await client.post(wanted.action, data={**wanted.fields, "marque": "x"})).status_code == 403
        assert (await client.post(wanted.action.replace("associer", "voler"), data=wanted.fields)).status_code == 404
    assert await desk.store.pairings() == []


@pytest.mark.web
@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
async def test_everybody_sees_a_card_come_and_go_without_script(
    browser: Browser, tmp_path: Path, devices: DevicesInMemory, width: int
) -> None:
    box = await open_box(tmp_path, devices=devices.call)
    async with carding(box.devices, devices), served(box) as here:
        page = await come_in(await window(browser, width=width, script=False), here)
        said = complaints_of(page)
        await page.get_by_role("link", name="Lecteurs et cartes").click()
        await page.get_by_role("button", name="C'est le lecteur de ce poste : Lecteur 3d").click()
        await page.get_by_text("Pas de carte dans ce lecteur.").wait_for()
        devices.insert(0, CpsInMemory(Person(family="DE LA TOUR-D'AUVERGNE", given="MARIE-ANTOINETTE")))
        await page.get_by_text("CARTE DE TEST").wait_for()
        devices.pull(0)
        await page.get_by_text("Pas de carte dans ce lecteur.").wait_for()
        assert said == []


@pytest.mark.web
@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
async def test_everybody_can_read_the_page(browser: Browser, tmp_path: Path, devices: DevicesInMemory, width: int) -> None:
    box = await open_box(tmp_path, devices=devices.call)
    async with carding(box.devices, devices), served(box) as here:
        page = await come_in(await window(browser, width=width), here, PAGE)
        await page.get_by_role("button", name="C'est le lecteur de ce poste : Lecteur 3d").click()
        card = CpsInMemory(Person(family="DE LA TOUR-D'AUVERGNE", given="MARIE-ANTOINETTE"))
        card.tries = 1
        devices.insert(0, card)
        await page.get_by_role("link", name="Ne plus l'actualiser").click()
        await page.get_by_text("Dernier essai du code").wait_for()
        assert await faults(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
