"""What goes over a serial line: its settings, and the bytes as the kernel marks them when their stop bit is wrong.

With PARMRK the kernel writes `FF 00 x` for a byte received with a fault, `FF 00 00` for a break, `FF FF` for a sound FF. The line is always
read as eight bits without parity: seven bits with parity take the same ten bits on the line, and their parity is checked here, so that no
adapter has to know it and nothing is set anew to find it. Source: termios(3); cards.md 7.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import msgspec

SPEEDS: Final = (9600, 115200, 19200, 38400, 57600, 4800, 2400, 1200)
"""Bits per second, from the most to the least usual as scanners leave their makers [K]."""

Parity = Literal["N", "E", "O"]

_MARK: Final = 0xFF


class LineSettings(msgspec.Struct, frozen=True):
    """Speed in bits per second; 8N1, 7E1 or 7O1. One stop bit always."""

    speed: int = 9600
    parity: Parity = "N"

    @property
    def bits(self) -> int:
        """Of data: with a parity there are seven."""
        return 8 if self.parity == "N" else 7

    @property
    def framing(self) -> str:
        """Such as `8N1`."""
        return f"{self.bits}{self.parity}1"


class ScanFault(enum.StrEnum):
    """What was wrong with a scan on its way."""

    LINE = "line"
    """Bytes with a wrong parity or stop bit."""
    BREAK = "break"
    """The line was broken off meanwhile: a loose plug."""
    CUT = "cut"
    """The end, or the beginning, did not come."""
    TOO_LONG = "too_long"
    """Longer than the limit: not kept."""
    FLOOD = "flood"
    """Scans, or bytes, faster than a person makes them: not kept."""
    NOISE = "noise"
    """Mostly damaged bytes: not kept. The speed is wrong, or the cable bad."""
    GARBLED = "garbled"
    """In a test: no text at these settings, others are tried with the next scan."""


class Sign(NamedTuple):
    """One byte received, and what was wrong with it."""

    value: int
    fault: ScanFault | None = None


class Demarker:
    """Undoes the marks of the kernel, over reads that end anywhere."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, chunk: bytes) -> list[Sign]:
        """The signs that are complete with this chunk."""
        signs: list[Sign] = []
        for value in chunk:
            match self._held:
                case b"" if value == _MARK:
                    self._held = b"\xff"
                case b"":
                    signs.append(Sign(value))
                case b"\xff" if value == 0:
                    self._held = b"\xff\x00"
                case b"\xff":
                    self._held = b""
                    signs += [Sign(_MARK)] if value == _MARK else [Sign(_MARK), Sign(value)]
                case _:
                    self._held = b""
                    signs.append(Sign(value, ScanFault.LINE if value else ScanFault.BREAK))
        return signs


def judged(signs: Sequence[Sign], settings: LineSettings) -> list[Sign]:
    """The signs of a line read as eight bits, as the settings mean them: seven bits, and a fault where the parity is wrong."""
    if settings.bits == 8:
        return list(signs)
    odd = int(settings.parity == "O")
    return [Sign(one.value & 0x7F, one.fault or (None if one.value.bit_count() % 2 == odd else ScanFault.LINE)) for one in signs]


def values(signs: Sequence[Sign]) -> bytes:
    """The bytes, sound or not, without the breaks."""
    return bytes(one.value for one in signs if one.fault is not ScanFault.BREAK)
