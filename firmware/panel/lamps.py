"""What four lamps show at an instant, for boxes whose lamps Relais drives itself; the same as `board/src/lamps.c`.

Colours never say anything alone: place and rhythm do too.
"""

from __future__ import annotations

import enum
from typing import Final

from firmware.panel.port import Pattern

HELD_MS: Final = 10_000
STUCK_MS: Final = 20_000
SHORT_MS: Final = 2_000


class Lamp(enum.Flag):
    """One of the four, in their order on the front."""

    GREEN = 1
    BLUE = 2
    AMBER = 4
    RED = 8


NONE: Final = Lamp(0)
ALL: Final = Lamp.GREEN | Lamp.BLUE | Lamp.AMBER | Lamp.RED
_IN_TURN: Final = (Lamp.GREEN, Lamp.BLUE, Lamp.AMBER, Lamp.RED)


def pattern_lamps(pattern: Pattern, at: int) -> Lamp:
    """Lamps lit `at` milliseconds into what the gateway asked for."""
    second, half = at % 1000 < 500, at % 500 < 250
    match pattern:
        case Pattern.READY:
            return Lamp.GREEN
        case Pattern.BUSY:
            return Lamp.GREEN | Lamp.BLUE if second else Lamp.GREEN
        case Pattern.ATTENTION:
            return Lamp.GREEN | Lamp.AMBER if second else Lamp.GREEN
        case Pattern.FAULT:
            return Lamp.RED if half else NONE
        case Pattern.UPDATE:
            return _IN_TURN[at // 250 % 4]


def starting_lamps(at: int) -> Lamp:
    """The gateway has not spoken yet."""
    return Lamp.GREEN if at % 2000 < 1000 else NONE


def lost_lamps(at: int) -> Lamp:
    """The gateway has gone silent."""
    return Lamp.AMBER if at % 2000 < 100 or 300 <= at % 2000 < 400 else NONE


def with_pairing(lamps: Lamp, at: int) -> Lamp:
    """The pairing window is open: the blue lamp is its own."""
    return lamps & ~Lamp.BLUE | (Lamp.BLUE if at % 250 < 125 else NONE)


def hold_lamps(down_ms: int, at: int) -> Lamp | None:
    """What a button held for so long shows: a lamp for each quarter of ten seconds, then all of them; None when it shows nothing."""
    if SHORT_MS <= down_ms < HELD_MS:
        return Lamp((1 << down_ms // (HELD_MS // 4)) - 1)
    if HELD_MS <= down_ms < STUCK_MS:
        return ALL if at % 200 < 100 else NONE
    return None
