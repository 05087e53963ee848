from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.rig import Box, Served, open_box, served


@pytest.fixture
async def box(tmp_path: Path) -> Box:
    return await open_box(tmp_path)


@pytest.fixture
async def here(box: Box) -> AsyncIterator[Served]:
    async with served(box) as running:
        yield running
