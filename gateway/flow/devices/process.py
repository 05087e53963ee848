"""What the device process is told when the gateway starts it: a file of settings, written anew at each start from relais.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from gateway.kernel.config import Devices
from gateway.trust.files import write_durably

_NAME = "devices.json"
_MEMORY = "scanners.json"


def write_device_settings(home: Path, settings: Devices) -> Path:
    """The file, in the shape of `firmware.devices.settings.DeviceSettings`; what is not set is left out. Raises OSError."""
    cards: dict[str, Any] = {}
    if settings.token_library is not None:
        cards["token"] = {"library": settings.token_library, "environment": settings.token_environment}
    if settings.vitale_command:
        cards["vitale_plug_in"] = {"command": settings.vitale_command}
    whole: dict[str, Any] = {
        "cards": cards,
        "scanners": {"lines": settings.scanner_lines},
        "scanner_memory": str(home / _MEMORY),
        "panel": {"kind": settings.panel},
    }
    path = home / _NAME
    write_durably(path, msgspec.json.format(msgspec.json.encode(whole)))
    return path
