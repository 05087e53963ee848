from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.rig import Box, open_box


@pytest.fixture
async def box(tmp_path: Path) -> Box:
    return await open_box(tmp_path)
