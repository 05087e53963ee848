"""Frames of the panel's serial line, the same as `board/src/frame.c`: COBS between zero bytes, CRC-16/CCITT-FALSE, high byte first.

A frame is version, type, sequence, length, payload of 32 bytes at most, checksum. What is damaged is left out, without a word: whoever
waits for it asks again. Source: image.md section 9.
"""

from __future__ import annotations

from binascii import crc_hqx
from typing import Final

import msgspec

PROTOCOL: Final = 1
MOST_PAYLOAD: Final = 32
_HEADER: Final = 4
_CHECKSUM: Final = 2
_MOST_RAW: Final = _HEADER + MOST_PAYLOAD + _CHECKSUM
_MOST_STUFFED: Final = _MOST_RAW + 1
_MOST_BLOCK: Final = 254
_FULL_BLOCK: Final = 0xFF
"""Code of a block of 254 bytes, after which no zero byte is meant."""


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One message; every number is a byte."""

    type: int
    sequence: int
    payload: bytes = b""
    protocol: int = PROTOCOL


def crc16(content: bytes) -> int:
    """CRC-16/CCITT-FALSE: 29b1 for `123456789`."""
    return crc_hqx(content, 0xFFFF)


def stuffed(content: bytes) -> bytes:
    """COBS: the content without any zero byte, one byte longer for every 254 begun."""
    blocks: list[bytes] = []
    parts = content.split(b"\0")
    for number, part in enumerate(parts, start=1):
        rest = part
        while len(rest) > _MOST_BLOCK or (len(rest) == _MOST_BLOCK and number < len(parts)):
            blocks.append(bytes([_FULL_BLOCK]) + rest[:_MOST_BLOCK])
            rest = rest[_MOST_BLOCK:]
        blocks.append(bytes([len(rest) + 1]) + rest)
    return b"".join(blocks)


def unstuffed(content: bytes) -> bytes | None:
    """What was stuffed; None when it is not the stuffing of anything."""
    made = bytearray()
    at = 0
    while at < len(content):
        code = content[at]
        block = content[at + 1 : at + code]
        at += code
        if code == 0 or len(block) != code - 1 or 0 in block:
            return None
        made += block
        if code != _FULL_BLOCK and at < len(content):
            made.append(0)
    return bytes(made) if content else None


def encode(frame: Frame) -> bytes:
    """The frame as it goes on the wire, with the zero byte that ends it. Every number must be a byte, the payload within its bound."""
    if len(frame.payload) > MOST_PAYLOAD:
        raise AssertionError("payloads are made by this room alone")
    raw = bytes([frame.protocol, frame.type, frame.sequence, len(frame.payload)]) + frame.payload
    return stuffed(raw + crc16(raw).to_bytes(_CHECKSUM)) + b"\0"


def decode(wire: bytes) -> Frame | None:
    """What stood between two zero bytes; None when it is damaged."""
    raw = unstuffed(wire) if len(wire) <= _MOST_STUFFED else None
    if raw is None or len(raw) < _HEADER + _CHECKSUM or crc16(raw[:-_CHECKSUM]) != int.from_bytes(raw[-_CHECKSUM:]):
        return None
    protocol, kind, sequence, length = raw[:_HEADER]
    payload = raw[_HEADER:-_CHECKSUM]
    return Frame(protocol=protocol, type=kind, sequence=sequence, payload=payload) if length == len(payload) else None


class Reader:
    """Takes the bytes of the line as they come; holds 39 of them at most."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._spoilt = False

    def feed(self, received: bytes) -> list[Frame]:
        """The whole frames that end in these bytes."""
        frames = []
        *ended, rest = received.split(b"\0")
        for part in ended:
            self._keep(part)
            frame = None if self._spoilt or not self._held else decode(bytes(self._held))
            if frame is not None:
                frames.append(frame)
            self._held.clear()
            self._spoilt = False
        self._keep(rest)
        return frames

    def _keep(self, part: bytes) -> None:
        if len(self._held) + len(part) > _MOST_STUFFED:
            self._held.clear()
            self._spoilt = True
        elif not self._spoilt:
            self._held += part
