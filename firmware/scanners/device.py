"""One scanner that is plugged in: its line read as it speaks, cut into scans, bounded, and searched for its speed while it is tested.

Lives in the loop; nothing waits. What is too long, too fast or mostly damaged is told by its fault alone, without its bytes, except in a
test: there the person sees all that came. Source: cards.md 7.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from typing_extensions import override

from firmware.scanners.errors import LineLost
from firmware.scanners.framing import Assembler, Frame, Rule, rule_shown
from firmware.scanners.line import LineSettings, ScanFault, Sign, judged, values
from firmware.scanners.pace import Pace
from firmware.scanners.plausibility import noisy
from firmware.scanners.recall import Recalled
from firmware.scanners.search import Search, begin, step
from firmware.scanners.wire import Wire


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What a scanner sent. In a test `data` is all that came, ends included; otherwise the content alone, empty when it is not kept."""

    data: bytes
    faults: tuple[ScanFault, ...] = ()
    test: bool = False

    @override
    def __repr__(self) -> str:
        return f"Heard({len(self.data)} bytes, {self.faults}, test={self.test})"


class Device:
    """A scanner whose line, `wire`, is open at the speed that is recalled. `lost` is called once when the line goes away."""

    def __init__(
        self, wire: Wire, recalled: Recalled, *, tell: Callable[[Heard], None], lost: Callable[[], None], keep: Callable[[Recalled], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._recalled = recalled
        self._tell = tell
        self._lost = lost
        self._keep = keep
        self._pace = Pace()
        self._search: Search | None = None
        self._test_end: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._assembler = Assembler(recalled.rule)
        self._speed = recalled.settings.speed
        self._wire: Wire | None = wire
        self._loop.add_reader(wire.fileno(), self._readable)

    @property
    def recalled(self) -> Recalled:
        """Its line and ending as they are now."""
        return self._recalled

    @property
    def settings(self) -> LineSettings:
        """In force now: those being tried while it is tested."""
        return self._search.settings if self._search is not None else self._recalled.settings

    def begin_test(self, seconds: float) -> None:
        """For so long, scans are a test: told whole, and speed and parity are sought with them."""
        if self._test_end is not None:
            self._test_end.cancel()
        self._test_end = self._loop.call_later(seconds, self._end_test)
        if self._search is None:
            self._search = begin(self._recalled.settings)
            self._assembler = Assembler(Rule.GAP)

    def close(self) -> None:
        """Leave the line. Once closed, nothing more is told."""
        for one in (self._test_end, self._timer, self._pause):
            if one is not None:
                one.cancel()
        wire, self._wire = self._wire, None
        if wire is not None:
            self._loop.remove_reader(wire.fileno())
            wire.close()

    def _readable(self) -> None:
        """Something came, or the line is gone."""
        now = self._loop.time()
        if self._pulled(now):
            self._wait_for_silence()

    def _silent(self) -> None:
        """Nothing came for a while; what waits unread because the loop was late is no silence."""
        now = self._loop.time()
        if not self._pulled(now):
            for frame in self._assembler.silence(now):
                self._frame(frame, now)
        self._wait_for_silence()

    def _pulled(self, now: float) -> bool:
        """Read what is there and tell the scans it ends; True when there was something."""
        if self._wire is None:
            return False
        try:
            signs = self._wire.read()
        except LineLost:
            self._gone()
            return False
        pause = self._pace.pause(len(signs), now)
        if pause:
            self._leave_unread(pause)
            return True
        if signs:
            meant = signs if self._search is not None else judged(signs, self._recalled.settings)
            for frame in self._assembler.feed(meant, now):
                self._frame(frame, now)
        return bool(signs)

    def _leave_unread(self, seconds: float) -> None:
        """Far more bytes than a scanner sends: the line is left alone, and what it said meanwhile forgotten."""
        if self._wire is not None:
            self._loop.remove_reader(self._wire.fileno())
            self._pause = self._loop.call_later(seconds, self._resume)
            self._assembler = Assembler(Rule.GAP if self._search is not None else self._recalled.rule)
            self._flooded()

    def _resume(self) -> None:
        if self._wire is None:
            return
        try:
            self._wire.forget()
        except LineLost:
            self._gone()
            return
        self._loop.add_reader(self._wire.fileno(), self._readable)

    def _wait_for_silence(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._assembler.deadline if self._wire is not None else None
        self._timer = self._loop.call_at(deadline, self._silent) if deadline is not None else None

    def _frame(self, frame: Frame, now: float) -> None:
        if self._wire is None:
            return
        if not self._pace.scan(now):
            self._flooded()
        elif self._search is not None:
            self._tested(self._search, frame)
        else:
            damaged = sum(1 for one in frame.signs if one.fault is not None)
            lost = noisy(damaged, len(frame.signs)) if damaged else False
            faults = (*frame.faults, ScanFault.NOISE) if lost else frame.faults
            self._tell(Heard(data=b"" if lost else frame.data, faults=faults))

    def _flooded(self) -> None:
        if self._pace.first_flood():
            self._tell(Heard(data=b"", faults=(ScanFault.FLOOD,), test=self._search is not None))

    def _tested(self, search: Search, frame: Frame) -> None:
        if ScanFault.TOO_LONG in frame.faults:
            self._tell(Heard(data=b"", faults=frame.faults, test=True))
            return
        after = step(search, frame.signs)
        self._search = after
        if after.settled:
            self._settled(after.settings, judged(frame.signs, after.settings))
        else:
            self._tell(Heard(data=values(frame.signs), faults=(*frame.faults, ScanFault.GARBLED), test=True))
        self._listen_at(after.settings.speed)

    def _settled(self, settings: LineSettings, signs: list[Sign]) -> None:
        data = values(signs)
        self._recalled = msgspec.structs.replace(self._recalled, settings=settings, rule=rule_shown(data), tested=True)
        self._keep(self._recalled)
        faults = tuple(dict.fromkeys(one.fault for one in signs if one.fault is not None))
        self._tell(Heard(data=data, faults=faults, test=True))

    def _end_test(self) -> None:
        if self._search is None or self._wire is None:
            return
        self._search = self._test_end = None
        self._assembler = Assembler(self._recalled.rule)
        self._listen_at(self._recalled.settings.speed)

    def _listen_at(self, speed: int) -> None:
        if self._wire is None or speed == self._speed:
            return
        self._speed = speed
        try:
            self._wire.set_speed(speed)
        except LineLost:
            self._gone()

    def _gone(self) -> None:
        if self._wire is not None:
            self.close()
            self._lost()
