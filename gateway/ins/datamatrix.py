"""The INS datamatrix as text, and the same identity in clear, for the first page of a document with a qualified INS.

Format ANS "Format datamatrix INS" v2.2 (insi.md 5). The drawing is in `symbol`, reading what a scanner sent in `scan`. Writes nothing for
an identity that is not qualified (EXI DIF 02).
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from gateway.ins.characters import NameNotSendable, family_name, given_name
from gateway.kernel import oids
from gateway.kernel.errors import Refused
from gateway.model.patient import Ins, Patient, Sex

HEADER: Final = "IS01" + 22 * "0"
"""Kind of code, version of the format, and 22 zeros."""
GS: Final = "\x1d"
TO_SCAN: Final = "INS à scanner"
"""What must be read beside the symbol."""

_FIXED: Final = {"S1": 15, "S5": 1, "S6": 10, "S7": 5}
_VARIABLE: Final = {"S2": 20, "S3": 100, "S4": 100}
FIELDS: Final = {**_FIXED, **_VARIABLE}
"""Longest value of each block: of the fixed ones, the only length."""

_ISO: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_NATURES: Final = {oids.INS_NIR: "NIR", oids.INS_NIA: "NIA", oids.INS_NIR_TEST: "NIR de test", oids.INS_NIR_DEMO: "NIR de démonstration"}
_SEXES: Final = {Sex.FEMALE: "Féminin", Sex.MALE: "Masculin", Sex.UNKNOWN: "Inconnu"}


class DatamatrixNotQualified(Refused):
    """The matricule of an identity that is not qualified is shown to nobody (EXI SI 08)."""

    code = "datamatrix-not-qualified"
    status = 409
    title = "Identité non qualifiée"
    who = "le secrétariat"
    what = "L'INS de ce patient n'est pas qualifiée : elle ne peut figurer sur aucun document, ni en clair ni en datamatrix."
    gesture = "Récupérez l'INS et vérifiez une pièce d'identité : le datamatrix sera disponible aussitôt."


class DatamatrixImpossible(Refused):
    """A trait that the format has no place for: an unknown sex, a name with characters it does not take."""

    code = "datamatrix-impossible"
    status = 409
    title = "Datamatrix impossible"
    who = "le secrétariat"
    what = "Le datamatrix INS ne sait pas écrire l'un des traits de ce patient."
    gesture = "Corrigez le trait indiqué d'après l'identité rendue par le téléservice INSi, puis redemandez le datamatrix."


class ClearLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line to print beside the symbol."""

    label: str
    value: str


def write(patient: Patient, *, environment: str) -> str:
    """The text of the symbol, blocks S1 to S7 in order, GS after what is shorter than its longest.

    Raises DatamatrixNotQualified, DatamatrixImpossible, InsAuthorityUnknown for a test INS in production, TraitInvalid.
    """
    ins = _checked(patient, environment)
    traits = patient.traits
    if traits.sex is Sex.UNKNOWN:
        raise DatamatrixImpossible(field="sex")
    values = {
        "S1": ins.matricule,
        "S2": ins.oid,
        "S3": _given_names(traits.birth_given_names),
        "S4": _family_name(traits.birth_family_name),
        "S5": traits.sex.value,
        "S6": _french("-", traits.birth_date),
        "S7": traits.birth_place,
    }
    return HEADER + "".join(block + value + ("" if len(value) == FIELDS[block] else GS) for block, value in values.items())


def clear_lines(patient: Patient, *, environment: str) -> tuple[ClearLine, ...]:
    """The identity in clear, as it is printed beside the symbol; raises as `write`, but for what only the symbol cannot take."""
    ins = _checked(patient, environment)
    traits = patient.traits
    return (
        ClearLine(label="Nom de naissance", value=traits.birth_family_name),
        ClearLine(label="Prénoms de naissance", value=traits.birth_given_names),
        ClearLine(label="Sexe", value=_SEXES[traits.sex]),
        ClearLine(label="Date de naissance", value=_french("/", traits.birth_date)),
        ClearLine(label="Code du lieu de naissance", value=traits.birth_place),
        ClearLine(label=f"Matricule INS ({nature(ins)})", value=ins.matricule),
    )


def nature(ins: Ins) -> str:
    """What the matricule is, told by its authority: NIR, NIA, or of test (insi.md 3.2)."""
    return _NATURES[ins.oid]


def _checked(patient: Patient, environment: str) -> Ins:
    if not patient.qualified or patient.ins is None:
        raise DatamatrixNotQualified
    patient.traits.check()
    ins = Ins.checked(patient.ins.matricule, patient.ins.oid)
    ins.check_environment(environment)
    return ins


def _given_names(text: str) -> str:
    try:
        return given_name(text)
    except NameNotSendable as refusal:
        raise DatamatrixImpossible(str(refusal.facts.get("reason", "")), field="birth_given_names") from None


def _family_name(text: str) -> str:
    try:
        return family_name(text)
    except NameNotSendable as refusal:
        raise DatamatrixImpossible(str(refusal.facts.get("reason", "")), field="birth_family_name") from None


def _french(between: str, iso: str) -> str:
    """Day, month, year: of a lunar date too, whose parts keep their two digits."""
    return _ISO.sub(rf"\3{between}\2{between}\1", iso)
