"""How the device process stands, as the gateway knows it: what is plugged in, and who is told when a card comes or goes.

The process is a stranger that may be missing, slow or begun again: each list of devices it sends is compared with what was known and told
as the notices that were missed; without it every reader is taken for gone and every card for pulled. Nothing here stops the gateway.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec
import structlog

from firmware import protocol
from firmware.client import Away, Happening
from firmware.protocol import Card, CardKind, Reader
from gateway.flow.cards.errors import CardServiceDown, TokenLibraryMissing
from gateway.flow.cards.reader_notices import ReaderNotices, ReaderNoticeType
from gateway.flow.devices.views import DevicesView
from gateway.flow.scanners.errors import DevicesSilent
from gateway.kernel.errors import Explanation, RelaisError

_log = structlog.get_logger("relais.devices")
_ABOUT_READERS = frozenset(one.value for one in ReaderNoticeType)

CardLeft = Callable[[str, str], None]
"""Told reader and insertion of each card that left; must not wait."""


class Happenings(Protocol):
    """Where the device process is heard (`firmware.client.DeviceClient.happenings`)."""

    def __call__(self) -> AbstractAsyncContextManager[AsyncIterator[Happening]]:
        """What is there, then what happens."""
        ...


class Devices:
    """What is known of the devices; `run` keeps it true."""

    def __init__(self, notices: ReaderNotices, *, wanted: bool) -> None:
        """`wanted`: this box is set to have devices."""
        self._notices = notices
        self._wanted = wanted
        self._readers: dict[str, Reader] = {}
        self._scanners: set[str] = set()
        self._listed: protocol.Devices | None = None
        self._service: bool | None = None
        self._left: list[CardLeft] = []
        self.heard: Callable[[protocol.Notice], Awaitable[None]] | None = None
        """Who takes the notices that are not of readers (scanners)."""

    @property
    def wanted(self) -> bool:
        """True for a box that is set to have devices."""
        return self._wanted

    def on_card_left(self, told: CardLeft) -> None:
        """Tell of each card that leaves from now on."""
        self._left.append(told)

    def card(self, reader: str) -> Card | None:
        """The card that is known to be in that reader."""
        found = self._readers.get(reader)
        return found.card if found is not None else None

    def view(self) -> DevicesView | None:
        """For /status and the page; None for a box that has no devices."""
        if not self._wanted:
            return None
        listed, readers = self._listed, self._readers.values()
        return DevicesView(
            answering=listed is not None,
            card_service=self._service is True,
            readers=len(readers),
            cards=sum(one.card is not None for one in readers),
            scanners=len(self._scanners),
            token_library=listed is not None and listed.token_library,
            vitale_plug_in=listed is not None and listed.vitale_plug_in,
            trouble=self._trouble(),
        )

    async def run(self, happenings: Happenings) -> None:
        """Follow the process until its client stops."""
        async with happenings() as line:
            async for one in line:
                try:
                    await self._take(one)
                except RelaisError as problem:
                    _log.warning("device notice lost", code=problem.code)
                except Exception as problem:  # noqa: BLE001 - one notice that is not understood must not end all that follow
                    _log.error("device notice lost", kind=type(problem).__name__)

    def _trouble(self) -> Explanation | None:
        if self._listed is None:
            return DevicesSilent().explanation
        if self._service is not True:
            return CardServiceDown().explanation
        return None if self._listed.token_library else TokenLibraryMissing().explanation

    async def _take(self, one: Happening) -> None:
        if isinstance(one, Away):
            self._listed = None
            self._scanners.clear()
            self._serve(up=False)
        elif isinstance(one, protocol.Devices):
            self._compare(one)
        elif one.type.value in _ABOUT_READERS:
            self._happened(ReaderNoticeType(one.type.value), one)
        else:
            self._count_scanner(one)
            if self.heard is not None:
                await self.heard(one)

    def _compare(self, listed: protocol.Devices) -> None:
        """Tell what was missed between what was known and this list."""
        self._listed = listed
        self._scanners = {one.id for one in listed.scanners if one.connected}
        self._serve(up=listed.service)
        there = {one.id: one for one in listed.readers}
        for gone in [one for one in self._readers if one not in there]:
            self._reader_out(gone)
        for reader in listed.readers:
            if reader.id not in self._readers:
                self._notices.publish(ReaderNoticeType.READER_IN, reader.id)
            self._put(reader.id, reader.card, reader)

    def _happened(self, kind: ReaderNoticeType, notice: protocol.Notice) -> None:
        reader = notice.device or ""
        match kind:
            case ReaderNoticeType.SERVICE_UP | ReaderNoticeType.SERVICE_DOWN:
                self._serve(up=kind is ReaderNoticeType.SERVICE_UP)
            case ReaderNoticeType.READER_OUT:
                self._reader_out(reader)
            case ReaderNoticeType.READER_IN:
                if reader not in self._readers:
                    self._readers[reader] = Reader(id=reader, name="")
                    self._notices.publish(kind, reader)
            case ReaderNoticeType.CARD_OUT:
                self._put(reader, None)
            case ReaderNoticeType.CARD_IN | ReaderNoticeType.CARD_MUTE:
                self._put(reader, notice.card)

    def _serve(self, *, up: bool) -> None:
        if self._service is up:
            return
        for reader in list(self._readers):
            self._reader_out(reader)
        self._service = up
        self._notices.publish(ReaderNoticeType.SERVICE_UP if up else ReaderNoticeType.SERVICE_DOWN)

    def _reader_out(self, reader: str) -> None:
        if reader in self._readers:
            self._put(reader, None)
            del self._readers[reader]
            self._notices.publish(ReaderNoticeType.READER_OUT, reader)

    def _put(self, reader: str, card: Card | None, known: Reader | None = None) -> None:
        """That card is in the reader now, or none; tells of it when it is news."""
        before = self.card(reader)
        base = known or self._readers.get(reader) or Reader(id=reader, name="")
        self._readers[reader] = msgspec.structs.replace(base, card=card)
        if before == card:
            return
        if before is not None:
            self._tell(ReaderNoticeType.CARD_OUT, reader, before)
            for told in self._left:
                told(reader, before.insertion_id)
        if card is not None:
            self._tell(ReaderNoticeType.CARD_MUTE if card.kind is CardKind.MUTE else ReaderNoticeType.CARD_IN, reader, card)

    def _tell(self, kind: ReaderNoticeType, reader: str, card: Card) -> None:
        self._notices.publish(kind, reader, kind=card.kind, generation=card.generation, insertion_id=card.insertion_id)

    def _count_scanner(self, notice: protocol.Notice) -> None:
        if notice.device is not None and notice.type is protocol.NoticeType.SCANNER_IN:
            self._scanners.add(notice.device)
        elif notice.device is not None and notice.type is protocol.NoticeType.SCANNER_OUT:
            self._scanners.discard(notice.device)
