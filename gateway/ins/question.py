"""From the traits of the practice to one call of WS_INS2: characters, sex, date and place as INSi takes them (insi.md 1.6, 3.4, 3.5).

Never guesses: a value that INSi would not take is refused before any call, its field named and its content not repeated.
"""

from __future__ import annotations

import re
from typing import Literal, cast

from gateway.ins.characters import family_name, given_name, given_names_joined
from gateway.ins.criteria import Question, SearchCriteria
from gateway.kernel.errors import Refused

_BIRTH_DATE = re.compile(r"(?:18|19|20|21)[0-9]{2}-[0-9]{2}-(?:[0-2][0-9]|3[01])")
_BIRTH_PLACE = re.compile(r"(?:[0-9]{2}|2[AB])[0-9]{3}")


class TraitNotSendable(Refused):
    """Sex, birth date or birth place in a form INSi does not take; `field` says which."""

    code = "trait-not-sendable"
    title = "Trait non transmissible au téléservice INSi"
    who = "le secrétariat"
    what = "Le téléservice INSi ne peut pas être interrogé : {reason}."
    gesture = "Corrigez l'identité du patient d'après sa pièce d'identité, puis recommencez la recherche."


def question(criteria: SearchCriteria, given: str, *, with_place: bool, field: str = "traits") -> Question:
    """One call: `given` is one given name, or all of them; the place goes along only `with_place` and when it is known.

    Every criterion is checked at once, the place too when it does not go along. Raises NameNotSendable or TraitNotSendable.
    """
    place = birth_place(criteria.birth_place, field=f"{field}.birth_place") if criteria.birth_place is not None else None
    return Question(
        birth_family_name=family_name(criteria.birth_family_name, field=f"{field}.birth_family_name"),
        given_name=given_name(given, field=f"{field}.given_names"),
        sex=sex(criteria.sex, field=f"{field}.sex"),
        birth_date=birth_date(criteria.birth_date, field=f"{field}.birth_date"),
        birth_place=place if with_place else None,
    )


def all_given(criteria: SearchCriteria, *, field: str = "traits") -> str:
    """All given names joined by spaces, for the last attempt of a search; raises NameNotSendable."""
    return given_names_joined(criteria.given_names, field=f"{field}.given_names")


def sex(text: str, *, field: str = "traits.sex") -> Literal["M", "F"]:
    """M or F; INSi takes no other. Raises TraitNotSendable."""
    if text not in ("M", "F"):
        raise TraitNotSendable(field=field, reason="le sexe doit être M ou F")
    return cast("Literal['M', 'F']", text)


def birth_date(text: str, *, field: str = "traits.birth_date") -> str:
    """AAAA-MM-JJ, verbatim: month and day may be 00 or beyond the calendar (lunar dates). Raises TraitNotSendable."""
    if _BIRTH_DATE.fullmatch(text) is None:
        raise TraitNotSendable(field=field, reason="la date de naissance doit être de la forme AAAA-MM-JJ")
    return text


def birth_place(text: str, *, field: str = "traits.birth_place") -> str:
    """COG code of 5 characters, 2A and 2B in capitals; its shape only is checked. Raises TraitNotSendable."""
    code = text.upper()
    if _BIRTH_PLACE.fullmatch(code) is None:
        raise TraitNotSendable(
            field=field, reason="le code du lieu de naissance doit être celui de l'INSEE (5 caractères), pas le code postal"
        )
    return code
