from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.practice import open_practice
from tests.api.rig import Box, Served, open_box, served
from tests.api.teleservice import Teleservice


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
    return await open_practice(tmp_path, insi)
