"""How the devices of the box stand, for /status and the page: counts and what is missing, no name of a device."""

from __future__ import annotations

import msgspec

from gateway.kernel.errors import Explanation


class DevicesView(msgspec.Struct, frozen=True, kw_only=True):
    """Readers, cards and scanners of the box."""

    answering: bool
    """The process that owns them answers."""
    card_service: bool
    """PC/SC answers it."""
    readers: int
    cards: int
    scanners: int
    token_library: bool
    """A library for CPx cards is there: they can be used, not only seen."""
    vitale_plug_in: bool
    trouble: Explanation | None
    """What is missing first, and what to do."""
