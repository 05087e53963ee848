"""Readers and cards as one: what the watcher sees becomes notices, and each request about a card finds its way. Lives on the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import msgspec

from firmware.cards.apdu import Command, Response, exchange
from firmware.cards.batches import Batches
from firmware.cards.pcsc import Context, Link, open_context
from firmware.cards.plug_in import PlugIn, PlugInSettings
from firmware.cards.reader_line import ReaderLine
from firmware.cards.readers import Change, Plugged, Readers
from firmware.cards.token import TokenModule, slot_description
from firmware.cards.vitale import read_vitale
from firmware.cards.watcher import Event, ReaderOut, Watcher
from firmware.cards.work import InReader
from firmware.errors import CardsUnavailable, NotAVitale, ServiceDown
from firmware.protocol import CardKind, CardObject, CardObjects, NoticeType, PlugInResult, Reader, ReadFreeData, ReadVitale

_LOG = logging.getLogger(__name__)
_VITALE_SECONDS = 15.0
_VITALE_WAITING = 3
_LEAST_SECONDS = 1.0
_RESET_SECONDS = 5.0
_FOR_A_MODULE = (CardKind.CPX, CardKind.UNKNOWN)
"""What a PKCS#11 module may find a token in."""


class CardSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is not in the product: the PKCS#11 module for CPx cards, and the licensed reader of Vitale cards."""

    token: TokenModule | None = None
    vitale_plug_in: PlugInSettings | None = None


class CardService:
    """`tell` gets every change, in order, on the loop. `open_context` is another for tests. Implements `work.Cards`."""

    def __init__(self, settings: CardSettings, tell: Callable[[Change], None], open_context: Callable[[], Context] = open_context) -> None:
        self._tell, self._open = tell, open_context
        self._readers = Readers()
        self._lines: dict[str, ReaderLine] = {}
        self._watcher: Watcher | None = None
        self._plug_in = PlugIn(settings.vitale_plug_in)
        self.batches = Batches(settings.token, self)

    async def start(self) -> None:
        """Begin to watch; what is there already is told like what comes later."""
        self._watcher = Watcher(asyncio.get_running_loop(), self._apply, self._open)
        self._watcher.start()

    async def stop(self) -> None:
        """Every batch closed, every card reset that was given a PIN, no thread left but one that hangs in PC/SC."""
        await self.batches.end()
        if self._watcher is not None:
            await asyncio.to_thread(self._watcher.stop)
        for line in self._lines.values():
            line.close()

    @property
    def up(self) -> bool:
        """PC/SC answers."""
        return self._readers.up

    @property
    def trouble(self) -> str | None:
        """The code of what keeps every reader away; None when nothing does."""
        if self._readers.hopeless:
            return CardsUnavailable.code
        return None if self._readers.up else ServiceDown.code

    @property
    def vitale_plug_in(self) -> bool:
        """The licensed part is there."""
        return self._plug_in.present

    def readers(self) -> tuple[Reader, ...]:
        """What is plugged in."""
        return self._readers.all()

    def card_in(self, reader: str) -> InReader:
        """The card of a reader. Raises CardsUnavailable, ServiceDown, ReaderUnknown, CardAbsent, CardMute."""
        found, card = self._readers.inserted(reader)
        return InReader(name=found.name, card=card, pin_pad=found.pin_pad, alike=self._has_double(found))

    async def reset(self, reader: str) -> None:
        """The card forgets a PIN that it was given. Raises DeviceError."""
        await self._line(self._readers.find(reader).name).run(lambda _: None, seconds=_RESET_SECONDS, reset=True)

    async def read_free(self, request: ReadFreeData) -> CardObjects:
        """The free objects of a CPx, the free files of a Vitale. Raises DeviceError."""
        found, card = self._readers.inserted(request.reader, request.insertion_id)
        if card.kind is not CardKind.VITALE:
            return await self.batches.read_free(request)
        atr = found.atr
        loop = asyncio.get_running_loop()
        end = loop.time() + _VITALE_SECONDS
        async with self.batches.turns.of(found.id, patience=_VITALE_SECONDS, most=_VITALE_WAITING):
            left = max(_LEAST_SECONDS, end - loop.time())
            objects = await self._line(found.name).run(lambda link: _free_files(link, atr), seconds=left)
        self._readers.inserted(request.reader, request.insertion_id)  # nobody gets another card's data for this one's
        return CardObjects(objects=objects)

    async def read_vitale(self, request: ReadVitale) -> PlugInResult:
        """What the licensed part reads, alone at the reader and at those with a CPx that it is given.

        A CPx that somebody uses meanwhile is not given; ReaderBusy when there is no other. Raises NotAVitale, LicenceMissing, PartFault,
        and what tells that the card is not there.
        """
        found, card = self._readers.inserted(request.reader, request.insertion_id)
        if card.kind is not CardKind.VITALE:
            raise NotAVitale
        beside, turns = {one.id: one.name for one in self._beside(found)}, self.batches.turns
        async with turns.of(found.id), turns.of_any(tuple(beside)) as free:
            self._readers.inserted(request.reader, request.insertion_id)
            document = await self._plug_in.read(found.name, [beside[one] for one in free])
        self._readers.inserted(request.reader, request.insertion_id)
        return PlugInResult(document=document)

    def _beside(self, vitale: Plugged) -> list[Plugged]:
        return [one for one in self._readers.plugged if one is not vitale and one.card is not None and one.card.kind is CardKind.CPX]

    def _has_double(self, reader: Plugged) -> bool:
        others = [one for one in self._readers.plugged if one.id != reader.id and one.card is not None and one.card.kind in _FOR_A_MODULE]
        return any(slot_description(one.name) == slot_description(reader.name) for one in others)

    def _line(self, name: str) -> ReaderLine:
        if name not in self._lines:
            self._lines[name] = ReaderLine(name, self._open)
        return self._lines[name]

    def _apply(self, event: Event) -> None:
        try:
            if isinstance(event, ReaderOut) and event.name in self._lines:
                self._lines.pop(event.name).close()
            for change in self._readers.apply(event):
                if change.type in (NoticeType.CARD_OUT, NoticeType.READER_OUT) and change.reader is not None:
                    self.batches.gone(change.reader)
                self._tell(change)
        except Exception as error:  # noqa: BLE001 - one event that is not understood must not stop the others
            _LOG.error("card event lost: %s", type(error).__name__)


def _free_files(link: Link, atr: bytes) -> tuple[CardObject, ...]:
    def talk(command: Command) -> Response:
        return exchange(link.transmit, command, protocol=link.protocol)

    return read_vitale(talk, atr)
