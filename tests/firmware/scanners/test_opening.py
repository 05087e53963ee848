"""Lines whose driver does not answer: opened beside the loop, given up after a while, never held twice, closed when they come too late."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from typing_extensions import override

from firmware.protocol import NoticeType
from firmware.scanners.errors import LineLost, LineNotOpened
from firmware.scanners.line import Sign
from firmware.scanners.opening import Openings
from firmware.scanners.ports import Port, ScannerRules
from firmware.scanners.watch import ScannerEvent, ScannerWatch
from firmware.scanners.wire import Wire
from tests.firmware.scanners.plug import EVERY, Plugged, until

IN, OUT, SCAN = NoticeType.SCANNER_IN, NoticeType.SCANNER_OUT, NoticeType.SCAN


class Driver:
    """Opens real lines, but keeps whoever opens one of the `stuck` until it is let go."""

    def __init__(self, *stuck: Path) -> None:
        self.stuck = {str(one) for one in stuck}
        self.tried: list[str] = []
        self.free = threading.Event()
        self.opened: list[Wire] = []

    def __call__(self, path: str, speed: int) -> Wire:
        self.tried.append(path)
        if path in self.stuck:
            assert self.free.wait(30)
        wire = Wire(path, speed)
        self.opened.append(wire)
        return wire


def watch_of(
    told: list[ScannerEvent], openings: Openings, discover: Callable[..., Sequence[Port]], monotonic: Callable[[], float] = time.monotonic
) -> ScannerWatch:
    return ScannerWatch(ScannerRules(), told.append, every=EVERY, discover=discover, openings=openings, monotonic=monotonic)


def is_closed(wire: Wire) -> bool:
    return not wire._port.is_open


async def test_the_loop_goes_on_while_a_line_is_opened_and_a_late_one_is_closed(tmp_path: Path) -> None:
    scanner = Plugged(tmp_path / "one")
    driver = Driver(scanner.path)
    openings = Openings(driver, seconds=0.2)
    with pytest.raises(LineNotOpened) as refused:  # by a timer of the loop, while the thread is stuck
        await openings.open(str(scanner.path), 9600)
    assert refused.value.trouble == "failed"
    assert driver.opened == []
    with pytest.raises(LineNotOpened):
        await openings.open(str(scanner.path), 9600)
    assert len(driver.tried) == 1, "one thread for a line that is stuck"
    driver.free.set()
    await until(lambda: bool(driver.opened) and is_closed(driver.opened[0]))
    driver.stuck.clear()
    wire = await Openings(driver, seconds=30).open(str(scanner.path), 9600)
    assert not is_closed(wire)
    wire.close()


async def test_one_that_nobody_waits_for_any_more_is_closed(tmp_path: Path) -> None:
    scanner = Plugged(tmp_path / "one")
    driver = Driver(scanner.path)
    opening = asyncio.create_task(Openings(driver).open(str(scanner.path), 9600))
    await until(lambda: bool(driver.tried))
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    driver.free.set()
    await until(lambda: bool(driver.opened) and is_closed(driver.opened[0]))


async def test_a_defect_of_a_driver_is_a_line_that_does_not_open() -> None:
    def broken(path: str, speed: int) -> Wire:
        raise ZeroDivisionError(path, speed)

    with pytest.raises(LineNotOpened, match="ZeroDivisionError"):
        await Openings(broken).open("/dev/null", 9600)


async def test_a_dead_scanner_keeps_no_other_one_waiting(tmp_path: Path) -> None:
    dead, sane = Plugged(tmp_path / "dead"), Plugged(tmp_path / "sane")
    driver, told = Driver(dead.path), list[ScannerEvent]()
    ports = [Port(id=f"scanner-{one.path.name}", name=one.path.name, path=str(one.path)) for one in (dead, sane)]
    watch = watch_of(told, Openings(driver, seconds=0.3), lambda *_: ports)
    await watch.start()
    await until(lambda: {one.name: one.trouble for one in watch.list()} == {"dead": "failed", "sane": None})
    sane.send(b"LABEL\r")
    await until(lambda: any(one.scan == b"LABEL" for one in told))
    driver.free.set()
    driver.stuck.clear()
    await until(lambda: sum(one.type is IN for one in told) == 2)
    await watch.stop()
    assert all(map(is_closed, driver.opened))


class Dying(Wire):
    """A line that opens and is gone at its first byte."""

    def __init__(self, path: str, speed: int) -> None:
        del path, speed
        self._end, other = os.pipe()
        os.close(other)

    @override
    def fileno(self) -> int:
        return self._end

    @override
    def read(self) -> list[Sign]:
        raise LineLost("gone")

    @override
    def close(self) -> None:
        os.close(self._end)


async def test_a_line_that_dies_at_once_is_told_once_and_tried_by_the_clock_alone(tmp_path: Path) -> None:
    (tmp_path / "one").touch()
    now, tried, told = [0.0], list[float](), list[ScannerEvent]()
    looks = 0

    def dying(path: str, speed: int) -> Wire:
        tried.append(now[0])
        return Dying(path, speed)

    def discover(*_: object) -> list[Port]:
        nonlocal looks
        looks += 1
        return [Port(id="scanner-one", name="one", path=str(tmp_path / "one"))]

    watch = watch_of(told, Openings(dying), discover, monotonic=lambda: now[0])
    await watch.start()
    await until(lambda: [one.type for one in told] == [IN, OUT])
    for moment in (0.9, 1.0, 2.9, 3.0, 6.9, 7.0):
        now[0] = moment
        after = looks + 2
        await until(lambda: looks > after)  # noqa: B023 - waited for before the next one
    assert tried == [0.0, 1.0, 3.0, 7.0]
    assert [one.type for one in told] == [IN, OUT]
    assert [(one.connected, one.trouble) for one in watch.list()] == [(False, "unsteady")]
    await watch.stop()
