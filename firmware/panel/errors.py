"""What can go wrong with the front panel: of the tree of `firmware.errors`.

DeviceError
├── WatchdogMissing        panel-watchdog-missing   what shows the lamps of this box cannot reset it: there is nothing to arm
├── PanelNotOpened         panel-not-opened         stays within this room: the line or the key is tried again by itself
└── PanelLost              panel-lost               stays within this room: unplugged, or silent

Seconds that no watchdog takes are a CallInvalid.
"""

from __future__ import annotations

from firmware.errors import DeviceError


class WatchdogMissing(DeviceError):
    """What shows the lamps of this box cannot reset it."""

    code = "panel-watchdog-missing"


class PanelNotOpened(DeviceError):
    """Its line, its lamps or its key cannot be opened now."""

    code = "panel-not-opened"


class PanelLost(DeviceError):
    """It has gone away: unplugged, or silent for too long."""

    code = "panel-lost"
