"""A window of a real Chromium on a box, what it complains of, and what a program can tell of a page that everybody must read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page

from tests.api.rig import Served

WIDTHS = (1280, 360)
_LEFT = "net::ERR_ABORTED"
"""A request given up because the visitor went to another page."""
_AUDIT = Path(__file__).with_name("audit.js").read_text()


async def window(browser: Browser, *, width: int = 1280, script: bool = True) -> BrowserContext:
    return await browser.new_context(
        ignore_https_errors=True, java_script_enabled=script, viewport={"width": width, "height": 900}, locale="fr-FR"
    )


async def come_in(context: BrowserContext, here: Served, path: str = "") -> Page:
    """A page signed in with the token of the workstation; at `path` when one is given."""
    page = await context.new_page()
    await page.goto(here.url)
    await page.get_by_label("Jeton du poste").fill(here.box.token)
    await page.get_by_role("button", name="Se connecter").click()
    await page.get_by_role("heading", level=1).wait_for()
    if path:
        await page.goto(here.url + path)
    return page


def complaints_of(page: Page) -> list[str]:
    """What Chromium complains of from now on: refused by the policy, failed to load, broken."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type in ("error", "warning") else None)
    page.on("requestfailed", lambda request: found.append(request.url) if request.failure != _LEFT else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


async def faults(page: Page) -> list[Any]:
    """What the audit finds wrong; fails when it read nothing at all."""
    found = json.loads(await page.evaluate(_AUDIT))
    assert found["texts"] > 0
    return list(found["faults"])


async def focused(page: Page) -> str:
    """The text of what has the focus."""
    text: str = await page.evaluate("document.activeElement.textContent.trim()")
    return text
