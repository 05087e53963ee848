"""The recovery phrase: 140 random bits as seven groups of five characters, the fifth of each checking its group and its place.

Crockford's alphabet (no I, L, O, U), read whatever the case, blanks and hyphens. The check is a Reed-Solomon symbol over GF(32): one wrong
character, or two exchanged in a group, or two groups exchanged, is always seen, and the group at fault is named.
It is made once, shown once, and never kept: see `recipient`. Source: dossier image.md 6 (printed recovery phrase); our own choice.
"""

from __future__ import annotations

import secrets
from typing import NoReturn

from typing_extensions import override

from provisioning.backup.errors import PhraseMistyped

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ALIKE = str.maketrans({"O": "0", "I": "1", "L": "1"})
_GROUPS, _DATA = 7, 4
_POLYNOMIAL = 0b100101
"""x^5 + x^2 + 1, primitive: GF(32)."""


class RecoveryPhrase:
    """The secret; shows neither in repr nor in a pickle."""

    __slots__ = ("_symbols",)

    def __init__(self, symbols: tuple[int, ...]) -> None:
        self._symbols = symbols

    @override
    def __repr__(self) -> str:
        return "RecoveryPhrase(…)"

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("a recovery phrase is never serialised")

    @property
    def words(self) -> str:
        """What is printed: seven groups of five."""
        groups = [self._symbols[start : start + _DATA] for start in range(0, len(self._symbols), _DATA)]
        return "-".join("".join(_ALPHABET[one] for one in (*group, _check(group, rank))) for rank, group in enumerate(groups))

    @property
    def secret(self) -> bytes:
        """What keys are derived from: the canonical letters without their checks."""
        return "".join(_ALPHABET[one] for one in self._symbols).encode()


def new_phrase() -> RecoveryPhrase:
    """140 bits from the kernel."""
    return RecoveryPhrase(tuple(secrets.randbelow(32) for _ in range(_GROUPS * _DATA)))


def read_phrase(typed: str) -> RecoveryPhrase:
    """The phrase as a person typed it; raises PhraseMistyped naming the group at fault."""
    letters = "".join(typed.upper().translate(_ALIKE).replace("-", " ").split())
    if len(letters) != _GROUPS * (_DATA + 1):
        raise PhraseMistyped("length", where=f"elle doit avoir {_GROUPS} groupes de {_DATA + 1} caractères")
    symbols: list[int] = []
    for rank in range(_GROUPS):
        group = [_ALPHABET.find(one) for one in letters[rank * (_DATA + 1) : (rank + 1) * (_DATA + 1)]]
        if -1 in group or _check(group[:_DATA], rank) != group[_DATA]:
            raise PhraseMistyped("check", where=f"voyez le groupe {rank + 1}")
        symbols += group[:_DATA]
    return RecoveryPhrase(tuple(symbols))


def _check(group: list[int] | tuple[int, ...], rank: int) -> int:
    """Sum of α^(i+1)·symbol, and α^rank for the place of the group."""
    total = _power(rank)
    for place, symbol in enumerate(group, start=1):
        total ^= _product(symbol, _power(place))
    return total


def _power(exponent: int) -> int:
    value = 1
    for _ in range(exponent):
        value = _product(value, 2)
    return value


def _product(left: int, right: int) -> int:
    result = 0
    while right:
        if right & 1:
            result ^= left
        left <<= 1
        if left & 32:
            left ^= _POLYNOMIAL
        right >>= 1
    return result
