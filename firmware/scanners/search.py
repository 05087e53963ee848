"""The search for the speed and parity of a scanner: somebody scans the same label again, another speed is tried each time. Pure.

The speed in force comes first, then the others, the usual ones before the rare. The parity needs no trial: it shows itself in what is read
at the right speed (`plausibility`).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from firmware.scanners.line import SPEEDS, LineSettings, Sign
from firmware.scanners.plausibility import understood


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """Where a search stands; `step` gives the next one."""

    settings: LineSettings
    """In force now."""
    first: LineSettings
    """In force when the search began."""
    left: tuple[int, ...]
    """Speeds to be tried yet; when all have been, the round starts anew."""
    settled: bool = False
    """True once a text was read at `settings`."""

    @property
    def result(self) -> LineSettings:
        """What is in force once the search ends: what gave a text, else what was in force before."""
        return self.settings if self.settled else self.first


def begin(current: LineSettings) -> Search:
    """A search that starts from these settings."""
    return Search(settings=current, first=current, left=tuple(one for one in SPEEDS if one != current.speed))


def step(search: Search, signs: Sequence[Sign]) -> Search:
    """After one more scan of the label, read as eight bits at the speed in force; a speed that gives no text any more is left."""
    settings = understood(signs, search.settings.speed)
    if settings is not None:
        return msgspec.structs.replace(search, settings=settings, settled=True)
    if search.left:
        return msgspec.structs.replace(search, settings=LineSettings(search.left[0]), left=search.left[1:], settled=False)
    return begin(search.first)
