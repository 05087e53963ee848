"""Who the simulated INSi knows, and its search (insi.md 1.6, 1.7, 7.5). The real algorithm is not published: this one is reconstructed [R].

It never corrects what is asked. As on the editors' platform, everybody carries the production authority (insi.md 3.2).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import msgspec

from gateway.kernel import oids


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A national identity. `number` is the matricule without its key."""

    number: str
    oid: str = oids.INS_NIR
    birth_family_name: str
    birth_given_names: str
    sex: str
    birth_date: str
    birth_place: str
    former: tuple[str, ...] = ()
    insured: str | None = None
    """NIR of who the card names as insured; the person's own when not given."""
    rank: str = "1"


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What a search by traits asks."""

    birth_family_name: str
    given_name: str
    sex: str
    birth_date: str
    birth_place: str | None


class People:
    """Everybody, by number."""

    def __init__(self) -> None:
        text = files("gateway.sandbox.insi").joinpath("people.toml").read_text(encoding="utf-8")
        known = msgspec.convert(tomllib.loads(text)["person"], type=list[Person])
        self._people = {one.number: one for one in known}
        self._own = frozenset(self._people)

    def add(self, patient: Mapping[str, Any]) -> None:
        """Know a patient of the sandbox; what `people.toml` says of the same number stays."""
        ins = patient["ins"]
        number = str(ins["matricule"])[:13]
        if number in self._own:
            return
        self._people[number] = Person(
            number=number,
            oid=oids.INS_NIA if ins.get("oid") == oids.INS_NIA else oids.INS_NIR,
            birth_family_name=str(patient["birth_family_name"]),
            birth_given_names=str(patient["birth_given_names"]),
            sex=str(patient["sex"]),
            birth_date=str(patient["birth_date"]),
            birth_place=str(patient["birth_place"]),
        )

    def by_traits(self, query: Query) -> list[Person]:
        """Everybody these traits describe."""
        return [one for one in self._people.values() if _is(one, query)]

    def by_card(self, insured: str, birth_date: str, rank: str, own: str | None) -> list[Person]:
        """Everybody a Vitale card describes: by the person's own certified number, else by the insured's, the date and the rank."""
        if own is not None:
            return [one for one in self._people.values() if one.number == own]
        found = [one for one in self._people.values() if (one.insured or one.number) == insured and one.birth_date == birth_date]
        return [one for one in found if one.rank == rank]

    def by_number(self, number: str) -> Person | None:
        """The person of a number."""
        return self._people.get(number)


def key_of(number: str) -> str:
    """The key of a number of 13 characters: 97 less the number modulo 97, 2A as 19 and 2B as 18."""
    department = {"2A": "19", "2B": "18"}.get(number[5:7], number[5:7])
    return f"{97 - int(number[:5] + department + number[7:]) % 97:02d}"


def _is(one: Person, query: Query) -> bool:
    if (one.sex, one.birth_date, _fold(one.birth_family_name)) != (query.sex, query.birth_date, _fold(query.birth_family_name)):
        return False
    if query.birth_place is not None and query.birth_place != one.birth_place:
        return False
    asked, listed = _fold(query.given_name), _fold(one.birth_given_names)
    return asked in [_fold(name) for name in one.birth_given_names.split()] or f"{listed} ".startswith(f"{asked} ")


def _fold(name: str) -> str:
    return " ".join(name.upper().replace("-", " ").replace("'", " ").split())
