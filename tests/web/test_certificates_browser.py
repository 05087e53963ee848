"""The page « Certificats » in a real Chromium, without script: a file chosen, its passphrase typed, and everybody can read it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.api.rig import AUTHOR, Served
from tests.trust.pki import PASSPHRASE, SIGN, shared_pki
from tests.web.chromium import WIDTHS, come_in, complaints_of, faults, window

pytestmark = [pytest.mark.web, pytest.mark.slow]


@pytest.mark.parametrize("width", WIDTHS)
async def test_a_certificate_is_imported_and_put_into_use_by_whoever_sees_or_not(
    here: Served, browser: Browser, tmp_path: Path, width: int
) -> None:
    path = tmp_path / "sign.p12"
    path.write_bytes(shared_pki().issue(SIGN).pkcs12())
    assert await faults(await come_in(await window(browser, width=width), here, "/certificats")) == []
    page = await come_in(await window(browser, width=width, script=False), here, "/certificats")
    complaints = complaints_of(page)
    await page.get_by_label("Vous êtes").last.select_option(AUTHOR)
    await page.get_by_label("Signature des documents").check()
    await page.get_by_label("Fichier remis par l'ANS").set_input_files(path)
    await page.get_by_label("Mot de passe du fichier").fill(PASSPHRASE + "x")
    await page.get_by_role("button", name="Importer").click()
    await page.get_by_text("Le mot de passe n'ouvre pas ce fichier").first.wait_for()
    assert await page.get_by_label("Mot de passe du fichier").input_value() == ""
    await page.get_by_label("Fichier remis par l'ANS").set_input_files(path)
    await page.get_by_label("Mot de passe du fichier").fill(PASSPHRASE)
    await page.get_by_role("button", name="Importer").click()
    await page.get_by_text("Il attend comme certificat suivant").wait_for()
    await page.get_by_role("button", name="Mettre en service le suivant").click()
    await page.get_by_text("Le nouveau certificat est en service.").first.wait_for()
    assert complaints == []
    assert await faults(await come_in(await window(browser, width=width), here, "/certificats")) == []
