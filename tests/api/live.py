"""A box served from a thread with a loop of its own, for clients that block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.flow.cards.calls import Call
from gateway.flow.identities.identification import Clients
from gateway.kernel.config import Limits
from tests.api.rig import Served, open_box, served


@contextmanager
def living(home: Path, limits: Limits | None = None, insi: Clients | None = None, devices: Call | None = None) -> Iterator[Served]:
    """Serve until the block ends; what breaks in there breaks the test."""
    ready, over = threading.Event(), threading.Event()
    found: list[Served] = []
    broken: list[BaseException] = []

    async def live() -> None:
        box = await open_box(home, limits=limits, insi=insi, devices=devices)
        async with served(box) as here:
            found.append(here)
            ready.set()
            while not over.is_set():  # noqa: ASYNC110 - a thread's event
                await asyncio.sleep(0.02)

    def run() -> None:
        try:
            asyncio.run(live())
        except BaseException as problem:  # noqa: BLE001 - handed to the test
            broken.append(problem)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="box")
    thread.start()
    ready.wait(60)
    try:
        if broken:
            raise broken[0]
        yield found[0]
    finally:
        over.set()
        thread.join(60)
    if broken:
        raise broken[0]
