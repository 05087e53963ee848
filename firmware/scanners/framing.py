"""Cuts what a line gives into scans: by what the scanner puts around them, or by its silence. Pure: the instant is given.

`AUTO` serves a scanner nobody has described: STX…ETX, CR, LF or CRLF end a scan at once, a TAB or nothing at the next silence. A scanner
that has shown its end once owes it from then on: what stops without it is cut. Reads may end anywhere, within a mark included.
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec
from typing_extensions import override

from firmware.scanners.line import ScanFault, Sign, values

LONGEST: Final = 4096
"""Bytes of a scan; no symbol holds as many (QR 40-L: 2953)."""
GAP: Final = 0.12
"""Seconds of silence that end a scan: longer than what an adapter holds back, shorter than a person between two labels."""
PATIENCE: Final = 0.5
"""Seconds of silence after which a scan that owes its end is cut."""

_STX, _ETX, _TAB, _LF, _CR = 0x02, 0x03, 0x09, 0x0A, 0x0D


class Rule(enum.StrEnum):
    """What ends a scan."""

    AUTO = "auto"
    STX_ETX = "stx_etx"
    CR = "cr"
    LF = "lf"
    CRLF = "crlf"
    TAB = "tab"
    GAP = "gap"
    """Silence alone; nothing is taken off."""


_ENDS: Final = {
    Rule.AUTO: frozenset({_CR, _LF}),
    Rule.STX_ETX: frozenset({_ETX}),
    Rule.CR: frozenset({_CR}),
    Rule.LF: frozenset({_LF}),
    Rule.CRLF: frozenset({_LF}),
    Rule.TAB: frozenset({_TAB}),
    Rule.GAP: frozenset[int](),
}
_TRAILING: Final = {
    Rule.AUTO: b"\r\n\t",
    Rule.STX_ETX: b"\x03",
    Rule.CR: b"\r",
    Rule.LF: b"\n",
    Rule.CRLF: b"\r\n",
    Rule.TAB: b"\t",
    Rule.GAP: b"",
}
_BETWEEN: Final = frozenset({_CR, _LF})
"""What may follow the end of a scan and begins none."""


class Frame(msgspec.Struct, frozen=True):
    """One scan, without what was put around it; with a fault it may be incomplete or empty."""

    data: bytes
    faults: tuple[ScanFault, ...] = ()
    signs: tuple[Sign, ...] = ()
    """All that came for it, what was put around it included."""

    @override
    def __repr__(self) -> str:
        return f"Frame({len(self.data)} bytes, {self.faults})"


class Assembler:
    """The scans of one line. `feed` what came, `silence` when nothing does; instants in seconds of a monotonic clock."""

    def __init__(self, rule: Rule = Rule.AUTO) -> None:
        self._rule = rule
        self._signs: list[Sign] = []
        self._too_long = False
        self._owes_end = rule not in (Rule.AUTO, Rule.GAP)
        self._last = 0.0

    @property
    def deadline(self) -> float | None:
        """When `silence` has something to say, None while nothing waits."""
        if not self._signs and not self._too_long:
            return None
        waiting = self._owes_end and not (self._signs and self._signs[-1].value in _TRAILING[self._rule])
        return self._last + (PATIENCE if waiting else GAP)

    def feed(self, signs: list[Sign], now: float) -> list[Frame]:
        """The scans that end with these signs. A silence before them counts only if `silence` was asked: reads may merely be late."""
        self._last = now
        return [frame for sign in signs for frame in self._take(sign)]

    def silence(self, now: float) -> list[Frame]:
        """What a silence up to `now` ends: one scan at most."""
        deadline = self.deadline
        return [] if deadline is None or now < deadline else self._close(ended=False)

    def _take(self, sign: Sign) -> list[Frame]:
        sound = sign.fault is None
        if sound and not self._signs and not self._too_long and self._rule is not Rule.GAP and sign.value in _BETWEEN:
            return []
        if sound and sign.value == _STX and self._rule is Rule.STX_ETX and self._signs:
            cut = self._close(ended=False)
            self._signs.append(sign)
            return cut
        if len(self._signs) >= LONGEST + 3:
            self._too_long = True
            self._signs.clear()
        if not self._too_long:
            self._signs.append(sign)
        return self._close(ended=True) if sound and sign.value in self._ends() else []

    def _ends(self) -> frozenset[int]:
        if self._rule is Rule.AUTO and self._started():
            return _ENDS[Rule.STX_ETX]
        return _ENDS[self._rule]

    def _started(self) -> bool:
        return bool(self._signs) and self._signs[0] == Sign(_STX)

    def _close(self, *, ended: bool) -> list[Frame]:
        signs, too_long, started = self._signs, self._too_long, self._started()
        self._signs, self._too_long = [], False
        data = values(signs)
        faults = list(dict.fromkeys(one.fault for one in signs if one.fault is not None))
        content, shown = self._unwrapped(data, started=started)
        complete = ended or shown or not (self._owes_end or started)
        if not complete or (self._rule is Rule.STX_ETX and not started):
            faults.append(ScanFault.CUT)
        self._owes_end = self._owes_end or (self._rule is Rule.AUTO and (ended or shown))
        if too_long or len(content) > LONGEST:
            return [Frame(b"", (ScanFault.TOO_LONG,))]
        return [Frame(content, tuple(faults), tuple(signs))] if content or faults else []

    def _unwrapped(self, data: bytes, *, started: bool) -> tuple[bytes, bool]:
        """The content, and whether an end was there to take off."""
        trailing = _TRAILING[self._rule]
        if started and self._rule is Rule.AUTO:
            trailing += b"\x03"
        content = data.rstrip(trailing) if trailing else data
        if started and self._rule in (Rule.AUTO, Rule.STX_ETX):
            content = content[1:]
        return content, len(data) > len(content) + int(started)


def rule_shown(data: bytes) -> Rule:
    """What a whole burst, taken as it came, says of how this scanner ends its scans."""
    if data.startswith(b"\x02") and data.rstrip(b"\r\n").endswith(b"\x03"):
        return Rule.STX_ETX
    for suffix, rule in ((b"\r\n", Rule.CRLF), (b"\r", Rule.CR), (b"\n", Rule.LF), (b"\t", Rule.TAB)):
        if data.endswith(suffix):
            return rule
    return Rule.GAP
