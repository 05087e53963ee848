"""Tests of scanners that run now, in memory: who tests which, and the last thing it sent, forgotten when the minute is over."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec
from typing_extensions import override

from gateway.flow.scanners.readings import LIFE


class ScannerTest(msgspec.Struct, frozen=True, kw_only=True):
    """One test, and the last scan of it."""

    scanner: str
    workstation: str
    until: float
    """Monotonic."""
    scans: int = 0
    data: bytes = b""
    faults: tuple[str, ...] = ()

    @override
    def __repr__(self) -> str:
        return f"ScannerTest({self.scanner})"


class ScannerTests:
    """At most one test for each scanner: a new one takes the place of the former. `monotonic` gives seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._held: dict[str, ScannerTest] = {}

    def begin(self, scanner: str, workstation: str) -> ScannerTest:
        """A test that lasts a minute."""
        test = ScannerTest(scanner=scanner, workstation=workstation, until=self._monotonic() + LIFE)
        self._held[scanner] = test
        return test

    def hear(self, scanner: str, data: bytes, faults: Sequence[str]) -> ScannerTest | None:
        """A scan of a scanner that is tested; the test after it, None when nobody tests it any more."""
        self.sweep()
        test = self._held.get(scanner)
        if test is None:
            return None
        self._held[scanner] = msgspec.structs.replace(test, scans=test.scans + 1, data=data, faults=tuple(faults))
        return self._held[scanner]

    def find(self, scanner: str, workstation: str) -> ScannerTest | None:
        """The test this workstation makes of this scanner."""
        self.sweep()
        test = self._held.get(scanner)
        return test if test is not None and test.workstation == workstation else None

    def end(self, scanner: str, workstation: str) -> bool:
        """Forget it; True when there was one."""
        found = self.find(scanner, workstation) is not None
        if found:
            del self._held[scanner]
        return found

    def seconds_left(self, test: ScannerTest) -> int:
        """Whole seconds until it is over."""
        return max(0, math.ceil(test.until - self._monotonic()))

    def sweep(self) -> None:
        """Forget those that are over."""
        now = self._monotonic()
        for one in [one for one in self._held.values() if one.until <= now]:
            del self._held[one.scanner]
