"""The secretary's work list on a running box, before the simulated national services: from what waits to what has left, by keyboard."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.end_to_end.scene import EXAMPLES, ONLY_DMP, TO_PATIENT, UNHURRIED, eventually, played
from tests.rig.caller import codes, request, states
from tests.tools import need_tool

pytestmark = [pytest.mark.web, pytest.mark.xdist_group("e2e-insi-page")]

LETTER = (EXAMPLES / "lettre-adressage.pdf").read_bytes()
"""Of the published test identity that is qualified here."""
ZOE = {"birth_family_name": "Adrun", "birth_given_names": "Zoé", "sex": "F", "birth_date": "1975-12-31", "birth_place": "63220"}
COMPARED = UNHURRIED.replace("compare_text = false", "compare_text = true")
KEY_MILLISECONDS = 150


def test_what_waits_for_an_identity_leaves_when_the_secretary_qualifies_it_on_the_page(tmp_path: Path) -> None:
    chromium = need_tool("chromium")
    with played(tmp_path, settings=COMPARED) as scene, sync_playwright() as playwright:
        registered = scene.station._client.put("/patients/P-1", json=ZOE)
        assert registered.status_code == 201, registered.text
        eventually(lambda: scene.station.get("/patients/P-1").json()["status"] == "RECUP")
        held = scene.station.send(LETTER, request(patient={"local_id": "P-1"}, deliver=ONLY_DMP | TO_PATIENT)).json()
        assert set(codes(held)) == {"identity-not-qualified"}
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_context(ignore_https_errors=True, locale="fr-FR").new_page()
        page.goto(scene.gateway.facts["web"])
        page.get_by_label("Jeton du poste").fill(scene.gateway.token)
        page.get_by_role("button", name="Se connecter").click()
        page.get_by_role("link", name="1 identité attend").click()
        page.wait_for_function("document.activeElement.textContent === 'ADRUN ZOE'")
        started = time.monotonic()
        page.keyboard.press("Enter", delay=KEY_MILLISECONDS)
        page.wait_for_function("document.activeElement.name === 'vous'")
        page.keyboard.press("ArrowDown", delay=KEY_MILLISECONDS)
        page.keyboard.press("Tab", delay=KEY_MILLISECONDS)
        page.keyboard.press("Space", delay=KEY_MILLISECONDS)
        page.keyboard.press("Enter", delay=KEY_MILLISECONDS)
        page.get_by_text("est qualifiée. 2 envois qui attendaient vont partir.").wait_for()
        seconds = time.monotonic() - started
        browser.close()
        end = scene.end(held)
        assert states(end) == ["delivered", "delivered"]
        assert [one["times_committed"] for one in scene.held_in_dmp(end)] == [1]
        view = scene.station.get("/patients/P-1").json()
    assert (view["status"], view["checked"]["kind"]) == ("QUAL", "CN")
    print(f"an ordinary case on a running box: 5 keys, {seconds:.1f} s at {KEY_MILLISECONDS} ms a key")
    assert seconds < 10
