"""One sandbox and one gateway for each module, as a user starts them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.end_to_end.scene import Scene, played


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with played(tmp_path_factory.mktemp("scene")) as one:
        yield one


@pytest.fixture(autouse=True)
def no_fault_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test armed dies with it, for those that share the module's scene."""
    scene = request.getfixturevalue("scene") if "scene" in request.fixturenames else None
    yield
    if scene is not None:
        scene.sandbox.control("/reset", {})
