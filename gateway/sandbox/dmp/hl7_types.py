"""The HL7 v2 strings inside XDS metadata: CX, XCN, XON, PID fields. Forms only; who they name is for the rules.

Source: dmp.md 3.1 to 3.3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_OID = r"[0-2](?:\.(?:0|[1-9][0-9]*))+"
_PATIENT = re.compile(rf"([0-9AB]{{15}})\^\^\^&({_OID})&ISO\^NH(?:\^\^[0-9]{{8,14}})?")
_LOCAL = re.compile(rf"([^^&|]+)\^\^\^&({_OID})&ISO\^(PI|NH)(?:\^\^[0-9]{{8,14}})?")
_ASSIGNER = re.compile(rf"&({_OID})&ISO")
_ESCAPES = {r"\F": "|", r"\S": "^", r"\T": "&", r"\R": "~", r"\E": "\\"}
_XCN_IDENTIFIERS = frozenset({"IDNPS", "EI", "RI", "NH"})
_XON_FIELDS = 10
_XCN_FIELDS = 13


@dataclass(frozen=True, slots=True)
class Person:
    """An XCN: identifier, family, given, assigning OID, type of identifier."""

    identifier: str
    family: str
    given: str
    assigner: str
    kind: str


@dataclass(frozen=True, slots=True)
class Institution:
    """An XON: name, assigning OID, type, Struct_IdNat."""

    name: str
    assigner: str
    kind: str
    identifier: str


def read_patient(text: str) -> tuple[str, str] | None:
    """(matricule, OID) of `INS^^^&OID&ISO^NH`, an effective date allowed after it; None for another form."""
    found = _PATIENT.fullmatch(text)
    return None if found is None else (found[1], found[2])


def read_local_patient(text: str) -> tuple[str, str] | None:
    """(identifier, OID) of a sourcePatientId, local `PI` or national `NH`; None for another form."""
    found = _LOCAL.fullmatch(text)
    return None if found is None else (found[1], found[2])


def read_person(text: str) -> Person | None:
    """The professional, actor or system of an XCN; None when its form is not that of dmp.md 3.3 or a name is empty."""
    fields = text.split("^")
    if len(fields) != _XCN_FIELDS:
        return None
    assigner = _ASSIGNER.fullmatch(fields[8])
    if assigner is None or not all(fields[:3]) or fields[9] not in {"D", "U"} or fields[12] not in _XCN_IDENTIFIERS:
        return None
    return Person(fields[0], fields[1], fields[2], assigner[1], fields[12])


def read_institution(text: str) -> Institution | None:
    """The structure of an XON; None when its form is not that of dmp.md 3.3 or its name is empty."""
    fields = text.split("^")
    if len(fields) != _XON_FIELDS:
        return None
    assigner = _ASSIGNER.fullmatch(fields[5])
    if assigner is None or not fields[0] or not fields[9] or fields[6] != "IDNST":
        return None
    return Institution(fields[0], assigner[1], fields[6], fields[9])


def read_pid(values: tuple[str, ...]) -> dict[str, list[str]]:
    """The fields of sourcePatientInfo by name (`PID-5`): the values after the first bar."""
    fields: dict[str, list[str]] = {}
    for value in values:
        name, _, content = value.partition("|")
        fields.setdefault(name, []).append(content)
    return fields


def same_name(left: str, right: str) -> bool:
    """True when two names differ at most by HL7 escapes, punctuation and case."""
    return _bare(left) == _bare(right)


def _bare(name: str) -> str:
    plain = re.sub(r"\\[FSTRE]\\", lambda found: _ESCAPES[found[0][:2]], name)
    return "".join(character for character in plain.casefold() if character.isalnum())
