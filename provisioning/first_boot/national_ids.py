"""Keys of the national identifiers of structures, as a slip of the keyboard breaks them. Pure.

Source: from memory [K] (FINESS and SIRET end with a Luhn digit; establishments of La Poste obey another rule): where a true number does
not obey, `first_boot.check_keys = false` says so.
"""

from __future__ import annotations

import re
from typing import Final

_POSTE: Final = "356000000"


def identifier_fault(identifier: str) -> str | None:
    """What is wrong with a Struct_IdNat, in French; None when nothing is. Numbers with letters (test ones, Corsica) have no checked key."""
    kind, number = identifier[:1], identifier[1:]
    match kind:
        case "1":
            if not re.fullmatch(r"[0-9A-Z]{9}", number):
                return "« 1 » doit être suivi des 9 caractères du numéro FINESS"
            return None if not number.isdigit() or _luhn(number) else "la clé du numéro FINESS est fausse : vérifiez ses chiffres"
        case "3":
            if not re.fullmatch(r"[0-9]{14}", number):
                return "« 3 » doit être suivi des 14 chiffres du numéro SIRET"
            return None if _siret(number) else "la clé du numéro SIRET est fausse : vérifiez ses chiffres"
        case "4":
            return None if re.fullmatch(r"[0-9]{11,17}", number) else "« 4 » doit être suivi du numéro RPPS et du rang"
    return "doit commencer par 1 (FINESS), 3 (SIRET) ou 4 (RPPS et rang)"


def _siret(number: str) -> bool:
    return _luhn(number) or (number.startswith(_POSTE) and sum(int(digit) for digit in number) % 5 == 0)


def _luhn(number: str) -> bool:
    doubled = (sum(divmod(int(digit) * (1 + rank % 2), 10)) for rank, digit in enumerate(reversed(number)))
    return sum(doubled) % 10 == 0
