"""An sRGB ICC profile of our own making: the colour that a PDF/A-1b's OutputIntent promises.

Written from the published figures of sRGB (IEC 61966-2-1: primaries, transfer curve) adapted to D50, in ICC version 2.1, because
PDF/A-1 rests on PDF 1.4 and takes no later profile. Depends on no file of the machine. Does no I/O.
"""

from __future__ import annotations

import functools
import struct

_CURVE_POINTS = 1024
_COLOURANTS_D50 = {
    b"wtpt": (0.96420, 1.00000, 0.82491),
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}


@functools.cache
def srgb_profile() -> bytes:
    """The profile: three components, ICC 2.1, display class, about 2.5 kB, always the same bytes."""
    curve = _curve()
    tags = {
        b"desc": _description(b"sRGB IEC61966-2.1"),
        b"cprt": b"text\0\0\0\0" + b"No copyright: facts of a published standard\0",
        **{name: b"XYZ \0\0\0\0" + b"".join(_s15fixed16(value) for value in xyz) for name, xyz in _COLOURANTS_D50.items()},
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    return _assemble(tags)


def _assemble(tags: dict[bytes, bytes]) -> bytes:
    """Header, tag table, tag data; tags with the same data share it."""
    start = 128 + 4 + 12 * len(tags)
    placed: dict[bytes, int] = {}
    data = b""
    for content in tags.values():
        if content not in placed:
            placed[content] = start + len(data)
            data += content + b"\0" * (-len(content) % 4)
    table = struct.pack(">I", len(tags))
    for name, content in tags.items():
        table += name + struct.pack(">II", placed[content], len(content))
    return _header(start + len(data)) + table + data


def _header(size: int) -> bytes:
    illuminant = b"".join(_s15fixed16(value) for value in _COLOURANTS_D50[b"wtpt"])
    return b"".join(
        (
            struct.pack(">I4sI", size, b"\0\0\0\0", 0x02100000),
            b"mntrRGB XYZ ",
            struct.pack(">6H", 2026, 1, 1, 0, 0, 0),
            b"acsp",
            bytes(4 + 4 + 4 + 4 + 8),
            bytes(4),
            illuminant,
            bytes(4 + 44),
        )
    )


def _description(text: bytes) -> bytes:
    """A textDescriptionType of ICC 2: ASCII, then empty Unicode and Macintosh names."""
    return b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + b"\0" + bytes(4 + 4 + 2 + 1 + 67)


def _curve() -> bytes:
    values = (_linear(index / (_CURVE_POINTS - 1)) for index in range(_CURVE_POINTS))
    return b"curv\0\0\0\0" + struct.pack(">I", _CURVE_POINTS) + b"".join(struct.pack(">H", round(value * 65535)) for value in values)


def _linear(encoded: float) -> float:
    """Light of an encoded sRGB value, both from 0 to 1."""
    return encoded / 12.92 if encoded <= 0.04045 else float(((encoded + 0.055) / 1.055) ** 2.4)


def _s15fixed16(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))
