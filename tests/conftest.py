"""What holds for every test: a clean environment, an odd time zone, a fixed seed, no task left alive, no blocked loop on request."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog
from blockbuster import BlockBuster, blockbuster_ctx
from hypothesis import settings

KEPT = ("RELAIS_SHARED", "RELAIS_REQUIRE_ALL", "RELAIS_TEST_")
FOREIGN = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir", "requests_ca_bundle", "sslkeylogfile")
TURNS_TO_END = 10

settings.register_profile("relais", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("relais")

# Whatever the shell asks, workers and processes under test keep their bytecode: compiling anew at each start takes longer than the start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Nobody may lean on the zone of the machine; a POSIX rule needs no zone file.
os.environ["TZ"] = "<+0545>-05:45"
time.tzset()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's shell reaches the code under test; RELAIS_TEST_* are the parameters of the tests."""
    for name in list(os.environ):
        if name.lower() in FOREIGN or (name.startswith("RELAIS_") and not name.startswith(KEPT)):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def no_task_left(request: pytest.FixtureRequest) -> None:
    """An async test that leaves a task running fails."""
    if request.node.get_closest_marker("asyncio") is not None:
        request.getfixturevalue("surviving_tasks")


@pytest.fixture
async def surviving_tasks() -> AsyncIterator[None]:
    """Set up before and torn down after every other fixture of its test; wider fixtures keep their tasks."""
    before = asyncio.all_tasks()
    yield
    for _ in range(TURNS_TO_END):
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    if left:
        pytest.fail(f"tasks left alive: {sorted(str(task.get_coro()) for task in left)}")


@pytest.fixture
def no_blocking() -> Iterator[BlockBuster]:
    """Ask for it to fail when code of the gateway blocks the event loop."""
    with blockbuster_ctx("gateway") as watch:
        yield watch


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """A test that sets the logs up leaves them to the next one as they were."""
    handlers = logging.root.handlers[:]
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
