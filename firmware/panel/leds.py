"""LEDs of the kernel (/sys/class/leds) as lamps: found, taken from whatever drove them, lit and put out."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from firmware.panel.errors import PanelLost, PanelNotOpened
from firmware.panel.lamps import NONE, Lamp

CLASS: Final = Path("/sys/class/leds")


class LedNames(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names of the LEDs, as in /sys/class/leds; a box rarely has the four."""

    green: str | None = None
    blue: str | None = None
    amber: str | None = None
    red: str | None = None

    @property
    def lamps(self) -> dict[Lamp, str]:
        """Those there are."""
        pairs = ((Lamp.GREEN, self.green), (Lamp.BLUE, self.blue), (Lamp.AMBER, self.amber), (Lamp.RED, self.red))
        return {lamp: name for lamp, name in pairs if name is not None}


_IN_PLACE: Final = {Lamp.AMBER: (Lamp.RED, Lamp.GREEN), Lamp.RED: (Lamp.AMBER, Lamp.GREEN), Lamp.GREEN: (Lamp.BLUE,), Lamp.BLUE: ()}


def shown_on(lamps: Lamp, there: frozenset[Lamp]) -> Lamp:
    """What this box shows of the four lamps: one that is missing turns over the one that stands in for it, so that it still blinks."""
    shown = lamps & Lamp(sum(one.value for one in there))
    for lamp in Lamp:
        stand_in = next((one for one in _IN_PLACE[lamp] if one in there), None)
        if lamp in lamps and lamp not in there and stand_in is not None:
            shown ^= stand_in
    return shown


class Leds:
    """The LEDs of this box; raises PanelNotOpened when one of those named is not there or cannot be written."""

    def __init__(self, names: LedNames, folder: Path = CLASS) -> None:
        self._folders = {lamp: folder / name for lamp, name in names.lamps.items()}
        self._there = frozenset(self._folders)
        self._lit: Lamp | None = None
        try:
            self._full = {lamp: (place / "max_brightness").read_text("ascii").strip() for lamp, place in self._folders.items()}
            for place in self._folders.values():
                (place / "trigger").write_text("none", "ascii")
        except (OSError, UnicodeDecodeError) as problem:
            raise PanelNotOpened(type(problem).__name__) from None

    def show(self, lamps: Lamp) -> None:
        """Light these and no other; raises PanelLost."""
        shown = shown_on(lamps, self._there)
        changed = shown ^ self._lit if self._lit is not None else Lamp(sum(one.value for one in self._there))
        for lamp in changed if changed is not NONE else ():
            try:
                (self._folders[lamp] / "brightness").write_text(self._full[lamp] if lamp in shown else "0", "ascii")
            except OSError as problem:
                raise PanelLost(type(problem).__name__) from None
        self._lit = shown
