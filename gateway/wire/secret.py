"""A value that must never be seen: it cannot be printed, logged, compared by eye or pickled by accident.

Used for the DMP homologation number (EX_GEN-1490: confidential; dmp.md section 2). Never encrypts: that is the vault's affair.
"""

from __future__ import annotations

from typing import NoReturn

from typing_extensions import override


class Secret:
    """Holds a text; `reveal` is the only way out."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself: for the one place that sends it."""
        return self._value

    @override
    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    @override
    def __format__(self, format_spec: str) -> str:
        return repr(self)

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not serialised")
