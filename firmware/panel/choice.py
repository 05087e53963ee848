"""Which panel this box has, by its settings."""

from __future__ import annotations

from typing import Literal

import msgspec

from firmware.panel.absent import NoPanel
from firmware.panel.kernel import KernelPanel
from firmware.panel.leds import LedNames
from firmware.panel.port import Panel
from firmware.panel.rp2040 import SerialPanel


class PanelRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to show with, and where."""

    kind: Literal["usb", "line", "kernel", "none"] = "usb"
    """usb: a board behind a USB adapter, looked for; line: a board on `line`; kernel: `leds` and `key` of the box itself."""
    line: str = "/dev/serial0"
    leds: LedNames = LedNames()
    key: str | None = None
    """Such as /dev/input/by-path/platform-gpio-keys-event."""
    key_code: int | None = None
    """Of linux/input-event-codes.h; None: any key of that device."""


def open_panel(rules: PanelRules) -> Panel:
    """The panel of this box; it is looked for, and kept, once its `run` is awaited."""
    match rules.kind:
        case "usb":
            return SerialPanel()
        case "line":
            return SerialPanel(rules.line)
        case "kernel":
            return KernelPanel(rules.leds, rules.key, code=rules.key_code)
        case "none":
            return NoPanel()
