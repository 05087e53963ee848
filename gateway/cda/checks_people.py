"""Header rules on the people and structures: authors, custodian, authenticators, recipients, informants, participants.

Source: cda_signing.md sections 1 and 1.2; JDV_J01 and JDV_J47 through the nomenclature. The legal authenticator's identifier may be of any
domain for the schematron; Relais asks for a professional because the DMP does (dmp.md 3.3).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lxml import etree

from gateway.cda.finding import Finding
from gateway.cda.nodes import children, first, text
from gateway.kernel.concept import Concept
from gateway.nomenclature import codes

_PROFESSIONALS = "1.2.250.1.71.4.2.1"
_STRUCTURES = "1.2.250.1.71.4.2.2"
_PATIENT_HOST = "1.2.250.1.213.4.1"
_INSTANT = re.compile(r"[0-9]{4,14}(\.[0-9]+)?([+-][0-9]{4})?")
_ROLES = frozenset({"REF", "REFB", "INF", "RESP", "PRF", "CON", "VRF"})
_RELATIONS = frozenset({"ECON", "NOK", "CON", "CAREGIVER", "PAT"})


def check_people(document: etree._Element) -> Iterator[Finding]:
    """Findings on everybody whom the header names but the patient and the performers."""
    for node in children(document, "author"):
        yield from _author(node)
    yield from _custodian(document)
    for name in ("legalAuthenticator", "authenticator"):
        for node in children(document, name):
            yield from _authenticator(node, name)
    for node in children(document, "informationRecipient", "intendedRecipient"):
        yield from _recipient(node)
    for node in children(document, "informant"):
        yield from _informant(node)
    for node in children(document, "participant"):
        yield from _participant(node)


def is_in(lookup: Callable[[str], Concept], node: etree._Element) -> bool:
    """True when the code of this element is in the table and under the table's own coding system."""
    try:
        return lookup(node.get("code") or "").system == node.get("codeSystem")
    except codes.UnknownCode:
        return False


def check_professional(entity: etree._Element, path: str) -> Iterator[Finding]:
    """Findings on the identifier and profession of an assigned person or entity."""
    identifiers = list(children(entity, "id"))
    if not any(node.get("root") == _PROFESSIONALS and node.get("extension") for node in identifiers):
        yield Finding("person-id", f"{path}/id", "une personne n'a pas d'identifiant national de professionnel")
    code = first(entity, "code")
    if code is not None and code.get("nullFlavor") is None and not is_in(codes.author_specialty, code):
        yield Finding("specialty", f"{path}/code", "la profession ou spécialité n'est pas dans la nomenclature nationale JDV_J01")
    structure = first(entity, "representedOrganization")
    if structure is not None:
        yield from _structure(structure, f"{path}/representedOrganization")


def check_person_name(entity: etree._Element, path: str) -> Iterator[Finding]:
    """Findings on the name of a professional: one family name, at most one given name."""
    name = first(entity, "assignedPerson", "name")
    if name is None:
        yield Finding("person-name", f"{path}/assignedPerson", "un professionnel n'a pas de nom")
        return
    if [bool(text(node)) for node in children(name, "family")] != [True] or len(list(children(name, "given"))) > 1:
        yield Finding("person-name", f"{path}/assignedPerson/name", "un professionnel a un nom de famille, et un prénom au plus")


def _author(node: etree._Element) -> Iterator[Finding]:
    yield from _time(node, "author")
    assigned = first(node, "assignedAuthor")
    path = "author/assignedAuthor"
    if assigned is None:
        yield Finding("author", path, "l'auteur n'est pas décrit")
        return
    yield from check_professional(assigned, path)
    device = first(assigned, "assignedAuthoringDevice")
    if device is None:
        yield from check_person_name(assigned, path)
    elif not (text(first(device, "manufacturerModelName")) and text(first(device, "softwareName"))):
        yield Finding("device-name", f"{path}/assignedAuthoringDevice", "un dispositif auteur doit avoir un modèle et un logiciel")
    function = first(node, "functionCode")
    if function is not None and not is_in(codes.function, function):
        yield Finding("function", "author/functionCode", "le rôle de l'auteur n'est pas dans la nomenclature nationale JDV_J47")


