"""Presses of the button, from where they are heard to whoever listens."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from typing_extensions import override

from firmware.panel.port import Press

_MOST_WAITING: Final = 8


class Presses:
    """Gives presses to the last one who listens; what nobody listens to is gone: an old press opens nothing."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Press] | None = None

    def tell(self, press: Press) -> None:
        """Somebody pressed. Nothing waits: beyond eight unread presses, one more is not kept."""
        if self._queue is not None:
            with contextlib.suppress(asyncio.QueueFull):
                self._queue.put_nowait(press)

    def listen(self) -> AsyncIterator[Press]:
        """Presses from now on."""
        self._queue = asyncio.Queue(_MOST_WAITING)
        return _Listening(self._queue)


class _Listening(AsyncIterator[Press]):
    def __init__(self, queue: asyncio.Queue[Press]) -> None:
        self._queue = queue

    @override
    async def __anext__(self) -> Press:
        return await self._queue.get()
