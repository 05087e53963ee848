"""How the way out is asked for: one line `host port`, one byte of answer, and from then on the bytes of the connection, both ways."""

from __future__ import annotations

import re
from typing import Final

import msgspec

OPEN: Final = b"+"
UNREACHABLE: Final = b"-"
"""Nothing answers there: name unknown, refused, too slow."""
FORBIDDEN: Final = b"!"
"""Not one of the services of relais.toml."""
LONGEST: Final = 300
"""Bytes of the line."""

_LINE = re.compile(rb"([0-9A-Za-z._:-]{1,253}) ([0-9]{1,5})\n")


class Place(msgspec.Struct, frozen=True):
    """A host, in lower case, and a TCP port."""

    host: str
    port: int

    @property
    def line(self) -> bytes:
        """As it is asked for; raises UnicodeError for a host that is no name."""
        return f"{self.host} {self.port}\n".encode("ascii")


def place_of(line: bytes) -> Place | None:
    """What a line asks for; None for anything else."""
    found = _LINE.fullmatch(line)
    if found is None or not 0 < int(found[2]) < 65_536:
        return None
    return Place(found[1].decode("ascii").lower(), int(found[2]))
