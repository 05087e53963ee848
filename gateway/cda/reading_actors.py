"""Reads the people and structures of a header.

Authors and legal authenticator must be known by PS_IdNat: the metadata of the DMP name them. A device as author is read as a person whose
family name is the software's. What no destination uses may be absent and is then empty: the name of a structure, the identity of a
performer. An author without structure writes for the custodian. Source: cda_signing.md sections 1.2 and 1.3.
"""

from __future__ import annotations

from datetime import datetime

from lxml import etree

from gateway.cda.errors import CdaInvalid
from gateway.cda.nodes import attribute, children, first, optional_concept, required, text
from gateway.cda.stamp import read_stamp
from gateway.kernel import oids
from gateway.model.document import Author
from gateway.model.people import Organization, Person


def read_authors(document: etree._Element, created_at: datetime, custodian: Organization) -> tuple[Author, ...]:
    """The authors in document order, at least one; raises CdaInvalid."""
    authors = tuple(_author(node, created_at, custodian) for node in children(document, "author"))
    if not authors:
        raise CdaInvalid("author", "mandatory", "le document n'a pas d'auteur")
    return authors


def read_custodian(document: etree._Element) -> Organization:
    """The structure that keeps the document; raises CdaInvalid."""
    path = "custodian/assignedCustodian/representedCustodianOrganization"
    kept_by = required(document, "", *path.split("/"))
    identifier = attribute(required(kept_by, path, "id"), "extension", f"{path}/id")
    return Organization(id=identifier, name=text(first(kept_by, "name")))


def read_legal_authenticator(document: etree._Element, created_at: datetime) -> tuple[Person, Organization | None, datetime | None]:
    """Who answers for the document, for which structure, when (None: at the document's time); raises CdaInvalid."""
    path = "legalAuthenticator"
    node = required(document, "", path)
    entity = required(node, path, "assignedEntity")
    organization = _organization(first(entity, "representedOrganization"))
    return _person(entity, f"{path}/assignedEntity"), organization, _own_time(node, path, created_at)


def read_performer(entity: etree._Element) -> tuple[Person, Organization]:
    """Performer and structure of an act, as far as they are told."""
    identifier = _professional_id(entity) or ""
    person = _named(entity, identifier) or Person(id=identifier, family="", given="")
    return person, _organization(first(entity, "representedOrganization")) or Organization(id="", name="")


def _author(node: etree._Element, created_at: datetime, custodian: Organization) -> Author:
    assigned = required(node, "author", "assignedAuthor")
    path = "author/assignedAuthor"
    return Author(
        person=_person(assigned, path),
        specialty=optional_concept(first(assigned, "code"), f"{path}/code"),
        organization=_organization(first(assigned, "representedOrganization")) or custodian,
        function=optional_concept(first(node, "functionCode"), "author/functionCode"),
        time=_own_time(node, "author", created_at),
    )


def _own_time(node: etree._Element, path: str, created_at: datetime) -> datetime | None:
    """The time of an act, None when it is the document's: the writer leaves it out likewise."""
    where = f"{path}/time"
    time = read_stamp(attribute(required(node, path, "time"), "value", where), where)
    return None if time == created_at else time


def _person(entity: etree._Element, path: str) -> Person:
    identifier = _professional_id(entity)
    if identifier is None:
        raise CdaInvalid(f"{path}/id", "person-id", "une personne n'a pas d'identifiant national de professionnel")
    person = _named(entity, identifier)
    if person is None or not person.family:
        raise CdaInvalid(f"{path}/assignedPerson/name", "person-name", "un professionnel n'a pas de nom")
    return person


def _professional_id(entity: etree._Element) -> str | None:
    return next((node.get("extension") for node in children(entity, "id") if node.get("root") == oids.PROFESSIONALS), None)


def _named(entity: etree._Element, identifier: str) -> Person | None:
    device = first(entity, "assignedAuthoringDevice")
    if device is not None:
        return Person(id=identifier, family=text(first(device, "softwareName")), given=text(first(device, "manufacturerModelName")))
    name = first(entity, "assignedPerson", "name")
    if name is None:
        return None
    return Person(
        id=identifier,
        family=text(first(name, "family")),
        given=text(first(name, "given")),
        civility=text(first(name, "prefix")) or None,
        title=text(first(name, "suffix")) or None,
    )


def _organization(node: etree._Element | None) -> Organization | None:
    """The structure by its Struct_IdNat; None when absent or known by another identifier only."""
    if node is None:
        return None
    identifier = next((one.get("extension") for one in children(node, "id") if one.get("root") == oids.STRUCTURES), None)
    return Organization(id=identifier, name=text(first(node, "name"))) if identifier else None
