"""Does the text of a document speak of somebody else than its patient: a second guard against the document of another person.

Three rules, each silent when it has nothing to go by. A matricule whose key is right and that is neither the patient's nor a former one. A
birth date told as the patient's, and never the patient's own. A name told as the patient's that is not his; where the birth date is his,
only another given name counts: a twin's. A given name in use that the identity does not know is held like a twin's, for a person to look
at. What a document quotes of relatives, newborns, insured parents, doctors and colleagues says nothing. Only the rule that spoke leaves
this module, never the text. Measured on the project's own corpus (tests/ins/test_collision.py).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

import msgspec

from gateway.ins.collision_name import other_given_name, other_name
from gateway.ins.collision_text import Line, lines_of, newborn, quoted
from gateway.ins.identity import FormerIns
from gateway.model.patient import Ins, Traits, matricule_key


class Rule(enum.StrEnum):
    """Which rule found the contradiction."""

    MATRICULE = "matricule"
    BIRTH_DATE = "birth-date"
    NAME = "name"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A contradiction: the rule that found it, and nothing of the text."""

    rule: Rule


_MONTHS: Final = {
    "janvier": 1, "fevrier": 2, "mars": 3, "avril": 4, "mai": 5, "juin": 6, "juillet": 7, "aout": 8, "septembre": 9, "octobre": 10,
    "novembre": 11, "decembre": 12,
}  # fmt: skip
_DATE: Final = re.compile(
    r"\b(?:(?P<day>\d{1,2})\s?[/.-]\s?(?P<month>\d{1,2})\s?[/.-]\s?(?P<year>\d{4})|(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})"
    r"|(?P<nth>\d{1,2})(?:er)?\s+(?P<name>" + "|".join(_MONTHS) + r")\s+(?P<of>\d{4}))\b"
)
_BORN: Final = re.compile(
    r"(?<!nouveau-)(?<!nouveau )\b(?:nee?(?:\s?\(e\))?\s*(?:le\b|:)|nee?\s+[^,\n0-9]{2,40}?,?\s+le\b"
    r"|date\s+de\s+naissance(?:\s+du\s+patient)?|d\.?\s?d\.?\s?n\b\.?|naissance\b)"
)
_NUMBER: Final = re.compile(r"(?<![0-9A-Za-z])[1-478](?:\s?[0-9AB]){12}\s?(?:\s?[0-9]){2}(?![0-9A-Za-z])", re.IGNORECASE)
_INSURED: Final = re.compile(r"assure|ouvrant|parent|conjoint")
_SOCIAL: Final = re.compile(r"\bss\b|securite\s+sociale|\bnir\b")
_PARENT_AT: Final = 12
"""Years between a patient and a newborn that the text tells of, at least."""


def contradiction(text: str, identity: Traits, ins: Ins | None, former: Sequence[FormerIns] = ()) -> Finding | None:
    """What in the text of a document belongs to another person; None when it agrees or nothing can be said."""
    lines = lines_of(text)
    if ins is not None and _other_number(lines, identity, ins, former):
        return Finding(rule=Rule.MATRICULE)
    dates = list(_birth_dates(lines, identity))
    if not dates or not _is_day(identity.birth_date):
        return Finding(rule=Rule.NAME) if other_name(lines, identity) else None
    if identity.birth_date not in dates:
        return Finding(rule=Rule.BIRTH_DATE)
    return Finding(rule=Rule.NAME) if other_given_name(lines, identity) else None


def _other_number(lines: Sequence[Line], identity: Traits, ins: Ins, former: Sequence[FormerIns]) -> bool:
    """True when a matricule is somebody else's and the patient's own is nowhere."""
    own = {ins.matricule[:13], *(one.matricule[:13] for one in former)}
    other = False
    for line in lines:
        for found in _NUMBER.finditer(line.folded):
            number = "".join(found.group().split()).upper()
            if not _is_matricule(number):
                continue
            if number[:13] in own:
                return False
            other = other or not _parent_s(line.folded[: found.start()], number, identity)
    return other


def _parent_s(before: str, number: str, identity: Traits) -> bool:
    """A child's paper bears the number of who insures him: told so, or a social security number of another year and month of birth."""
    if _INSURED.search(before):
        return True
    return bool(_SOCIAL.search(before)) and number[1:5] != identity.birth_date[2:4] + identity.birth_date[5:7]


def _is_matricule(number: str) -> bool:
    return re.fullmatch(r"[0-9]{5}(?:[0-9]{2}|2[AB])[0-9]{8}", number) is not None and matricule_key(number[:13]) == number[13:]


def _birth_dates(lines: Sequence[Line], identity: Traits) -> Iterator[str]:
    """Dates told as the patient's birth, as YYYY-MM-DD: beside their label, else under it."""
    for index, line in enumerate(lines):
        for label in _BORN.finditer(line.folded):
            if quoted(lines, index, label.start()):
                continue
            found = _dated(lines, index, label)
            if found is None:
                continue
            beside = found.string is line.folded
            child = newborn(lines, index, label.start(), found.end() if beside else label.end())
            yield from (one for one in _iso(found) if not (child and _young_enough(one, identity)))


def _dated(lines: Sequence[Line], index: int, label: re.Match[str]) -> re.Match[str] | None:
    """The date that belongs to a label."""
    beside = _DATE.search(label.string, label.end())
    if beside is not None and beside.start() - label.end() <= 60:
        return beside
    below = (_nearest(one.folded, label.start()) for one in lines[index + 1 : index + 3])
    return next((one for one in below if one is not None), None)


def _young_enough(born: str, identity: Traits) -> bool:
    """True when somebody born then may be the patient's child: a newborn's own paper speaks of the patient."""
    year = identity.birth_date[:4]
    return year.isdigit() and int(born[:4]) - int(year) >= _PARENT_AT


def _nearest(text: str, column: int) -> re.Match[str] | None:
    found = list(_DATE.finditer(text))
    return min(found, key=lambda one: abs(one.start() - column), default=None)


def _iso(found: re.Match[str]) -> Iterator[str]:
    parts = found.groupdict()
    year, day = parts["of"] or parts["year"] or parts["y"], parts["nth"] or parts["day"] or parts["d"]
    month = _MONTHS[parts["name"]] if parts["name"] else int(parts["month"] or parts["m"])
    text = f"{int(year):04d}-{month:02d}-{int(day):02d}"
    if _is_day(text):
        yield text


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
