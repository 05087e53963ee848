"""The identity of the practice beside the national one: differences field by field, and what acceptance would write (insi.md 4.4).

Decides nothing and overwrites nothing: a person accepts or refuses; only an exact answer may be accepted without one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec
from typing_extensions import override

from gateway.ins.answer import NationalIdentity
from gateway.ins.coherence import first_name_coherent, warnings
from gateway.ins.form import PLACE, UNKNOWN_PLACE, beginning, begins, completed_date, is_lunar, same_date, same_name, same_place
from gateway.ins.refusals import AnswerUnusable
from gateway.kernel.errors import Explanation
from gateway.model.patient import Sex, Traits

Kind = Literal["different", "completed", "form", "missing"]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One trait written differently on both sides.

    `completed`: INSi says more and contradicts nothing. `form`: the same trait in another writing. `missing`: INSi does not say.
    """

    field: str
    local: str | None
    national: str | None
    kind: Kind

    @override
    def __repr__(self) -> str:
        return f"Difference({self.field} {self.kind})"


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Every trait that is not written the same, in the order of the traits."""

    differences: tuple[Difference, ...]
    lunar: bool
    """True when INSi's birth date is none of the calendar: the date of the file is the user's to decide (case A23)."""
    warnings: tuple[Explanation, ...] = ()

    @property
    def exact(self) -> bool:
        """True when every trait is the same but for its form: the answer may be accepted without asking."""
        return not self.lunar and all(one.kind == "form" for one in self.differences)

    @property
    def contradicts(self) -> bool:
        """True when a strict trait differs beyond form and completion: a document checked before says nothing of the new traits."""
        return any(one.kind == "different" for one in self.differences)


def compare(local: Traits, national: NationalIdentity) -> Comparison:
    """Both identities, trait by trait; never raises, whatever INSi wrote. Used names are not compared: INSi does not know them."""
    lunar = national.birth_date is not None and is_lunar(national.birth_date)
    return Comparison(differences=tuple(_differences(local, national)), lunar=lunar, warnings=warnings(local, national))


def accepted_traits(local: Traits, national: NationalIdentity) -> Traits:
    """The traits that acceptance writes; raises AnswerUnusable for a sex, date or place that no identity can hold.

    Strict traits are INSi's, verbatim; one that INSi leaves out stays. The first given name stays as long as the national list begins with
    it (EXI ID 10) and is then written as the list writes it; else it is the one INSi gives apart, else the first word of the list: a list
    cannot be cut mechanically (insi.md 1.8), so the user may correct it afterwards. A lunar date is completed by the rule of entry, the
    verbatim one staying with the INS (insi.md 3.4). Used names are never touched (EXI ID 08).
    """
    given = national.birth_given_names or _list_with(local, national.first_given_name)
    return msgspec.structs.replace(
        local,
        birth_family_name=national.birth_family_name or local.birth_family_name,
        birth_given_names=given,
        first_birth_given_name=_first(given, local.first_birth_given_name, national.first_given_name),
        sex=_sex(national.sex, local.sex),
        birth_date=_date(national.birth_date, local.birth_date),
        birth_place=_place(national.birth_place, local.birth_place),
    )


def _differences(local: Traits, national: NationalIdentity) -> Iterator[Difference]:
    given = national.birth_given_names
    yield from _one(
        "birth_family_name",
        local.birth_family_name,
        national.birth_family_name,
        same=same_name(local.birth_family_name, national.birth_family_name or ""),
    )
    yield from _one(
        "birth_given_names",
        local.birth_given_names,
        given,
        same=same_name(local.birth_given_names, given or ""),
        more=begins(given or "", local.birth_given_names),
    )
    yield from _first_difference(local, national)
    sex, day, place = national.sex, national.birth_date, national.birth_place
    yield from _one("sex", local.sex.value, sex, same=False, more=local.sex is Sex.UNKNOWN and sex in {"F", "M"})
    yield from _one("birth_date", local.birth_date, day, same=same_date(local.birth_date, day or ""))
    unknown = local.birth_place == UNKNOWN_PLACE and PLACE.fullmatch(place or "") is not None
    yield from _one("birth_place", local.birth_place, place, same=same_place(local.birth_place, place or ""), more=unknown)


def _first_difference(local: Traits, national: NationalIdentity) -> Iterator[Difference]:
    """The first given name is held to the national list; INSi's own one, in old answers, when there is no list."""
    first, given = local.first_birth_given_name, national.birth_given_names
    if given is None:
        apart = national.first_given_name
        yield from _one("first_birth_given_name", first, apart, same=same_name(first, apart or ""))
    elif first_name_coherent(first, given):
        yield from _one("first_birth_given_name", first, beginning(given, first), same=True)
    else:
        proposed = _first(given, first, national.first_given_name)
        yield Difference(field="first_birth_given_name", local=first, national=proposed, kind="different")


def _one(field: str, local: str, national: str | None, *, same: bool, more: bool = False) -> Iterator[Difference]:
    if national is None or not national.strip():
        yield Difference(field=field, local=local, national=None, kind="missing")
    elif local != national:
        yield Difference(field=field, local=local, national=national, kind="form" if same else "completed" if more else "different")


def _list_with(local: Traits, first: str | None) -> str:
    """The list when INSi gives none: the practice's, unless it does not begin with the first given name that INSi gives."""
    return local.birth_given_names if first is None or begins(local.birth_given_names, first) else first


def _first(given: str, local: str, national: str | None) -> str:
    kept = beginning(given, local) or beginning(given, national or "")
    return kept or next(iter(given.split()), local)


def _sex(national: str | None, local: Sex) -> Sex:
    if not national:
        return local
    try:
        return Sex(national)
    except ValueError:
        raise AnswerUnusable(field="sex") from None


def _date(national: str | None, local: str) -> str:
    if not national:
        return local
    made = completed_date(national)
    if made is None:
        raise AnswerUnusable(field="birth_date")
    return made


def _place(national: str | None, local: str) -> str:
    if not national:
        return local
    if PLACE.fullmatch(national.upper()) is None:
        raise AnswerUnusable(field="birth_place")
    return national.upper()
