"""What the rest of Relais sees of the front panel, whatever shows the lamps: a board on a serial line, LEDs of the kernel, or nothing.

What is asked for is kept and brought to the panel when there is one: none of these calls waits, or fails because the panel is away.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator
from typing import Protocol

import msgspec


class Pattern(enum.StrEnum):
    """How the box is, as the lamps show it."""

    READY = "ready"
    BUSY = "busy"
    ATTENTION = "attention"
    """Works, but somebody is needed."""
    FAULT = "fault"
    UPDATE = "update"
    """Not to be unplugged; never reset."""


class Press(enum.StrEnum):
    """What a person did with the button, told once it is let go."""

    SHORT = "short"
    """Opens the pairing window."""
    HELD = "held"
    """Ten seconds, confirmed by the lamps: asks for a factory reset. A button down for more than twenty asks for nothing."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How the panel stands; nothing here is personal."""

    name: str | None
    """What shows the lamps; None when the box has nothing to show them with."""
    connected: bool
    """It shows what is asked and hears its button."""
    watchdog: bool = False
    """It can reset the box."""
    firmware: str | None = None
    serial: str | None = None
    settled: bool = True
    """Nothing that it was told waits for its word that it was taken."""
    box_resets: int = 0
    """Times it has reset the box since it has power."""
    trouble: str | None = None
    """Why it is not connected: code of the error that its last try ended with; None when it is or when there is none."""


class Panel(Protocol):
    """The lamps, the button, and the watchdog that resets the box."""

    @property
    def status(self) -> Status:
        """How it stands now."""
        ...

    def show(self, pattern: Pattern, *, pairing: bool = False) -> None:
        """Have the lamps show how the box is; `pairing` adds that the pairing window is open."""
        ...

    def heartbeat(self) -> None:
        """The gateway is alive and its work moves: every two seconds. Without it the lamps say so after ten."""
        ...

    def arm(self, seconds: int) -> None:
        """Have the box reset once no heartbeat has come for so many seconds (10 to 3600).

        Never while the pattern is UPDATE, three times an hour at most, and disarmed by the reset itself. Raises WatchdogMissing,
        CallInvalid.
        """
        ...

    def disarm(self) -> None:
        """Never reset the box; the way every panel begins."""
        ...

    def presses(self) -> AsyncIterator[Press]:
        """What is done with the button from now on; for one reader at a time. Ends only with its task."""
        ...

    async def run(self) -> None:
        """Keep the panel served, found again whenever it goes away; ends only with its task."""
        ...
