"""The panel of a box that has LEDs and a key of its own: the kernel's LED class and evdev. It has no watchdog to arm."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final, NoReturn

from firmware.panel.backoff import Backoff
from firmware.panel.errors import PanelLost, PanelNotOpened, WatchdogMissing
from firmware.panel.key import Key
from firmware.panel.lamps import ALL, NONE, Lamp, hold_lamps, lost_lamps, pattern_lamps, starting_lamps, with_pairing
from firmware.panel.leds import CLASS, LedNames, Leds
from firmware.panel.port import Pattern, Press, Status
from firmware.panel.presses import Presses

_NAME: Final = "kernel"
_BEAT: Final = 0.05
"""Seconds between two looks at what the lamps should show."""
_LOST: Final = 10.0
_CONFIRMED: Final = 2.0
_NEVER: Final = float("-inf")


class KernelPanel:
    """Implements `port.Panel`; to be made in the loop that runs it."""

    def __init__(
        self,
        names: LedNames,
        key: str | None = None,
        *,
        code: int | None = None,
        folder: Path = CLASS,
        clock: Callable[[], float] = time.monotonic,
        backoff: Callable[[], Backoff] = Backoff,
    ) -> None:
        self._names = names
        self._key_path = key
        self._code = code
        self._folder = folder
        self._clock = clock
        self._backoff = backoff
        self._presses = Presses()
        self._key: Key | None = None
        self._asked: tuple[Pattern, bool] | None = None
        self._alive_at = _NEVER
        self._confirmed_at = _NEVER
        self._trouble: dict[str, str] = {}
        self._lit = False

    @property
    def status(self) -> Status:
        """Connected once the lamps are lit and the key, if there is one, is heard."""
        heard = self._key is not None or self._key_path is None
        trouble = next(iter(self._trouble.values()), None)
        return Status(name=_NAME, connected=self._lit and heard, trouble=trouble)

    def show(self, pattern: Pattern, *, pairing: bool = False) -> None:
        """See `port.Panel`."""
        self._asked = (pattern, pairing)
        self.heartbeat()

    def heartbeat(self) -> None:
        """See `port.Panel`; here it is for the lamps alone."""
        self._alive_at = self._clock()

    def arm(self, seconds: int) -> NoReturn:
        """Raises WatchdogMissing: the lamps of the box cannot reset it."""
        raise WatchdogMissing(f"asked for {seconds} s")

    def disarm(self) -> None:
        """It cannot be armed."""

    def presses(self) -> AsyncIterator[Press]:
        """See `port.Panel`."""
        return self._presses.listen()

    async def run(self) -> None:
        """See `port.Panel`."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep("leds", self._serve_lamps))
            if self._key_path is not None:
                tasks.create_task(self._keep("key", self._serve_key))

    async def _keep(self, part: str, serve: Callable[[Callable[[], None]], Awaitable[NoReturn]]) -> NoReturn:
        backoff = self._backoff()

        def served() -> None:
            backoff.begin_again()
            self._trouble.pop(part, None)

        while True:
            try:
                await serve(served)
            except (PanelNotOpened, PanelLost) as end:
                self._trouble[part] = end.code
            await asyncio.sleep(backoff.wait())

    async def _serve_lamps(self, served: Callable[[], None]) -> NoReturn:
        leds = Leds(self._names, self._folder)
        try:
            while True:
                leds.show(self.lamps())
                self._lit = True
                served()
                await asyncio.sleep(_BEAT)
        finally:
            self._lit = False
            with contextlib.suppress(PanelLost):
                leds.show(NONE)  # nobody is left to keep them true

    async def _serve_key(self, served: Callable[[], None]) -> NoReturn:
        ended: asyncio.Future[NoReturn] = asyncio.get_running_loop().create_future()
        key = Key(self._key_path or "", self._code, pressed=self._pressed, lost=ended.set_exception)
        try:
            self._key = key
            served()
            await ended
            raise PanelLost
        finally:
            self._key = None
            key.close()

    def _pressed(self, press: Press) -> None:
        if press is Press.HELD:
            self._confirmed_at = self._clock()
        self._presses.tell(press)

    def lamps(self) -> Lamp:
        """What the lamps should show now."""
        now = self._clock()
        at = int(now * 1000)
        held = hold_lamps(self._key.down_ms, at) if self._key is not None else None
        if held is not None:
            return held
        if now - self._confirmed_at < _CONFIRMED:
            return ALL if at % 200 < 100 else NONE
        if self._asked is None:
            return starting_lamps(at)
        pattern, pairing = self._asked
        if now - self._alive_at >= _LOST and pattern is not Pattern.UPDATE:
            return lost_lamps(at)
        lamps = pattern_lamps(pattern, at)
        return with_pairing(lamps, at) if pairing else lamps
