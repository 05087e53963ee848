"""What scanners have just read, in memory alone: each given once, to one workstation, within a minute. Nothing is ever written of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
from typing_extensions import override

LIFE: Final = 60.0
"""Seconds."""
_MOST: Final = 32
"""Of one workstation; beyond, the oldest goes."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One scan, waiting to be asked for."""

    id: str
    scanner: str
    workstation: str
    at: int
    """Journal instant."""
    until: float
    """Monotonic."""
    data: bytes
    faults: tuple[str, ...] = ()
    test: bool = False

    @override
    def __repr__(self) -> str:
        return f"Reading({self.id})"


class Readings:
    """The readings held now. `monotonic` gives seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._held: dict[str, Reading] = {}

    def deadline(self) -> float:
        """Until when a reading made now is held."""
        return self._monotonic() + LIFE

    def hold(self, reading: Reading) -> None:
        """Keep it until it is taken or too old."""
        self.sweep()
        self._held[reading.id] = reading
        mine = [one.id for one in self._held.values() if one.workstation == reading.workstation]
        for identifier in mine[: max(0, len(mine) - _MOST)]:
            del self._held[identifier]

    def take(self, identifier: str, *, scanner: str, workstation: str) -> Reading | None:
        """The reading, to this workstation and no other, never twice; None otherwise."""
        self.sweep()
        held = self._held.get(identifier)
        if held is None or (held.scanner, held.workstation) != (scanner, workstation):
            return None
        return self._held.pop(identifier)

    def find(self, identifier: str) -> Reading | None:
        """The reading while it is held, left where it is; None otherwise."""
        self.sweep()
        return self._held.get(identifier)

    def sweep(self) -> None:
        """Forget what is too old."""
        now = self._monotonic()
        for one in [one for one in self._held.values() if one.until <= now]:
            del self._held[one.id]
