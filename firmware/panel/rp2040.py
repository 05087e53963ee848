"""The panel on a serial line: an RP2040 with our program (`board/`), found, kept and found again for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, NoReturn

import msgspec

from firmware.errors import CallInvalid
from firmware.panel.backoff import Backoff
from firmware.panel.errors import PanelLost, PanelNotOpened
from firmware.panel.line import Line, adapters
from firmware.panel.messages import LEAST_SECONDS, MOST_SECONDS, Hello, Message, led, watchdog
from firmware.panel.port import Pattern, Press, Status
from firmware.panel.presses import Presses
from firmware.panel.session import Pace, Session, Wanted

_SAME_PRESS: Final = 10.0
"""Seconds within which the same sequence number is the same press, told again because its acknowledgement was lost."""


class SerialPanel:
    """Implements `port.Panel`; to be made in the loop that runs it."""

    def __init__(
        self,
        path: str | None = None,
        *,
        discover: Callable[[], Sequence[str]] = adapters,
        pace: Pace | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self._discover = discover if path is None else lambda: [path]
        self._pace = pace or Pace()
        self._backoff = backoff or Backoff()
        self._wanted = Wanted()
        self._presses = Presses()
        self._session: Session | None = None
        self._last_press: tuple[int, float] | None = None
        self._up = 0
        name = None if path is None else _NAME
        self._status = Status(name=name, connected=False, watchdog=path is not None)

    @property
    def status(self) -> Status:
        """How it stands; without a configured path it has no name until a panel was met."""
        settled = self._session.settled if self._session is not None else not self._wanted.settings
        return msgspec.structs.replace(self._status, settled=settled)

    def show(self, pattern: Pattern, *, pairing: bool = False) -> None:
        """See `port.Panel`."""
        self._wanted.set(Message.LED, led(pattern, pairing=pairing))

    def heartbeat(self) -> None:
        """See `port.Panel`."""
        if self._session is not None:
            self._session.heartbeat()

    def arm(self, seconds: int) -> None:
        """See `port.Panel`; raises CallInvalid."""
        if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
            raise CallInvalid(f"watchdog of {seconds} s")
        self._wanted.set(Message.WATCHDOG, watchdog(seconds))

    def disarm(self) -> None:
        """See `port.Panel`."""
        self._wanted.set(Message.WATCHDOG, watchdog(None))

    def presses(self) -> AsyncIterator[Press]:
        """See `port.Panel`."""
        return self._presses.listen()

    async def run(self) -> NoReturn:
        """See `port.Panel`."""
        while True:
            await self._try_each()
            await asyncio.sleep(self._backoff.wait())

    async def _try_each(self) -> None:
        for path in await asyncio.to_thread(self._found):
            try:
                self._session = Session(Line(path), self._wanted, met=self._met, pressed=self._pressed, pace=self._pace)
                await self._session.run()
            except (PanelNotOpened, PanelLost) as end:
                self._status = msgspec.structs.replace(self._status, connected=False, trouble=end.code)
            finally:
                self._session = None

    def _found(self) -> Sequence[str]:
        try:
            return self._discover()
        except (OSError, TypeError, ValueError):  # pyserial meets half a device when one is unplugged while it looks
            return ()

    def _met(self, said: Hello) -> None:
        self._backoff.begin_again()
        if said.up < self._up:
            self._last_press = None
        self._up = said.up
        self._status = Status(name=_NAME, connected=True, watchdog=True, firmware=said.firmware, serial=said.serial, box_resets=said.resets)

    def _pressed(self, press: Press, sequence: int) -> None:
        now = asyncio.get_running_loop().time()
        last, self._last_press = self._last_press, (sequence, now)
        if last is None or last[0] != sequence or now - last[1] > _SAME_PRESS:
            self._presses.tell(press)


_NAME: Final = "rp2040"
