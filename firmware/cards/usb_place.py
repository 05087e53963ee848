"""Where a USB device is plugged, for readers that have no serial number to be known by. Source: the kernel's sysfs-bus-usb."""

from __future__ import annotations

from pathlib import Path

_DEVICES = Path("/sys/bus/usb/devices")


def usb_place(bus: int, device: int, devices: Path = _DEVICES) -> str | None:
    """The path of the port, such as `1-1.2`, which stays the same as long as the cable does; None when the kernel does not tell."""
    try:
        for entry in devices.iterdir():
            if _number(entry / "busnum") == bus and _number(entry / "devnum") == device:
                return entry.name
    except OSError:
        return None
    return None


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text("ascii"))
    except (OSError, ValueError):
        return None
