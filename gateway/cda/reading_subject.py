"""Reads recordTarget: the identifiers and traits of the one patient of a document.

A CDA that carries an INS root says by this that the identity was qualified (cda_signing.md 1.1); whether Relais believes it is decided by
`flow`. Every matricule's key is recomputed. Without INS, given names and birth place may be missing and are completed by what is known.
"""

from __future__ import annotations

import re

from lxml import etree

from gateway.cda.errors import CdaInvalid, TwoPatients
from gateway.cda.names import SEXES
from gateway.cda.nodes import attribute, children, first, required, text
from gateway.kernel import oids
from gateway.model.document import LocalId, Subject
from gateway.model.patient import Ins, Sex, TraitInvalid, Traits

_ROLE = "recordTarget/patientRole"
_PATIENT = f"{_ROLE}/patient"
_UNKNOWN_PLACE = "99999"
_BIRTH = re.compile(r"([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})[0-9.+-]*)?)?")
"""Year, month if known, day if known; an hour is ignored."""
_SEX_OF_CODE = {concept.code: sex for sex, concept in SEXES.items()} | {"U": Sex.UNKNOWN}


def read_subject(document: etree._Element) -> Subject:
    """The subject; raises TwoPatients, CdaInvalid, or the errors of Ins.checked."""
    targets = list(children(document, "recordTarget"))
    if len(targets) > 1 or len(list(children(document, "recordTarget", "patientRole"))) > 1:
        raise TwoPatients
    role = required(document, "", "recordTarget", "patientRole")
    ins, local = _identifiers(role)
    patient = required(role, _ROLE, "patient")
    traits = _traits(patient, complete=ins is not None)
    try:
        traits.check(field=_PATIENT)
    except TraitInvalid as problem:
        raise CdaInvalid(
            problem.field or _PATIENT, "traits", "les traits d'identité du patient sont contradictoires ou mal formés"
        ) from None
    return Subject(traits=traits, ins=ins, local=local, qualified=ins is not None)


def _identifiers(role: etree._Element) -> tuple[Ins | None, LocalId | None]:
    path = f"{_ROLE}/id"
    found: list[Ins] = []
    local: LocalId | None = None
    for node in children(role, "id"):
        root, extension = attribute(node, "root", path), attribute(node, "extension", path)
        if root in oids.INS_ALL:
            found.append(Ins.checked(extension, root, field=path))
        elif root != oids.INS_C and local is None:
            local = LocalId(root=root, extension=extension)
    if len(set(found)) > 1:
        raise TwoPatients(path)
    if not found and local is None:
        raise CdaInvalid(path, "patient-id", "le patient n'a aucun identifiant utilisable")
    return (found[0] if found else None), local


def _traits(patient: etree._Element, *, complete: bool) -> Traits:
    name = required(patient, _PATIENT, "name")
    given = _qualified(name, "given")
    family = _qualified(name, "family")
    all_given = given.get("") or ("" if complete else given.get("BR", ""))
    first_given = given.get("BR") or ("" if complete else all_given.partition(" ")[0])
    place = text(first(patient, "birthplace", "place", "addr", "county"))
    return Traits(
        birth_family_name=family.get("BR", ""),
        birth_given_names=all_given,
        first_birth_given_name=first_given,
        sex=_sex(patient),
        birth_date=_birth_date(patient),
        birth_place=place or ("" if complete else _UNKNOWN_PLACE),
        used_family_name=family.get("CL") or None,
        used_given_name=given.get("CL") or None,
    )


def _qualified(name: etree._Element, part: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for node in children(name, part):
        for qualifier in (node.get("qualifier") or "").split() or [""]:
            if qualifier in parts and parts[qualifier] != text(node):
                raise CdaInvalid(f"{_PATIENT}/name/{part}", "name-parts", "un nom ou prénom du patient est donné deux fois")
            parts[qualifier] = text(node)
    return parts


def _sex(patient: etree._Element) -> Sex:
    path = f"{_PATIENT}/administrativeGenderCode"
    code = attribute(required(patient, _PATIENT, "administrativeGenderCode"), "code", path)
    if code not in _SEX_OF_CODE:
        raise CdaInvalid(path, "gender", "le sexe du patient est inconnu de la nomenclature")
    return _SEX_OF_CODE[code]


def _birth_date(patient: etree._Element) -> str:
    path = f"{_PATIENT}/birthTime"
    value = attribute(required(patient, _PATIENT, "birthTime"), "value", path)
    found = _BIRTH.fullmatch(value)
    if found is None:
        raise CdaInvalid(path, "birth-date", "la date de naissance est illisible")
    return "-".join((found.group(1), found.group(2) or "00", found.group(3) or "00"))
