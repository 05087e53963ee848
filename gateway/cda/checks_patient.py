"""Header rules on the patient: identifiers, key of the matricule, names and their qualifiers, the 5 + 1 traits.

Source: cda_signing.md section 1.1; key of the matricule as in mssante.md 2.3, recomputed here on its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from gateway.cda.finding import Finding
from gateway.cda.nodes import children, first, text

_ROLE = "recordTarget/patientRole"
_INS_ROOTS = frozenset(f"1.2.250.1.213.1.4.{last}" for last in (8, 9, 10, 11))
_BIRTH = re.compile(r"[0-9]{4}((0[1-9]|1[0-2])((0[1-9]|[12][0-9]|3[01])([0-9]{4}.*)?)?)?")
"""A timestamp, less precise for a lunar date; the schematron takes no month or day 00."""
_MATRICULE = re.compile(r"([0-9]{5}(?:[0-9]{2}|2[AB])[0-9]{6})([0-9]{2})")


def check_patient(document: etree._Element) -> Iterator[Finding]:
    """Findings on recordTarget; the traits are all required as soon as an INS is there."""
    roles = list(children(document, "recordTarget", "patientRole"))
    if len(roles) != 1:
        yield Finding("patient-role", _ROLE, "le document doit désigner un patient et un seul")
        return
    identified = any(node.get("root") in _INS_ROOTS for node in children(roles[0], "id"))
    yield from _identifiers(roles[0])
    patient = first(roles[0], "patient")
    if patient is None:
        yield Finding("patient", f"{_ROLE}/patient", "l'identité du patient est absente")
        return
    yield from _name(patient, identified=identified)
    yield from _civil_status(patient, identified=identified)


def _identifiers(role: etree._Element) -> Iterator[Finding]:
    path = f"{_ROLE}/id"
    nodes = list(children(role, "id"))
    if not nodes or any(not node.get("root") or not node.get("extension") for node in nodes):
        yield Finding("patient-id", path, "un identifiant du patient est absent ou incomplet")
    matricules = {(node.get("root"), node.get("extension") or "") for node in nodes if node.get("root") in _INS_ROOTS}
    if len(matricules) > 1:
        yield Finding("two-patients", path, "le document porte deux INS différentes")
    for _, matricule in matricules:
        if not _has_right_key(matricule):
            yield Finding("ins-key", path, "le matricule INS est mal formé ou sa clé est fausse")


def _has_right_key(matricule: str) -> bool:
    parts = _MATRICULE.fullmatch(matricule)
    if parts is None:
        return False
    number, key = parts.groups()
    corsica = {"2A": "19", "2B": "18"}.get(number[5:7])
    value = int(number if corsica is None else number[:5] + corsica + number[7:])
    return int(key) == 97 - value % 97


def _name(patient: etree._Element, *, identified: bool) -> Iterator[Finding]:
    path = f"{_ROLE}/patient/name"
    names = list(children(patient, "name"))
    if len(names) != 1:
        yield Finding("patient-name", path, "le patient doit avoir un nom et un seul")
        return
    family = [(node.get("qualifier"), text(node)) for node in children(names[0], "family")]
    given = [(node.get("qualifier"), text(node)) for node in children(names[0], "given")]
    if any(qualifier not in {"BR", "CL"} for qualifier, _ in family) or any(qualifier not in {"BR", "CL", None} for qualifier, _ in given):
        yield Finding("name-qualifier", path, "chaque nom du patient doit être marqué comme nom de naissance (BR) ou utilisé (CL)")
    if not identified:
        return
    for rule, parts, wanted, label in (
        ("trait-birth-name", family, "BR", "le nom de naissance"),
        ("trait-given-names", given, None, "la liste des prénoms de naissance"),
        ("trait-first-given-name", given, "BR", "le premier prénom de naissance"),
    ):
        if [bool(value) for qualifier, value in parts if qualifier == wanted] != [True]:
            yield Finding(rule, path, f"{label} doit être présent une fois, puisque le document porte une INS")
    listed, leading = (next((value for mark, value in given if mark == wanted), "") for wanted in (None, "BR"))
    if listed and not listed.casefold().startswith(leading.casefold()):
        yield Finding("trait-given-order", path, "la liste des prénoms de naissance ne commence pas par le premier prénom")


def _civil_status(patient: etree._Element, *, identified: bool) -> Iterator[Finding]:
    path = f"{_ROLE}/patient"
    gender = first(patient, "administrativeGenderCode")
    if gender is None or gender.get("code") not in {"F", "M", "UN"} or gender.get("codeSystem") != "2.16.840.1.113883.5.1":
        yield Finding("trait-gender", f"{path}/administrativeGenderCode", "le sexe du patient est absent ou inconnu de la nomenclature")
    birth = first(patient, "birthTime")
    if birth is None or not _BIRTH.fullmatch(birth.get("value") or ""):
        yield Finding("trait-birth-date", f"{path}/birthTime", "la date de naissance est absente ou n'existe pas")
    county = text(first(patient, "birthplace", "place", "addr", "county"))
    if identified and not re.fullmatch(r"[0-9][0-9AB][0-9]{3}", county):
        yield Finding("trait-birth-place", f"{path}/birthplace", "le code INSEE du lieu de naissance est absent ou mal formé")
