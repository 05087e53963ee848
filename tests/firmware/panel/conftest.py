from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.firmware.panel.builds import HOST, compiled, image
from tests.firmware.panel.logic import Logic, LogicPanel


@pytest.fixture(scope="session")
def logic(tmp_path_factory: pytest.TempPathFactory) -> Logic:
    target = tmp_path_factory.mktemp("panel") / "libpanel.so"
    return Logic(compiled(target, HOST / "shim.c", options=("-shared", "-fPIC", "-O1")))


@pytest.fixture
def panel(logic: Logic) -> Iterator[LogicPanel]:
    one = LogicPanel(logic)
    yield one
    one.close()


@pytest.fixture(scope="session")
def uf2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real image, with a serial number."""
    return image(tmp_path_factory.mktemp("board"), "RELAIS-00042")
