"""Calls to the device process about readers and cards, what it refuses told in our words."""

from __future__ import annotations

from typing import Final, Protocol, TypeVar

from firmware import protocol
from firmware.errors import DeviceError
from firmware.protocol import Card, Devices, ListDevices, Reader
from gateway.flow.cards.errors import DevicesOff, ReaderUnknown, card_error

_R = TypeVar("_R", bound=protocol.Response)

QUICK: Final = 10.0
"""Seconds for what the process answers from memory."""
SLOW: Final = 120.0
"""Seconds for a card at work: others before it, a helper to start, a PIN typed on a pad."""


class Call(Protocol):
    """One call to the device process (`firmware.client.DeviceClient.call`)."""

    async def __call__(self, request: protocol.Request, kind: type[_R], *, seconds: float = 30.0) -> _R:
        """The response, of that kind; raises DeviceError."""
        ...


class DeviceCalls:
    """The device process, or its absence: `call` is None on a box that has none."""

    def __init__(self, call: Call | None) -> None:
        self._call = call

    async def ask(self, request: protocol.Request, kind: type[_R], *, seconds: float = SLOW) -> _R:
        """The response; raises DevicesOff, and what `card_error` makes of a failure. A PIN in the request is the caller's to wipe."""
        if self._call is None:
            raise DevicesOff
        try:
            return await self._call(request, kind, seconds=seconds)
        except DeviceError as problem:
            raise card_error(problem) from None

    async def readers(self) -> tuple[Reader, ...]:
        """What is plugged in; raises DevicesOff, DevicesSilent, CardServiceDown, CardsUnavailable."""
        return (await self.ask(ListDevices(), Devices, seconds=QUICK)).readers

    async def reader(self, identifier: str) -> Reader:
        """One of them; raises ReaderUnknown and as `readers`."""
        found = next((one for one in await self.readers() if one.id == identifier), None)
        if found is None:
            raise ReaderUnknown
        return found

    async def card(self, reader: str) -> Card | None:
        """What is in it."""
        return (await self.reader(reader)).card
