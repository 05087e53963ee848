"""BER-TLV as cards hold it, read defensively: whatever the bytes, an end is found and nothing outside them is looked at. Pure.

Source: ISO 7816-4 (5.2.2); X.690 for the definite lengths.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from typing_extensions import override

_PADDING = (0x00, 0xFF)
_LONGEST_TAG = 3
_LONGEST_LENGTH = 3
DEEPEST = 8


class TlvMalformed(ValueError):
    """Bytes that are no BER-TLV. Never leaves the room: who reads a card says what that means for it."""


class Tlv(msgspec.Struct, frozen=True, kw_only=True):
    """One object: its tag as a number (0x7F21 for the two bytes 7F 21), and what it holds."""

    tag: int
    value: bytes

    @override
    def __repr__(self) -> str:
        """Never its value."""
        return f"Tlv({self.tag:X}, {len(self.value)} bytes)"

    @property
    def constructed(self) -> bool:
        """It holds other objects."""
        first = self.tag
        while first > 0xFF:
            first >>= 8
        return bool(first & 0x20)


def each(content: bytes) -> Iterator[Tlv]:
    """The objects that lie one after the other, padding (00, FF) skipped. Raises TlvMalformed where one is cut or has no sound length."""
    position = 0
    while position < len(content):
        if content[position] in _PADDING:
            position += 1
            continue
        tag, position = _tag(content, position)
        length, position = _length(content, position)
        if position + length > len(content):
            raise TlvMalformed("cut")
        yield Tlv(tag=tag, value=content[position : position + length])
        position += length


def within(content: bytes, tag: int, depth: int = DEEPEST) -> Iterator[bytes]:
    """The values of every object of that tag, at any depth up to 8, in order. Raises TlvMalformed."""
    if depth == 0:
        raise TlvMalformed("too deep")
    for one in each(content):
        if one.tag == tag:
            yield one.value
        elif one.constructed:
            yield from within(one.value, tag, depth - 1)


def _tag(content: bytes, position: int) -> tuple[int, int]:
    tag = content[position]
    position += 1
    if tag & 0x1F != 0x1F:
        return tag, position
    for _ in range(_LONGEST_TAG - 1):
        if position >= len(content):
            break
        tag = tag << 8 | content[position]
        position += 1
        if not tag & 0x80:
            return tag, position
    raise TlvMalformed("tag")


def _length(content: bytes, position: int) -> tuple[int, int]:
    if position >= len(content):
        raise TlvMalformed("no length")
    first = content[position]
    position += 1
    if first < 0x80:
        return first, position
    count = first & 0x7F
    if not 1 <= count <= _LONGEST_LENGTH or position + count > len(content):
        raise TlvMalformed("length")
    return int.from_bytes(content[position : position + count]), position + count
