"""The subject of a mail with documents: `XDM/1.0/DDM+<label> <NOM> <prénom> <JJ/MM/AAAA>`.

Never logs one: it carries an identity. Source: mssante.md 2.1 (ECO.2.1.3); the place of `[Annule et remplace]` is ambiguous, both are
taken.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

from gateway.sandbox.mss.clinical import ClinicalDocument
from gateway.sandbox.mss.metadata import Entry

_REPLACES = r"(?:\[Annule et remplace\] ?)?"
_SUBJECT = re.compile(rf"{_REPLACES}XDM/1\.0/DDM\+{_REPLACES}(.+)")
_SEVERAL = re.compile(r"([0-9]+) documents ")
_DATE = re.compile(r"(.*?)(?: ([0-9]{2})/([0-9]{2})/([0-9]{4}))?")
_LABEL_LIMIT: Final = 40
_INDIVISIBLE: Final = str.maketrans(
    {"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ß": "ss", "Ø": "O", "ø": "o", "Ł": "L", "ł": "l", "Đ": "D", "đ": "d"}
)
"""Letters that Unicode does not take apart."""
_ESCAPES: Final = {"\\T\\": "&", "\\S\\": "^", "\\F\\": "|", "\\R\\": "~", "\\E\\": "\\"}


def failed_subject(subject: str, entries: Sequence[Entry], clinical: Sequence[ClinicalDocument]) -> Iterator[str]:
    """Ids of the rules the subject breaks, given what the archive says."""
    match = _SUBJECT.fullmatch(subject)
    if match is None:
        yield "mss.subject.prefix"
        return
    person = _without_label(match[1], [document.display_name for document in clinical])
    if person is None:
        yield "mss.subject.label"
        return
    family, given, birth_date = _patient(entries)
    dated = _DATE.fullmatch(person)
    if dated is None or not dated[1].isascii():
        yield "mss.subject.patient"
        return
    written_family = dated[1][: len(family)]
    expected = _letters(f"{family} {given}")
    if (expected and _letters(dated[1]) != expected) or written_family != written_family.upper():
        yield "mss.subject.patient"
    if dated[2] and not f"{dated[4]}{dated[3]}{dated[2]}".startswith(birth_date):  # a lunar date has no month or no day
        yield "mss.subject.birth-date"


def _without_label(text: str, labels: Sequence[str]) -> str | None:
    """What follows the label, None when the label is not the one expected."""
    if len(labels) > 1:
        several = _SEVERAL.match(text)
        return text[several.end() :] if several and int(several[1]) == len(labels) else None
    label = labels[0][:_LABEL_LIMIT].strip()
    return text[len(label) :].strip() if text.startswith(f"{label} ") else None


def _patient(entries: Sequence[Entry]) -> tuple[str, str, str]:
    """Birth name, first given name and birth date (AAAAMMJJ) of sourcePatientInfo."""
    lines = entries[0].slots.get("sourcePatientInfo", ()) if entries else ()
    names = [line.removeprefix("PID-5|").split("^") for line in lines if line.startswith("PID-5|")]
    legal = next((name for name in names if name[-1] == "L"), names[0] if names else [])
    family, given = (*(_unescaped(part) for part in legal[:2]), "", "")[:2]
    born = next((line.removeprefix("PID-7|") for line in lines if line.startswith("PID-7|")), "")
    return family, given, born[:8]


def _unescaped(text: str) -> str:
    return re.sub(r"\\[TSFRE]\\", lambda found: _ESCAPES[found[0]], text)


def _letters(text: str) -> str:
    """Letters and digits only, upper case, without accents."""
    plain = unicodedata.normalize("NFKD", text.translate(_INDIVISIBLE))
    return "".join(character for character in plain.upper() if character.isascii() and character.isalnum())
