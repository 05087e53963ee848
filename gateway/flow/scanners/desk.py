"""Barcode scanners of the box as workstations use them: whose they are, tests, and what they read, given once to their workstation.

What is scanned is held in memory for a minute at most; it is neither written nor logged, and the event that tells of it holds two opaque
names. A scan that came damaged is refused, never guessed at; one that is no INS datamatrix is handed on as it is (cards.md 2.3 and 3.2,
insi.md 5).
"""

from __future__ import annotations

import asyncio
import base64
from typing import Final, Protocol, TypeVar

import structlog

from firmware import protocol
from firmware.errors import DeviceError, ProcessAway
from firmware.scanners.line import ScanFault
from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import Caller
from gateway.flow.identities.datamatrix import scan_view
from gateway.flow.scanners.errors import DevicesSilent, ReadingGone, ScanDamaged, ScannerNotConnected, ScannerNotPaired, ScannerUnknown
from gateway.flow.scanners.pairings import Pairing, ScannerPairings
from gateway.flow.scanners.readings import LIFE, Reading, Readings
from gateway.flow.scanners.received import received, text_of
from gateway.flow.scanners.trials import ScannerTest, ScannerTests
from gateway.flow.scanners.views import ReadingView, ScannerTestView, ScannerView
from gateway.flow.scanners.words import trouble_of
from gateway.flow.views import instant
from gateway.ins import scan
from gateway.journal.records import AuditRecord, EventRecord
from gateway.journal.store import Store
from gateway.kernel.errors import Explanation, Refused, RelaisError
from gateway.kernel.ids import new_id

_log = structlog.get_logger("relais.scanners")

_R = TypeVar("_R", bound=protocol.Response)


class DeviceCall(Protocol):
    """One call to the device process (`firmware.client.DeviceClient.call`)."""

    async def __call__(self, request: protocol.Request, kind: type[_R]) -> _R:
        """The response, of that kind; raises DeviceError."""
        ...


TESTED: Final = "scanner.tested"
READ: Final = "scan.read"
_SWEEP: Final = LIFE + 1
_ERRORS: Final[dict[str, type[RelaisError]]] = {"scanner-unknown": ScannerUnknown, "scanner-not-connected": ScannerNotConnected}


async def no_devices(request: protocol.Request, kind: type[_R]) -> _R:
    """A box whose device process is not there."""
    raise ProcessAway(f"{type(request).__name__} for {kind.__name__}")


