from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from tests.api.practice import open_practice
from tests.api.rig import Box, Served, open_box, served
from tests.api.teleservice import Teleservice
from tests.tools import need_tool


@pytest.fixture
async def box(tmp_path: Path) -> Box:
    return await open_box(tmp_path)


@pytest.fixture
async def here(box: Box) -> AsyncIterator[Served]:
    async with served(box) as running:
        yield running


@pytest.fixture
def insi() -> Teleservice:
    return Teleservice()


@pytest.fixture
async def practice(tmp_path: Path, insi: Teleservice) -> Box:
    """A box with a doctor, a secretary and a teleservice in memory."""
    return await open_practice(tmp_path, insi)


@pytest.fixture
async def reception(practice: Box) -> AsyncIterator[Served]:
    """The practice behind a real socket."""
    async with served(practice) as running:
        yield running


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    chromium = need_tool("chromium")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield launched
        await launched.close()
