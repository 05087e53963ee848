"""A panel kept served for the time of a test, and waiting for what it should become."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from firmware.panel.port import Panel


@contextlib.asynccontextmanager
async def served(panel: Panel) -> AsyncIterator[None]:
    """Its `run` goes on meanwhile, and must not end."""
    task = asyncio.create_task(panel.run())
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(what: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not what():  # noqa: ASYNC110 - devices ring no bell
            await asyncio.sleep(0.02)


async def connected(panel: Panel, *, wanted: bool = True) -> None:
    await until(lambda: panel.status.connected is wanted)
