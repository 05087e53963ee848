"""A scanner at the other end of a real pseudo-terminal, plugged under a path of its own, as /dev/serial/by-id does."""

from __future__ import annotations

import asyncio
import os
import termios
import tty
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from firmware.protocol import NoticeType, Scanner
from firmware.scanners.ports import Port, ScannerRules, ports_of
from firmware.scanners.watch import ScannerEvent, ScannerWatch
from tests.firmware.scanners.uart import Line, received

EVERY = 0.05
INS_LIKE = b"IS010000000000000000000000S1277010115400329S21.2.250.1.213.1.4.8\x1dS3SARAH-LOU ANNA\x1dS4GARCIA\x1d"
"""As long and as mixed as what is scanned in a practice."""


class Plugged:
    """A scanner that is plugged in; the path is a link to its line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.line = os.ttyname(slave)
        self._slave: int | None = slave
        path.symlink_to(self.line)

    def send(self, data: bytes) -> None:
        """Sound bytes. The pseudo-terminal doubles FF itself, as a kernel that marks damage does."""
        os.write(self.master, data)

    def send_marked(self, data: bytes) -> None:
        """Bytes with the marks of damage in them: the doubling is put off for so long."""
        attributes = termios.tcgetattr(self.master)
        attributes[0] &= ~(termios.PARMRK | termios.INPCK)
        termios.tcsetattr(self.master, termios.TCSANOW, attributes)
        os.write(self.master, data)

    def scan(self, data: bytes, sender: Line, watch: ScannerWatch, identifier: str) -> None:
        """A label over a line of this speed and parity, to a box that listens at what it says it does."""
        shown = next(one for one in watch.list() if one.id == identifier)
        assert shown.speed is not None
        self.send_marked(received(data, sender, Line(shown.speed)))

    def unplug(self) -> None:
        """The line goes away, its path with it."""
        self.path.unlink()
        if self._slave is not None:
            os.close(self._slave)
        os.close(self.master)

    def let_go(self) -> None:
        """Only the box holds the line from now on."""
        if self._slave is not None:
            os.close(self._slave)
            self._slave = None


@dataclass
class Told:
    """What a watch told."""

    events: list[ScannerEvent] = field(default_factory=list)

    def of(self, kind: NoticeType, device: str | None = None) -> list[ScannerEvent]:
        return [one for one in self.events if one.type is kind and device in (None, one.device)]

    def scans(self, device: str | None = None) -> list[bytes | None]:
        return [one.scan for one in self.of(NoticeType.SCAN, device)]


async def until(true: Callable[[], bool], what: str = "") -> None:
    """Waits for what a person would see; fails after a while."""
    try:
        async with asyncio.timeout(20):
            while not true():  # noqa: ASYNC110 - what is waited for has no event of its own
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"it did not come: {what}") from None


@asynccontextmanager
async def watching(
    *paths: Path, memory: Path | None = None, discover: Callable[[ScannerRules, Collection[str]], Sequence[Port]] | None = None
) -> AsyncIterator[tuple[ScannerWatch, Told]]:
    """A watch on configured lines, or on what `discover` finds; no line of the machine is touched."""
    told = Told()
    rules = ScannerRules(lines=tuple(map(str, paths)))
    watch = ScannerWatch(rules, told.events.append, memory=memory, every=EVERY, discover=discover or (lambda *given: ports_of([], *given)))
    await watch.start()
    try:
        yield watch, told
    finally:
        await watch.stop()


def by_name(watch: ScannerWatch, path: Path) -> Scanner:
    return next(one for one in watch.list() if one.name == path.name)
