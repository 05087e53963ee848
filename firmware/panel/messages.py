"""The messages of the serial panel, as bytes and back. Numbers are those of `board/include/panel.h`. Source: image.md section 9."""

from __future__ import annotations

import enum
from typing import Final

import msgspec

from firmware.panel.port import Pattern, Press


class Message(enum.IntEnum):
    """Type of a frame."""

    HELLO = 1
    LED = 2
    BUTTON = 3
    HEARTBEAT = 4
    WATCHDOG = 5
    ACK = 6
    NAK = 7


class Refusal(enum.IntEnum):
    """Why the panel did not take a message."""

    TYPE = 1
    LENGTH = 2
    VALUE = 3
    PROTOCOL = 4


LEAST_SECONDS: Final = 10
MOST_SECONDS: Final = 3600
_SCENES: Final = (Pattern.READY, Pattern.BUSY, Pattern.ATTENTION, Pattern.FAULT, Pattern.UPDATE)
_PRESSES: Final = {1: Press.SHORT, 2: Press.HELD}
_HELLO_LENGTH: Final = 23


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """What the panel tells of itself."""

    firmware: str
    restarted: bool
    """Its own watchdog restarted it; False after a power cut."""
    up: int
    """Seconds."""
    armed: bool
    allowed: int
    """Resets of the box it could make now."""
    resets: int
    """Resets of the box it has made since it has power."""
    serial: str | None


def led(pattern: Pattern, *, pairing: bool) -> bytes:
    """Payload of LED."""
    return bytes([_SCENES.index(pattern), pairing])


def watchdog(seconds: int | None) -> bytes:
    """Payload of WATCHDOG: armed with so many seconds, disarmed with None."""
    return bytes(3) if seconds is None else b"\x01" + seconds.to_bytes(2)


def press(payload: bytes) -> Press | None:
    """What a BUTTON says; None when this side does not know it."""
    return _PRESSES.get(payload[0]) if len(payload) == 1 else None


def hello(payload: bytes) -> Hello | None:
    """What a HELLO of the panel says; None when it is not one."""
    if len(payload) < _HELLO_LENGTH:
        return None
    serial = payload[11:_HELLO_LENGTH].decode("ascii", "replace").strip()
    return Hello(
        firmware=".".join(str(part) for part in payload[:3]),
        restarted=payload[3] != 0,
        up=int.from_bytes(payload[4:8]),
        armed=payload[8] != 0,
        allowed=payload[9],
        resets=payload[10],
        serial=serial or None,
    )
