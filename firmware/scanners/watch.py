"""The scanners of the box: which are plugged in, each open and read, told as they come, go and scan.

For the process that owns the devices: `await start()`, then everything happens in its loop and is given to `tell`. A scanner that is
unplugged, or whose line another program holds, is looked for again every second, and known again by its USB serial number and interface
under whatever name the kernel gives it. A line that dies as soon as it is open is told of once and tried ever more rarely. No fault of one
scanner reaches another one, nor the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final

import msgspec
from typing_extensions import override

from firmware.errors import ScannerUnknown
from firmware.protocol import NoticeType, Scanner, Trouble
from firmware.scanners.device import Device, Heard
from firmware.scanners.errors import LineNotOpened, LinesUnreadable, ScannerNotConnected
from firmware.scanners.opening import Openings
from firmware.scanners.ports import Port, ScannerRules, found
from firmware.scanners.recall import Recall, Recalled
from firmware.scanners.steadiness import Node, Steadiness

_LOG = logging.getLogger(__name__)

EVERY: Final = 1.0
"""Seconds between two looks at what is plugged in."""
LONGEST_TEST: Final = 300.0


class ScannerEvent(msgspec.Struct, frozen=True, kw_only=True):
    """SCANNER_IN, SCANNER_OUT or SCAN, as a Notice wants it."""

    type: NoticeType
    device: str
    scan: bytes | None = None
    faults: tuple[str, ...] = ()
    test: bool = False

    @override
    def __repr__(self) -> str:
        return f"ScannerEvent({self.type}, {self.device})"


Discover = Callable[[ScannerRules, Collection[str]], Sequence[Port]]


class ScannerWatch:
    """All scanners of the box. `tell` is called in the loop and must not wait; `memory` is a file of its own, in a folder that exists."""

    def __init__(
        self,
        rules: ScannerRules,
        tell: Callable[[ScannerEvent], None],
        *,
        memory: Path | None = None,
        discover: Discover = found,
        every: float = EVERY,
        openings: Openings | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rules = rules
        self._tell = tell
        self._recall = Recall(memory)
        self._discover = discover
        self._every = every
        self._openings = openings or Openings()
        self._steadiness = Steadiness(monotonic)
        self._ports: dict[str, Port] = {}
        self._open: dict[str, tuple[str, Device]] = {}
        self._trouble: dict[str, Trouble] = {}
        self._bell = asyncio.Event()
        self._saving: asyncio.Task[None] | None = None
        self._unsaved = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look once, then go on looking; returns when what is plugged in now is open, or after a few seconds."""
        await self._look_whatever_happens()
        self._task = asyncio.create_task(self._run(), name="scanners")

    async def stop(self) -> None:
        """Leave every line; nothing is told any more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        for _, device in self._open.values():
            device.close()
        self._open.clear()
        if self._saving is not None:
            await self._saving

    def list(self) -> tuple[Scanner, ...]:
        """Scanners plugged in, those that are remembered, and lines nobody uses (`trouble` says so), by name."""
        known = {one: recalled for one, recalled in self._recall.known().items() if one not in self._rules.ignored}
        names = {one: recalled.name for one, recalled in known.items()} | {one: port.name for one, port in self._ports.items()}
        return tuple(self._shown(one, names[one], known.get(one)) for one in sorted(names, key=lambda one: (names[one], one)))

    def begin_test(self, scanner: str, seconds: float = 60.0) -> None:
        """The next scans of this scanner are a test; raises ScannerUnknown, ScannerNotConnected."""
        held = self._open.get(scanner)
        if held is not None:
            held[1].begin_test(min(max(seconds, 1.0), LONGEST_TEST))
            return
        known = scanner in self._ports or self._recall.of(scanner) is not None
        raise ScannerNotConnected if known else ScannerUnknown

    def _shown(self, identifier: str, name: str, recalled: Recalled | None) -> Scanner:
        held = self._open.get(identifier)
        if held is not None:
            settings = held[1].settings
            ending = held[1].recalled.rule
            return Scanner(
                id=identifier,
                name=name,
                connected=True,
                speed=settings.speed,
                framing=settings.framing,
                ending=ending,
                tested=held[1].recalled.tested,
            )
        trouble: Trouble = self._trouble.get(identifier, "failed") if identifier in self._ports else "absent"
        tested = recalled is not None and recalled.tested
        return Scanner(id=identifier, name=name, connected=False, trouble=trouble, tested=tested)

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._bell.wait()
            if self._bell.is_set():
                self._bell.clear()
                await asyncio.sleep(min(0.2, self._every))
            await self._look_whatever_happens()

    async def _look_whatever_happens(self) -> None:
        try:
            await self._look()
        except Exception as defect:  # noqa: BLE001 - a defect met once must not leave the box without scanners for good
            _LOG.error("scanners: %s", type(defect).__name__)

    async def _look(self) -> None:
        try:
            ports = await asyncio.to_thread(self._discover, self._rules, self._recall.twins)
        except LinesUnreadable:
            return
        self._ports = {one.id: one for one in ports}
        self._save_if(self._recall.keep_twins(frozenset(one.shared for one in ports if one.shared is not None)))
        for identifier, (path, device) in list(self._open.items()):
            port = self._ports.get(identifier)
            if port is None or not port.used or port.path != path:
                device.close()
                self._out(identifier)
            elif self._steadiness.holds(identifier):
                self._in(identifier)
        for identifier in [one for one in self._trouble if one not in self._ports]:
            del self._trouble[identifier]
            self._steadiness.forget(identifier)
        tried = [self._try(port) for port in ports if port.id not in self._open]
        for result in await asyncio.gather(*tried, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    async def _try(self, port: Port) -> None:
        if not port.used:
            self._trouble[port.id] = "unused"
            return
        node = _node(port.path)
        if not self._steadiness.may_try(port.id, node):
            return
        recalled = self._recall.of(port.id)
        recalled = msgspec.structs.replace(recalled, name=port.name) if recalled is not None else Recalled(name=port.name)
        identifier = port.id
        try:
            wire = await self._openings.open(port.path, recalled.settings.speed)
        except LineNotOpened as refusal:
            self._trouble[identifier] = refusal.trouble
            return
        device = Device(
            wire,
            recalled,
            tell=lambda heard: self._heard(identifier, heard),
            lost=lambda: self._out(identifier),
            keep=lambda kept: self._save_if(self._recall.keep(identifier, kept)),
        )
        self._open[identifier] = (port.path, device)
        self._trouble.pop(identifier, None)
        self._save_if(self._recall.keep(identifier, recalled))
        if self._steadiness.opened(identifier, node):
            self._in(identifier)

    def _in(self, identifier: str) -> None:
        self._tell(ScannerEvent(type=NoticeType.SCANNER_IN, device=identifier))

    def _out(self, identifier: str) -> None:
        held = self._open.pop(identifier, None)
        if held is not None:
            self._ports.pop(identifier, None)
            if self._steadiness.lost(identifier):
                self._tell(ScannerEvent(type=NoticeType.SCANNER_OUT, device=identifier))
            if not Path(held[0]).exists():
                self._steadiness.forget(identifier)
            elif self._steadiness.is_unsteady(identifier):
                self._trouble[identifier] = "unsteady"
            self._bell.set()

    def _save_if(self, changed: bool) -> None:  # noqa: FBT001 - the answer of the memory
        """Have the memory written, beside the loop; what changes meanwhile is written next."""
        self._unsaved = self._unsaved or changed
        if self._unsaved and (self._saving is None or self._saving.done()):
            self._saving = asyncio.create_task(self._save(), name="scanner memory")

    async def _save(self) -> None:
        while self._unsaved:
            self._unsaved = False
            await asyncio.to_thread(self._recall.write, self._recall.content())

    def _heard(self, identifier: str, heard: Heard) -> None:
        scan = heard.data or None
        if self._steadiness.holds(identifier, heard=True):
            self._in(identifier)
        self._tell(ScannerEvent(type=NoticeType.SCAN, device=identifier, scan=scan, faults=heard.faults, test=heard.test))


def _node(path: str) -> Node:
    """What sets a line apart from the one that had its path before; the same for lines that are not there."""
    try:
        state = Path(path).stat()
    except OSError:
        return (0, 0)
    return state.st_dev, state.st_ino
