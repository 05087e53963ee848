"""The characters INSi takes in names: A-Z, space, apostrophe, hyphen, by the profiles FAMILY_NAME and GIVEN_NAME (insi.md 1.6).

What has a plain form is put into it (accents, ligatures, typographic apostrophe, no-break spaces, lower case); anything else is refused,
never stripped. A refusal names the character and the field, never the name. The limit of 100 is that of the implementation guide: INSi's
own is not known.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from gateway.kernel.errors import Refused

LONGEST: Final = 100

_PLAIN: Final = {
    **{letter: letter.upper() for letter in "abcdefghijklmnopqrstuvwxyz"},
    **{sign: sign for sign in "ABCDEFGHIJKLMNOPQRSTUVWXYZ -'"},
    "Œ": "OE",
    "œ": "OE",
    "Æ": "AE",
    "æ": "AE",
    "’": "'",
    "\N{NO-BREAK SPACE}": " ",
    "\N{NARROW NO-BREAK SPACE}": " ",
}
_FAMILY_RULES: Final = (
    (re.compile(r"^ *$"), "il est vide"),
    (re.compile(r"^[ -]"), "il commence par une espace ou un tiret"),
    (re.compile(r" $"), "il finit par une espace"),
    (re.compile(r"[ ']{2}"), "deux espaces ou apostrophes s'y suivent"),
    (re.compile(r"---"), "trois tirets s'y suivent"),
    (re.compile(r"^[^A-Z]*$"), "il ne contient aucune lettre"),
)
_GIVEN_RULES: Final = (
    *_FAMILY_RULES,
    (re.compile(r"--"), "deux tirets s'y suivent"),
    (re.compile(r"[-']$"), "il finit par un tiret ou une apostrophe"),
)


class NameNotSendable(Refused):
    """A name that INSi would not take; `field` says which, the reason at most one character of it."""

    code = "name-not-sendable"
    title = "Nom non transmissible au téléservice INSi"
    who = "le secrétariat"
    what = "Le {trait} ne peut pas être transmis au téléservice INSi : {reason}."
    gesture = "Corrigez le {trait} d'après la pièce d'identité, puis recommencez la recherche."


def family_name(text: str, *, field: str = "traits.birth_family_name") -> str:
    """The birth family name as INSi takes it, 100 characters at most; raises NameNotSendable."""
    return _conforming(text, _FAMILY_RULES, "nom de naissance", field)


def given_name(text: str, *, field: str = "traits.given_names") -> str:
    """One given name, or several separated by spaces, as INSi takes it, 100 characters at most; raises NameNotSendable."""
    return _conforming(text, _GIVEN_RULES, "prénom", field)


def given_names_joined(names: Sequence[str], *, field: str = "traits.given_names") -> str:
    """All given names in their order, one space between: the last attempt of a search. Raises NameNotSendable."""
    return given_name(" ".join(given_name(name, field=field) for name in names), field=field)


def _conforming(text: str, rules: Sequence[tuple[re.Pattern[str], str]], trait: str, field: str) -> str:
    made = _plain(text, trait, field)
    if len(made) > LONGEST:
        raise NameNotSendable(field=field, trait=trait, reason=f"il dépasse {LONGEST} caractères")
    for broken, reason in rules:
        if broken.search(made):
            raise NameNotSendable(field=field, trait=trait, reason=reason)
    return made


def _plain(text: str, trait: str, field: str) -> str:
    made: list[str] = []
    for sign in text:
        plain = _PLAIN.get(sign)
        if plain is None:
            plain = _without_accent(sign, after_letter=bool(made) and made[-1].isalpha())
        if plain is None:
            raise NameNotSendable(field=field, trait=trait, reason=f"le caractère « {_shown(sign)} » n'y est pas accepté")
        if plain:
            made.append(plain)
    return "".join(made)


def _without_accent(sign: str, *, after_letter: bool) -> str | None:
    decomposed = unicodedata.normalize("NFD", sign)
    base = decomposed[0]
    if not all(_is_accent(mark) for mark in decomposed[1:]):
        return None
    if _is_accent(base):
        return "" if after_letter else None
    return _PLAIN.get(base) if base.isalpha() else None


def _is_accent(sign: str) -> bool:
    return "\u0300" <= sign <= "\u036f"


def _shown(sign: str) -> str:
    """The character itself, or its Unicode number when it would not show."""
    return sign if sign.isprintable() and not unicodedata.combining(sign) else f"U+{ord(sign):04X}"
