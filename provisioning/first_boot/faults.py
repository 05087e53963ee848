"""Every fault of a TOML document against a tree of structs, not the first alone, each with its place and its line. Pure.

A value is never repeated in a fault: some are secrets.
"""

from __future__ import annotations

import enum
import re
import typing
from collections.abc import Iterator
from types import UnionType
from typing import Any, Final, Literal

import msgspec

Place = tuple[str | int, ...]
_WORDS: Final = {
    "str": "un texte entre guillemets",
    "int": "un nombre entier",
    "float": "un nombre",
    "bool": "true ou false",
    "array": "une liste entre crochets",
    "object": "une section",
}
_EXPECTED: Final = re.compile(r"Expected `(\w+)(?: \| null)?`")
_BOUND: Final = re.compile(r"Expected `\w+` (>=|<=|>|<) ([\d.]+)")
_COMPARED: Final = {">=": "au moins", "<=": "au plus", ">": "plus de", "<": "moins de"}
_SYNTAX: Final = re.compile(r"at line (\d+)")
_HEADER: Final = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.\s-]+?)\s*\]\]?\s*(?:#.*)?")
_KEY: Final = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to mend."""

    place: Place
    what: str
    line: int | None = None

    @property
    def name(self) -> str:
        """The place as a person finds it: `structures[2].mailbox.port`."""
        words = ""
        for one in self.place:
            words += f"[{one + 1}]" if isinstance(one, int) else f".{one}" if words else one
        return words


def faults_in(data: object, kind: type[msgspec.Struct], place: Place = ()) -> Iterator[Fault]:
    """What keeps `data` from being a `kind`: unknown, missing and ill-formed fields."""
    if not isinstance(data, dict):
        yield Fault(place=place, what="une section est attendue")
        return
    fields = {one.encode_name: one for one in msgspec.structs.fields(kind)}
    for name in data:
        if name not in fields:
            yield Fault(place=(*place, name), what="n'est pas un réglage connu")
    for name, field in fields.items():
        if name in data:
            yield from _value_faults(data[name], field.type, (*place, name))
        elif field.required:
            yield Fault(place=place, what=f"il manque « {name} »")


def _value_faults(value: object, kind: Any, place: Place) -> Iterator[Fault]:
    one, many = _struct_of(kind)
    if one is not None and many and isinstance(value, list):
        for rank, item in enumerate(value):
            yield from faults_in(item, one, (*place, rank))
    elif one is not None and not many:
        yield from faults_in(value, one, place)
    else:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as problem:
            yield Fault(place=place, what=_told(str(problem), kind))


def _struct_of(kind: Any) -> tuple[type[msgspec.Struct] | None, bool]:
    """The struct behind `Struct`, `Struct | None` (False) or `tuple[Struct, ...]` (True)."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, UnionType):
        return next((_struct_of(one) for one in arguments if _struct_of(one)[0] is not None), (None, False))
    if origin is tuple and arguments:
        return _struct_of(arguments[0])[0], True
    return (kind, False) if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else (None, False)


def _told(message: str, kind: Any) -> str:
    allowed = typing.get_args(kind) if typing.get_origin(kind) is Literal else ()
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        allowed = tuple(one.value for one in kind)
    if allowed:
        return "n'a que ces valeurs possibles : " + ", ".join(str(one) for one in allowed)
    bound = _BOUND.search(message)
    if bound:
        return f"doit être {_COMPARED[bound.group(1)]} {bound.group(2)}"
    expected = _EXPECTED.search(message)
    if expected and expected.group(1) in _WORDS:
        return f"doit être {_WORDS[expected.group(1)]}"
    return "n'a pas la forme attendue"


def syntax_fault(message: str) -> Fault:
    """The one fault of a text that is no TOML."""
    found = _SYNTAX.search(message)
    return Fault(place=(), what="la syntaxe TOML est fausse ici", line=int(found.group(1)) if found else None)


def placed(faults: Iterator[Fault], text: str) -> list[Fault]:
    """Each with the line of its field, or of the nearest section around it; in the order of the lines."""
    lines = _lines(text)
    found = [msgspec.structs.replace(one, line=one.line or _nearest(one.place, lines)) for one in faults]
    return sorted(found, key=lambda one: (one.line or 0, one.name))


def _nearest(place: Place, lines: dict[Place, int]) -> int | None:
    return next((lines[place[:size]] for size in range(len(place), 0, -1) if place[:size] in lines), None)


def _lines(text: str) -> dict[Place, int]:
    """Where each section and key begins, for TOML as people write it."""
    found: dict[Place, int] = {}
    counts: dict[Place, int] = {}
    here: Place = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.fullmatch(line)
        key = _KEY.match(line)
        if header:
            here = _section(header.group(2), counts, array=header.group(1) == "[[")
            found.setdefault(here, number)
        elif key:
            found.setdefault((*here, key.group(1)), number)
    return found


def _section(dotted: str, counts: dict[Place, int], *, array: bool) -> Place:
    here: Place = ()
    words = [word.strip() for word in dotted.split(".")]
    for rank, word in enumerate(words):
        here = (*here, word)
        if array and rank == len(words) - 1:
            counts[here] = counts.get(here, -1) + 1
        if here in counts:
            here = (*here, counts[here])
    return here
