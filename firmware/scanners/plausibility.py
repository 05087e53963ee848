"""Do these bytes look like a label read at the right speed and parity? Pure scoring over bytes and their faults.

At a wrong speed a UART finds starts and stops where there are none: faults, and bytes that are no text. A line of seven bits with parity,
read as eight bits without, shows no fault, but its bytes all have an even, or all an odd, number of ones: this proves it.
Source: the arithmetic of asynchronous lines; thresholds judged by simulation in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from firmware.scanners.line import LineSettings, Parity, Sign, judged

PLAUSIBLE: Final = 0.95
"""Score from which a capture is taken for text."""
SHORTEST: Final = 4
"""Signs under which nothing can be said: a line read too slowly gives few."""

_AGREED: Final = 0.9
"""Share of the bytes that must have one parity: a damaged one must not hide it."""
_CONTROLS: Final = frozenset(b"\t\n\r\x02\x03\x04\x1c\x1d\x1e\x1f")
_SEVEN_BITS: Final = 0x7F


def score(signs: Sequence[Sign]) -> float:
    """Share of the signs that came sound and belong to a text, 0 to 1; 0 for fewer than SHORTEST."""
    if len(signs) < SHORTEST:
        return 0.0
    return _textual(bytes(one.value for one in signs if one.fault is None)) / len(signs)


def _textual(data: bytes) -> int:
    """How many of the bytes are printable ASCII, separators, or whole UTF-8 characters."""
    try:
        beyond = sum(len(one.encode()) for one in data.decode() if one.isprintable() and not one.isascii())
    except UnicodeDecodeError:
        beyond = 0
    return beyond + sum(1 for one in data if 0x20 <= one < _SEVEN_BITS or one in _CONTROLS)


def parity_shown(signs: Sequence[Sign]) -> Parity:
    """The parity that bytes read as eight bits carry in the last one; `N` when they carry none."""
    sound = [one.value for one in signs if one.fault is None]
    if len(sound) < SHORTEST or all(one <= _SEVEN_BITS for one in sound):
        return "N"
    odd = sum(one.bit_count() % 2 for one in sound) / len(sound)
    if odd <= 1 - _AGREED:
        return "E"
    return "O" if odd >= _AGREED else "N"


def understood(signs: Sequence[Sign], speed: int) -> LineSettings | None:
    """The settings under which what was read as eight bits at this speed is a text; None when it is none."""
    settings = LineSettings(speed, parity_shown(signs))
    return settings if score(judged(signs, settings)) >= PLAUSIBLE else None


def noisy(damaged: int, length: int) -> bool:
    """True when so many signs of a scan are damaged that it is none: the line is at another speed, or the cable bad."""
    return damaged * 4 > max(length, 1)
