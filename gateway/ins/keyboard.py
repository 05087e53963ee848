"""What a scanner typed when its keyboard is not the workstation's: the characters it meant (insi.md 5).

A scanner in keyboard mode presses keys; the workstation says which characters they are. The layouts are those of Windows and Linux [K].
Which one was at work is for the caller to prove, by a text that he knows: nothing is guessed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_QWERTY: Final = "1234567890-=qwertyuiop[]asdfghjkl;'\\zxcvbnm,./"
_QWERTY_SHIFTED: Final = '!@#$%^&*()_+QWERTYUIOP{}ASDFGHJKL:"|ZXCVBNM<>?'
_AZERTY: Final = "&é\"'(-è_çà)=azertyuiop^$qsdfghjklmù*wxcvbn,;:!"
_AZERTY_SHIFTED: Final = "1234567890°+AZERTYUIOP¨£QSDFGHJKLM%µWXCVBN?./§"
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


def _table(typed: str, meant: str) -> dict[int, str]:
    return dict(zip(map(ord, typed), meant, strict=True))


_OTHER_AZERTY: Final = _table("§!", "68")
"""6 and 8 of the Belgian and Apple keyboards; what they stand for on the French one is in no INS datamatrix."""

LAYOUTS: Final[Mapping[str, Mapping[int, str]]] = {
    "same": {},
    "capitals": _table(_LETTERS.upper() + _LETTERS, _LETTERS + _LETTERS.upper()),
    "azerty": _table(_AZERTY + _AZERTY_SHIFTED, _QWERTY + _QWERTY_SHIFTED) | _OTHER_AZERTY,
    "azerty, shift lock": _table(_AZERTY_SHIFTED + _AZERTY, _QWERTY + _QWERTY_SHIFTED),
    "azerty, capitals": _table(_AZERTY.upper() + _AZERTY_SHIFTED.lower(), _QWERTY + _QWERTY_SHIFTED) | _OTHER_AZERTY,
    "qwerty": _table(_QWERTY + _QWERTY_SHIFTED, _AZERTY + _AZERTY_SHIFTED),
}
"""By name of what is wrong, what each typed character meant. `same`: nothing is; `qwerty`: a French scanner on an English keyboard."""
