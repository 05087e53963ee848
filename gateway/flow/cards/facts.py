"""What a card says without its PIN, asked once for an insertion: each look starts a helper process, and a card that stays says the same.

Forgotten when the card leaves, and after whatever may have cost a try of its PIN.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TypeVar

from firmware.protocol import CardFacts, CardObject, CardObjects, InspectCard, ReadFreeData
from gateway.flow.cards.calls import DeviceCalls
from gateway.flow.devices.devices import Devices

_CARDS = 64
_V = TypeVar("_V")


class CardBook:
    """Facts and free objects by insertion, in memory."""

    def __init__(self, calls: DeviceCalls, devices: Devices) -> None:
        self._calls = calls
        self._facts: OrderedDict[str, CardFacts] = OrderedDict()
        self._objects: OrderedDict[str, tuple[CardObject, ...]] = OrderedDict()
        self._alone: dict[str, asyncio.Lock] = {}
        devices.on_card_left(lambda _, insertion: self.forget(insertion))

    async def facts(self, reader: str, insertion: str) -> CardFacts:
        """Certificates and tries left; raises as `DeviceCalls.ask`."""
        async with self._alone.setdefault(reader, asyncio.Lock()):
            if insertion not in self._facts:
                _keep(self._facts, insertion, await self._calls.ask(InspectCard(reader=reader, insertion_id=insertion), CardFacts))
            return self._facts[insertion]

    async def objects(self, reader: str, insertion: str) -> tuple[CardObject, ...]:
        """The free objects of a CPx; raises as `facts`."""
        async with self._alone.setdefault(reader, asyncio.Lock()):
            if insertion not in self._objects:
                found = await self._calls.ask(ReadFreeData(reader=reader, insertion_id=insertion), CardObjects)
                _keep(self._objects, insertion, found.objects)
            return self._objects[insertion]

    def tried(self, insertion: str) -> None:
        """Its PIN was presented: how many tries are left is to be asked again."""
        self._facts.pop(insertion, None)

    def forget(self, insertion: str) -> None:
        """The card left."""
        self._facts.pop(insertion, None)
        self._objects.pop(insertion, None)


def _keep(held: OrderedDict[str, _V], insertion: str, value: _V) -> None:
    held[insertion] = value
    while len(held) > _CARDS:
        held.popitem(last=False)