class ScannerDesk:
    """What callers may do with scanners, and where the notices of the device process arrive (`heard`)."""

    def __init__(
        self,
        environment: str,
        store: Store,
        books: Bookkeeper,
        pairings: ScannerPairings,
        readings: Readings,
        tests: ScannerTests,
        call: DeviceCall = no_devices,
    ) -> None:
        """`call` may be given later, once the device process can be reached."""
        self._environment = environment
        self._store = store
        self._books = books
        self._pairings = pairings
        self._readings = readings
        self._tests = tests
        self.call = call
        self._troubles: dict[str, Explanation] = {}

    async def scanners(self, caller: Caller) -> tuple[ScannerView, ...]:
        """Every scanner of the box, as it stands for this workstation; raises DevicesSilent."""
        pairings = await self._pairings.all()
        return tuple([self._view(one, caller, pairings.get(one.id)) for one in await self._listed()])

    async def scanner(self, caller: Caller, scanner: str) -> ScannerView:
        """One of them; raises ScannerUnknown, DevicesSilent."""
        pairing = await self._pairings.of(scanner)
        return self._view(await self._found(scanner), caller, pairing)

    async def pair(self, caller: Caller, scanner: str) -> ScannerView:
        """It speaks to this workstation from now on; raises ScannerUnknown, ScannerOfAnother, ScannerPairedBySetting, DevicesSilent."""
        await self._found(scanner)
        await self._pairings.pair(caller, scanner)
        self._troubles.pop(scanner, None)
        return await self.scanner(caller, scanner)

    async def unpair(self, caller: Caller, scanner: str) -> ScannerView:
        """It speaks to nobody; raises as `pair`."""
        await self._found(scanner)
        await self._pairings.unpair(caller, scanner)
        return await self.scanner(caller, scanner)

    async def begin_test(self, caller: Caller, scanner: str) -> ScannerTestView:
        """For a minute its scans are a test for the caller, and its speed and parity are sought; raises also ScannerNotConnected."""
        await self._found(scanner)
        await self._pairings.check_usable(caller, scanner)
        await self._asked(protocol.TestScanner(scanner=scanner, seconds=LIFE), protocol.Done)
        audit = AuditRecord(at=self._books.now(), act=TESTED, actor=caller.imputed, answer="begun", detail={"scanner": scanner})
        await self._store.commit(audit)
        test = self._tests.begin(scanner, caller.workstation)
        self._troubles.pop(scanner, None)
        self._sweep_later()
        return self._test_view(test)

    def test(self, caller: Caller, scanner: str) -> ScannerTestView | None:
        """The test of this workstation that runs; None when there is none, or no more."""
        test = self._tests.find(scanner, caller.workstation)
        return self._test_view(test) if test is not None else None

    async def end_test(self, caller: Caller, scanner: str) -> None:
        """Forget what was received, and have the scanner read for good again; a device that is gone has nothing to stop."""
        if self._tests.end(scanner, caller.workstation):
            try:
                await self._asked(protocol.TestScanner(scanner=scanner, seconds=0), protocol.Done)
            except (ScannerUnknown, ScannerNotConnected):
                return

    def reading(self, caller: Caller, scanner: str, reading: str) -> ReadingView:
        """What was read, once, for the workstation it was read for; raises ReadingGone."""
        held = self._readings.take(reading, scanner=scanner, workstation=caller.workstation)
        if held is None:
            raise ReadingGone
        return self._reading_view(held)

    async def heard(self, notice: protocol.Notice) -> None:
        """A notice of the device process; those that are no scan change nothing here. Raises nothing: a scan lost is scanned again."""
        if notice.type is not protocol.NoticeType.SCAN or notice.device is None:
            return
        try:
            await (self._heard_test if notice.test else self._heard_scan)(notice.device, notice)
        except RelaisError as problem:
            _log.warning("scan not handed on", scanner=notice.device, code=problem.code)

    async def _heard_test(self, scanner: str, notice: protocol.Notice) -> None:
        test = self._tests.hear(scanner, notice.scan or b"", notice.scan_faults)
        if test is not None:
            await self._hand_on(scanner, test.workstation, notice)

    async def _heard_scan(self, scanner: str, notice: protocol.Notice) -> None:
        pairing = await self._pairings.of(scanner)
        if pairing is None:
            self._troubles[scanner] = ScannerNotPaired().explanation
            return
        if ScanFault.FLOOD in notice.scan_faults:
            self._troubles[scanner] = trouble_of(ScanFault.FLOOD)
            return
        if notice.scan_faults:
            self._troubles[scanner] = ScanDamaged().explanation
        else:
            self._troubles.pop(scanner, None)
        await self._hand_on(scanner, pairing.workstation.id, notice)

    async def _hand_on(self, scanner: str, workstation: str, notice: protocol.Notice) -> None:
        now = self._books.now()
        reading = Reading(
            id=new_id(),
            scanner=scanner,
            workstation=workstation,
            at=now,
            until=self._readings.deadline(),
            data=notice.scan or b"",
            faults=notice.scan_faults,
            test=notice.test,
        )
        self._readings.hold(reading)
        self._sweep_later()
        await self._store.commit(EventRecord(kind=READ, subject=reading.id, structure="", workstation=workstation, at=now))
        self._books.announce()

    def _sweep_later(self) -> None:
        """Nothing stays in memory longer than it may be asked for."""
        loop = asyncio.get_running_loop()
        loop.call_later(_SWEEP, self._readings.sweep)
        loop.call_later(_SWEEP, self._tests.sweep)

    def _reading_view(self, held: Reading) -> ReadingView:
        at = instant(held.at)
        if held.test:
            shown = received(held.data, held.faults, environment=self._environment)
            return ReadingView(scanner=held.scanner, at=at, kind="test", received=shown)
        if held.faults:
            return ReadingView(scanner=held.scanner, at=at, kind="refused", explanation=ScanDamaged().explanation)
        text = text_of(held.data)
        typed = text if text is not None else held.data.decode("cp1252", errors="replace")
        if not scan.layouts(typed):
            coded = base64.b64encode(held.data).decode()
            return ReadingView(scanner=held.scanner, at=at, kind="unknown", text=text, base64=coded)
        try:
            return ReadingView(scanner=held.scanner, at=at, kind="ins", ins=scan_view(typed, self._environment))
        except Refused as refusal:
            return ReadingView(scanner=held.scanner, at=at, kind="refused", explanation=refusal.explanation)

    def _test_view(self, test: ScannerTest) -> ScannerTestView:
        shown = received(test.data, test.faults, environment=self._environment) if test.scans else None
        return ScannerTestView(scanner=test.scanner, seconds_left=self._tests.seconds_left(test), scans=test.scans, received=shown)

    def _view(self, one: protocol.Scanner, caller: Caller, pairing: Pairing | None) -> ScannerView:
        mine = pairing is not None and pairing.workstation.id == caller.workstation
        return ScannerView(
            id=one.id,
            name=one.name,
            connected=one.connected,
            paired=None if pairing is None else "here" if mine else "elsewhere",
            by_setting=pairing is not None and pairing.by_setting,
            speed=one.speed,
            framing=one.framing,
            ending=one.ending,
            tested=one.tested,
            trouble=trouble_of(one.trouble) if one.trouble is not None else self._troubles.get(one.id),
        )

    async def _found(self, scanner: str) -> protocol.Scanner:
        found = next((one for one in await self._listed() if one.id == scanner), None)
        if found is None:
            raise ScannerUnknown
        return found

    async def _listed(self) -> tuple[protocol.Scanner, ...]:
        return (await self._asked(protocol.ListDevices(), protocol.Devices)).scanners

    async def _asked(self, request: protocol.Request, kind: type[_R]) -> _R:
        """The answer of the device process; raises DevicesSilent, ScannerUnknown, ScannerNotConnected."""
        try:
            return await self.call(request, kind)
        except DeviceError as problem:
            raise _ERRORS.get(problem.code, DevicesSilent)(problem.technical) from None


def is_scan(event: EventRecord) -> bool:
    """True for the event of a reading."""
    return event.kind == READ
