"""The page « Boîtier »: what it says of the panel, who opens the pairing window, a held button; in Chromium, read by everybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser
from typing_extensions import override

from gateway.flow.panel.errors import PanelSilent
from gateway.flow.panel.pairing_window import PairingBody
from gateway.flow.panel.views import PanelView
from gateway.kernel.clock import FrozenClock
from gateway.web.box_cards import panel_card, time_left
from tests.api.rig import OTHER_STRUCTURE, Box, Served, open_box
from tests.trust.pki import STRUCTURE
from tests.web.chromium import WIDTHS, come_in, complaints_of, faults, window
from tests.web.visit import forms_of, press, signed_in, words_of

PAGE = "/boitier"


def acts_of(page: httpx.Response) -> list[str]:
    return [one.action for one in forms_of(page) if one.action != "/deconnexion"]


class Standstill(FrozenClock):
    """Time passes only when the test says so."""

    @override
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


@asynccontextmanager
async def counting(box: Box) -> AsyncIterator[Standstill]:
    """The time in which a request may be taken back runs, by a clock of the test's own."""
    clock = Standstill(box.clock.now())
    task = asyncio.create_task(box.relay.front.requests.run(clock, 60))
    try:
        yield clock
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def turns(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not fact():  # noqa: ASYNC110 - the clock is the test's own
            await asyncio.sleep(0)


def time_to_reset(box: Box) -> int | None:
    view = box.relay.front.requests.view()
    return view.seconds_left if view is not None else None


def is_open(box: Box) -> bool:
    return box.relay.front.window.is_open


async def test_a_box_without_a_panel_says_so_and_works(box: Box) -> None:
    async with signed_in(box) as client:
        page = await client.get(PAGE)
        said = words_of(page)
        assert "Ce boîtier n'a pas de façade" in said.replace("’", "'")
        assert "Association fermée" in said
        assert "bouton du boîtier" not in said, "nobody is sent to a button that is not there"
        assert acts_of(page) == []
        home = await client.get("/")
        assert 'href="/boitier"' in home.text


async def test_a_press_of_the_button_is_seen_by_every_workstation(box: Box) -> None:
    await box.relay.front.window.open_by_button()
    box.clock.advance(30)
    async with signed_in(box) as client:
        page = await client.get(PAGE)
        assert "Association ouverte encore 1 min 30 s" in words_of(page)
        assert acts_of(page) == []
        await box.relay.front.window.pair(PairingBody(name="Cabinet 3"))
        said = words_of(await client.get(PAGE))
        assert "Association fermée" in said
        assert "Cabinet 3" in said


async def test_the_operator_opens_and_closes_the_window(box: Box) -> None:
    async with signed_in(box, box.operator_token) as client:
        page = await press(client, await client.get(PAGE), "/ouvrir-association")
        assert is_open(box)
        assert "Association ouverte" in words_of(page)
        page = await press(client, page, "/fermer-association")
        assert not is_open(box)
        assert "refermée" in words_of(page)


async def test_another_workstation_that_forges_the_gesture_is_refused(box: Box) -> None:
    async with signed_in(box, box.operator_token) as client:
        form = next(one for one in forms_of(await client.get(PAGE)) if one.action.endswith("ouvrir-association"))
    async with signed_in(box) as client:
        own = forms_of(await client.get(PAGE))[0].fields["marque"]
        assert (await client.post(form.action, data={"marque": own})).status_code == 303
        assert "accès installateur" in words_of(await client.get(PAGE))
        assert (await client.post(form.action, data=form.fields)).status_code == 403
        assert (await client.post(f"{PAGE}/nulle-part", data={"marque": own})).status_code == 404
    assert not is_open(box)
    assert [one.act for one in await box.store.audit_after(0, 100) if one.act.startswith("pairing.")] == []


async def test_a_held_button_is_told_on_both_pages_and_taken_back_by_any_workstation(box: Box) -> None:
    async with counting(box) as clock, signed_in(box) as client:
        await box.relay.front.requests.record()
        await turns(lambda: time_to_reset(box) == 60)
        clock.advance(20)
        assert "retour aux réglages d'usine" in words_of(await client.get("/")).replace("’", "'")
        page = await client.get(PAGE)
        said = words_of(page).replace("’", "'")
        assert "Rien n'a été effacé" in said
        assert "encore 40 s, le boîtier s'arrêtera et effacera tout" in said
        page = await press(client, page, "/annuler-reinitialisation")
        assert "Rien n'a été effacé" in words_of(page).replace("’", "'")
        assert "demandé" not in words_of(page)
    assert box.relay.front.requests.view() is None


async def test_once_its_time_is_over_the_page_offers_nothing_any_more(box: Box) -> None:
    async with counting(box) as clock, signed_in(box) as client:
        await box.relay.front.requests.record()
        await turns(lambda: time_to_reset(box) == 60)
        page = await client.get(PAGE)
        clock.advance(60)
        await turns(lambda: box.relay.front.requests.handed_over)
        assert "On ne peut plus revenir en arrière" in words_of(await press(client, page, "/annuler-reinitialisation"))
        page = await client.get(PAGE)
        assert "Ne le débranchez pas" in words_of(page)
        assert acts_of(page) == []


async def test_the_receipt_of_the_last_erasure_is_there_to_be_read(box: Box) -> None:
    box.relay.front.receipt = "ATTESTATION D'EFFACEMENT\n<b>Boîtier</b>\n"
    async with signed_in(box) as client:
        page = await client.get(PAGE)
    assert "ATTESTATION" in words_of(page)
    assert "&lt;b&gt;Boîtier" in page.text


async def test_workstations_of_another_structure_are_not_shown(tmp_path: Path) -> None:
    box = await open_box(tmp_path, structures=(STRUCTURE, OTHER_STRUCTURE))
    await box.relay.front.window.open_by_button()
    await box.relay.front.window.pair(PairingBody(name="Poste du voisin", structure=OTHER_STRUCTURE))
    await box.relay.front.window.open_by_button()
    paired = await box.relay.front.window.pair(PairingBody(name="Poste de chez nous", structure=STRUCTURE))
    async with signed_in(box, paired.token) as client:
        said = words_of(await client.get(PAGE))
        assert "Poste de chez nous" in said
        assert "Poste du voisin" not in said
    async with signed_in(box, box.operator_token) as client:
        assert "Poste du voisin" in words_of(await client.get(PAGE))


@pytest.mark.parametrize(
    ("panel", "badge", "lines", "trouble"),
    [
        (PanelView(fitted=False, connected=False, watchdog_armed=False, box_resets=0, trouble=None), "Pas de façade", 1, None),
        (PanelView(fitted=True, connected=True, watchdog_armed=False, box_resets=0, trouble=None), "Répond", 1, None),
        (PanelView(fitted=True, connected=True, watchdog_armed=True, box_resets=2, trouble=None), "Répond", 3, None),
        (
            PanelView(fitted=True, connected=False, watchdog_armed=False, box_resets=0, trouble=PanelSilent().explanation),
            "Ne répond pas",
            0,
            "panel-silent",
        ),
    ],
)
def test_the_panel_in_plain_words(panel: PanelView, badge: str, lines: int, trouble: str | None) -> None:
    card = panel_card(panel)
    assert (card.badge.text, len(card.lines), card.trouble.code if card.trouble else None) == (badge, lines, trouble)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "encore 0 s"), (59, "encore 59 s"), (60, "encore 1 min"), (90, "encore 1 min 30 s"), (900, "encore 15 min")]
)
def test_the_time_that_is_left(seconds: int, words: str) -> None:
    assert time_left(seconds).replace("\u00a0", " ") == words


@pytest.mark.web
@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
async def test_everybody_can_read_it(browser: Browser, here: Served, width: int, tmp_path: Path) -> None:
    await here.box.relay.front.window.open_by_button()
    await here.box.relay.front.requests.record()
    async with await window(browser, width=width) as context:
        page = await come_in(context, here)
        complaints = complaints_of(page)
        await page.goto(f"{here.url}{PAGE}")
        await page.screenshot(path=tmp_path / "page.png", full_page=True)
        assert await faults(page) == []
        assert complaints == []
