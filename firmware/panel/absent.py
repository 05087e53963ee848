"""A box without lamps and without a button: everything works, and it says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import NoReturn

from firmware.panel.errors import WatchdogMissing
from firmware.panel.port import Pattern, Press, Status
from firmware.panel.presses import Presses


class NoPanel:
    """Implements `port.Panel` with nothing behind it."""

    def __init__(self) -> None:
        self._presses = Presses()

    @property
    def status(self) -> Status:
        """There is none."""
        return Status(name=None, connected=False)

    def show(self, pattern: Pattern, *, pairing: bool = False) -> None:
        """Nothing shows it."""

    def heartbeat(self) -> None:
        """Nobody watches."""

    def arm(self, seconds: int) -> NoReturn:
        """Raises WatchdogMissing."""
        raise WatchdogMissing(f"asked for {seconds} s")

    def disarm(self) -> None:
        """It cannot be armed."""

    def presses(self) -> AsyncIterator[Press]:
        """Never one."""
        return self._presses.listen()

    async def run(self) -> NoReturn:
        """Nothing to keep."""
        await asyncio.Event().wait()
        raise AssertionError("nothing sets it")
