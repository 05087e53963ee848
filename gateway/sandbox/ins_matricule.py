"""The sandbox's own reading of a matricule INS: shape and key, and the authorities it takes.

Never shared with the gateway's: a stranger recomputes. Source: mssante.md 2.3 (97 minus the first 13
characters mod 97, 2A as 19, 2B as 18).
"""

from __future__ import annotations

import re
from typing import Final

from gateway.kernel import oids

AUTHORITIES: Final = oids.INS_ALL
_SHAPE = re.compile(r"([0-9]{5}(?:[0-9]{2}|2[AB])[0-9]{6})([0-9]{2})")


def is_matricule(text: str) -> bool:
    """True for 15 characters whose key is right; Corsican letters in upper case only."""
    match = _SHAPE.fullmatch(text)
    if match is None:
        return False
    number = match[1]
    department = {"2A": "19", "2B": "18"}.get(number[5:7], number[5:7])
    return 97 - int(number[:5] + department + number[7:]) % 97 == int(match[2])