def _custodian(document: etree._Element) -> Iterator[Finding]:
    path = "custodian/assignedCustodian/representedCustodianOrganization/id"
    nodes = list(children(document, *path.split("/")))
    if first(document, "custodian") is not None and (
        len(nodes) != 1 or nodes[0].get("root") not in {_STRUCTURES, _PATIENT_HOST} or not nodes[0].get("extension")
    ):
        yield Finding("custodian-id", path, "la structure qui conserve le document doit avoir un identifiant national et un seul")


def _authenticator(node: etree._Element, name: str) -> Iterator[Finding]:
    yield from _time(node, name)
    signature = first(node, "signatureCode")
    if signature is None or signature.get("code") != "S":
        yield Finding("signature-code", f"{name}/signatureCode", "la déclaration de signature (code S) est absente")
    entity = first(node, "assignedEntity")
    if entity is None:
        yield Finding("authenticator", f"{name}/assignedEntity", "le responsable du document n'est pas décrit")
        return
    yield from check_professional(entity, f"{name}/assignedEntity")
    yield from check_person_name(entity, f"{name}/assignedEntity")


def _recipient(node: etree._Element) -> Iterator[Finding]:
    path = "informationRecipient/intendedRecipient"
    identifiers = [one for one in children(node, "id") if one.get("nullFlavor") is None]
    if any(one.get("root") != _PROFESSIONALS or not one.get("extension") for one in identifiers):
        yield Finding("recipient-id", f"{path}/id", "un destinataire n'a pas d'identifiant national de professionnel")
    structure = first(node, "receivedOrganization")
    if structure is not None:
        yield from _structure(structure, f"{path}/receivedOrganization")


def _informant(node: etree._Element) -> Iterator[Finding]:
    related, assigned = first(node, "relatedEntity"), first(node, "assignedEntity")
    if (related is None) == (assigned is None):
        yield Finding("informant", "informant", "un informateur est soit un proche, soit un professionnel")
    if related is not None and related.get("classCode") not in _RELATIONS:
        yield Finding("informant-relation", "informant/relatedEntity", "le lien d'un informateur avec le patient n'est pas reconnu")
    if related is not None and not text(first(related, "relatedPerson", "name", "family")):
        yield Finding("informant-name", "informant/relatedEntity/relatedPerson", "un informateur n'a pas de nom")


def _participant(node: etree._Element) -> Iterator[Finding]:
    if node.get("typeCode") not in _ROLES:
        yield Finding("participant-type", "participant", "le rôle d'un participant n'est pas reconnu")
    if first(node, "time") is None:
        yield Finding("participant-time", "participant/time", "la période d'un participant est absente")
    entity = first(node, "associatedEntity")
    if entity is None or entity.get("classCode") not in {"PROV", "AGNT"}:
        yield Finding("participant-class", "participant/associatedEntity", "un participant est un professionnel (PROV) ou non (AGNT)")
    function = first(node, "functionCode")
    if function is not None and not is_in(codes.function, function):
        yield Finding("function", "participant/functionCode", "le rôle d'un participant n'est pas dans la nomenclature nationale JDV_J47")


def _structure(node: etree._Element, path: str) -> Iterator[Finding]:
    identifiers = [one for one in children(node, "id") if one.get("nullFlavor") is None]
    if any(one.get("root") != _STRUCTURES or not one.get("extension") for one in identifiers):
        yield Finding("structure-id", f"{path}/id", "une structure n'a pas d'identifiant national")


def _time(node: etree._Element, name: str) -> Iterator[Finding]:
    times = [one.get("value") or "" for one in children(node, "time")]
    if len(times) != 1 or not _INSTANT.fullmatch(times[0]):
        yield Finding("time", f"{name}/time", "une date est absente ou mal écrite")
