"""How the front of the box stands, for /status, the page and the events: panel, pairing window, request of a return to factory settings."""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.kernel.errors import Explanation


class _View(msgspec.Struct, frozen=True, kw_only=True):
    pass


class PanelView(_View, frozen=True, kw_only=True):
    """The lamps and the button."""

    fitted: bool
    """False on a box without any: everything works the same."""
    connected: bool
    watchdog_armed: bool
    """The panel resets the box when Relais no longer moves."""
    box_resets: int
    """Times it has done so since it has power."""
    trouble: Explanation | None


class PairingView(_View, frozen=True, kw_only=True):
    """Whether a workstation may be paired now."""

    open: bool
    seconds_left: int


class ResetView(_View, frozen=True, kw_only=True):
    """The button was held ten seconds: a return to factory settings is asked for. Nothing is erased yet."""

    requested_at: datetime
    seconds_left: int | None
    """To take it back, after which the box is erased; None for a request of the time when nothing was erased."""


class FrontView(_View, frozen=True, kw_only=True):
    """The whole."""

    panel: PanelView
    pairing: PairingView
    reset: ResetView | None


class ResetEvent(_View, frozen=True, kw_only=True):
    """What `reset.requested` tells."""

    requested_at: datetime
