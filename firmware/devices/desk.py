"""Who answers which call, and what becomes a notice: readers and cards, scanners, panel. One failing leaves the others at work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Protocol

import msgspec

from firmware.cards.readers import Change
from firmware.cards.service import CardService
from firmware.devices.settings import DeviceSettings
from firmware.errors import CallInvalid, DeviceError
from firmware.panel.choice import open_panel
from firmware.panel.port import Pattern, Press
from firmware.protocol import (
    ArmWatchdog,
    CloseBatch,
    Devices,
    Done,
    Heartbeat,
    InspectCard,
    ListDevices,
    Notice,
    NoticeType,
    OpenBatch,
    PanelState,
    ReadFreeData,
    ReadProtectedData,
    ReadVitale,
    Request,
    Response,
    SetPattern,
    Sign,
    TestScanner,
)  # fmt: skip
from firmware.scanners.watch import ScannerEvent, ScannerWatch

_LOG = logging.getLogger(__name__)
_AGAIN = 5.0
_LIBRARY_AGAIN = 300.0
"""At most: a machine that starts may be too slow for the first look, and a library may be installed later."""


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """A notice without its number and time."""

    type: NoticeType
    device: str | None = None
    change: Change | None = None
    scan: ScannerEvent | None = None

    def notice(self, sequence: int, at: float) -> Notice:
        """As it goes over the socket."""
        scan = self.scan
        return Notice(
            sequence=sequence,
            type=self.type,
            at=at,
            device=self.device,
            card=self.change.card if self.change is not None else None,
            scan=scan.scan if scan is not None else None,
            scan_faults=scan.faults if scan is not None else (),
            test=scan is not None and scan.test,
        )


class Desk(Protocol):
    """What the server asks."""

    async def answer(self, request: Request) -> Response:
        """Raises DeviceError."""
        ...


class DeviceDesk:
    """All the devices of the box. `tell` is called on the loop and must not wait."""

    def __init__(self, settings: DeviceSettings, tell: Callable[[Happened], None]) -> None:
        self._tell = tell
        self._cards = CardService(settings.cards, self._card_changed)
        self._scanners = ScannerWatch(settings.scanners, self._scanned, memory=settings.scanner_memory)
        self._panel = open_panel(settings.panel)
        self._token_library = False
        self._library_set = settings.cards.token is not None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to look after the devices; returns at once, what is there is told as it is found."""
        await self._cards.start()
        self._keep(self._look_for_library(), "token library")
        self._keep(self._scan(), "scanners")
        self._keep(self._again_and_again(self._panel.run, "panel"), "panel")
        self._keep(self._again_and_again(self._hear_button, "button"), "button")

    async def stop(self) -> None:
        """Cards first: none keeps a PIN."""
        await self._cards.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._scanners.stop()

    async def answer(self, request: Request) -> Response:
        """Raises DeviceError."""
        cards = self._cards
        match request:
            case ListDevices():
                return self._devices()
            case InspectCard():
                return await cards.batches.inspect(request)
            case ReadFreeData():
                return await cards.read_free(request)
            case ReadProtectedData():
                return await cards.batches.read_protected(request)
            case ReadVitale():
                return await cards.read_vitale(request)
            case OpenBatch():
                return await cards.batches.open(request)
            case Sign():
                return await cards.batches.sign(request)
            case CloseBatch():
                return await cards.batches.close(request)
            case _:
                return self._other(request)

    def _other(self, request: TestScanner | SetPattern | Heartbeat | ArmWatchdog) -> Response:
        match request:
            case TestScanner():
                self._scanners.begin_test(request.scanner, request.seconds)
            case SetPattern():
                self._panel.show(Pattern(request.pattern), pairing=request.pairing)
            case Heartbeat():
                self._panel.heartbeat()
            case ArmWatchdog(seconds=None):
                self._panel.disarm()
            case ArmWatchdog(seconds=int(seconds)):
                self._panel.arm(seconds)
            case _:
                raise CallInvalid(type(request).__name__)
        return Done()

    def _devices(self) -> Devices:
        """Without waiting: nothing can happen between this look and the answer that tells it."""
        panel = self._panel.status
        return Devices(
            readers=self._cards.readers(),
            scanners=self._scanners.list(),
            service=self._cards.up,
            service_trouble=self._cards.trouble,
            token_library=self._token_library,
            vitale_plug_in=self._cards.vitale_plug_in,
            panel=panel.name,
            panel_state=PanelState(
                connected=panel.connected,
                watchdog=panel.watchdog,
                settled=panel.settled,
                resets=panel.box_resets,
                trouble=panel.trouble,
            ),
        )

    def _card_changed(self, change: Change) -> None:
        self._tell(Happened(type=change.type, device=change.reader, change=change))

    def _scanned(self, event: ScannerEvent) -> None:
        self._tell(Happened(type=event.type, device=event.device, scan=event))

    async def _look_for_library(self) -> None:
        pause = _AGAIN
        while not self._token_library and self._library_set:
            self._token_library = await self._cards.batches.library_loads()
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LIBRARY_AGAIN)

    async def _scan(self) -> None:
        await self._scanners.start()

    async def _hear_button(self) -> None:
        async for press in self._panel.presses():
            self._tell(Happened(type=NoticeType.BUTTON_HELD if press is Press.HELD else NoticeType.BUTTON_SHORT))

    async def _again_and_again(self, work: Callable[[], Coroutine[None, None, None]], name: str) -> None:
        while True:
            try:
                await work()
            except DeviceError as error:
                _LOG.warning("%s: %s", name, error.code)
            except Exception as error:  # noqa: BLE001 - a defect in one device must not take the others away
                _LOG.error("%s: %s", name, type(error).__name__)
            await asyncio.sleep(_AGAIN)

    def _keep(self, work: Coroutine[None, None, None], name: str) -> None:
        async def guarded() -> None:
            try:
                await work
            except Exception as error:  # noqa: BLE001 - as above
                _LOG.error("%s: %s", name, type(error).__name__)

        self._tasks.append(asyncio.create_task(guarded(), name=name))
