"""Writes recordTarget: the patient's identifiers and the 5 + 1 traits of the INS.

INS first, then the local identifier. A subject that is not qualified is written without its INS root, so that nobody downstream takes it
for a verified identity (design, rule 1). Address and telecom are not asked of the cabinet: absent, with the null flavour of "not asked".
A lunar birth date (month or day 00, or outside of the calendar) is no timestamp for the official schematron, which a CDA must pass: it
is written with the precision that exists (`1950`, `195003`), and so it is in the metadata, which are derived from the CDA. Whether the
DMP would rather have it verbatim is not known [K]. Sources: cda_signing.md section 1.1, insi.md section 4, dmp.md 3.8.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from gateway.cda.errors import CdaInvalid
from gateway.cda.names import SEXES
from gateway.cda.vocabulary import V3, coded
from gateway.model.document import Subject
from gateway.model.patient import Traits


def record_target(subject: Subject) -> etree._Element:
    """`<recordTarget>` of a subject; raises CdaInvalid when nothing identifies it."""
    identifiers = list(_identifiers(subject))
    if not identifiers:
        raise CdaInvalid("recordTarget/patientRole/id", "patient-id", "le patient n'a ni INS qualifiée ni identifiant local")
    return V3(
        "recordTarget",
        V3("patientRole", identifiers, V3("addr", nullFlavor="NASK"), V3("telecom", nullFlavor="NASK"), _patient(subject.traits)),
    )


def _identifiers(subject: Subject) -> Iterator[etree._Element]:
    if subject.qualified and subject.ins is not None:
        yield V3("id", root=subject.ins.oid, extension=subject.ins.matricule)
    if subject.local is not None:
        yield V3("id", root=subject.local.root, extension=subject.local.extension)


def _patient(traits: Traits) -> etree._Element:
    county = V3("county", traits.birth_place)
    return V3(
        "patient",
        V3("name", _names(traits)),
        coded("administrativeGenderCode", SEXES[traits.sex]),
        V3("birthTime", value=traits.birth_stamp),
        V3("birthplace", V3("place", V3("addr", county))),
    )


def _names(traits: Traits) -> Iterator[etree._Element]:
    yield V3("family", traits.birth_family_name, qualifier="BR")
    yield V3("given", traits.birth_given_names)
    yield V3("given", traits.first_birth_given_name, qualifier="BR")
    if traits.used_family_name is not None:
        yield V3("family", traits.used_family_name, qualifier="CL")
    if traits.used_given_name is not None:
        yield V3("given", traits.used_given_name, qualifier="CL")
