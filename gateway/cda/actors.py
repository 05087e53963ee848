"""Writes the people and structures of a header: author, custodian, recipient, legal authenticator, performer.

Professionals are known by PS_IdNat, structures by Struct_IdNat; a person or structure without identifier is refused here, because neither
the DMP nor MSSanté would take the document. Source: cda_signing.md sections 1, 1.2 and 1.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec
from lxml import etree

from gateway.cda.errors import CdaInvalid
from gateway.cda.stamp import write_stamp
from gateway.cda.vocabulary import V3, coded
from gateway.kernel import oids
from gateway.kernel.concept import Concept
from gateway.model.document import Author
from gateway.model.people import Organization, Person


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """A professional whom the author names as recipient (informationRecipient), for MSSanté hand-offs."""

    person: Person
    organization: Organization | None = None


def author(one: Author, created_at: datetime) -> etree._Element:
    """`<author>`; the author's time is the document's when not given."""
    return V3(
        "author",
        coded("functionCode", one.function) if one.function is not None else None,
        V3("time", value=write_stamp(one.time or created_at, "author/time")),
        V3(
            "assignedAuthor",
            _person_id(one.person, "author/assignedAuthor/id"),
            coded("code", one.specialty) if one.specialty is not None else None,
            V3("assignedPerson", person_name(one.person)),
            _organization("representedOrganization", one.organization, "author/assignedAuthor/representedOrganization/id"),
        ),
    )


def custodian(organization: Organization) -> etree._Element:
    """`<custodian>`: the structure that keeps the document."""
    kept_by = _organization("representedCustodianOrganization", organization, "custodian/assignedCustodian")
    return V3("custodian", V3("assignedCustodian", kept_by))


def information_recipient(one: Recipient) -> etree._Element:
    """`<informationRecipient>` of a professional."""
    received_by = None
    if one.organization is not None:
        received_by = _organization("receivedOrganization", one.organization, "informationRecipient/intendedRecipient")
    return V3(
        "informationRecipient",
        V3(
            "intendedRecipient",
            _person_id(one.person, "informationRecipient/intendedRecipient/id"),
            V3("informationRecipient", person_name(one.person)),
            received_by,
        ),
    )


def legal_authenticator(person: Person, organization: Organization | None, time: datetime) -> etree._Element:
    """`<legalAuthenticator>`: who answers for the document; `signatureCode` is a declaration, not a signature."""
    path = "legalAuthenticator/assignedEntity"
    return V3(
        "legalAuthenticator",
        V3("time", value=write_stamp(time, "legalAuthenticator/time")),
        V3("signatureCode", code="S"),
        V3(
            "assignedEntity",
            _person_id(person, f"{path}/id"),
            V3("assignedPerson", person_name(person)),
            _organization("representedOrganization", organization, f"{path}/representedOrganization/id") if organization else None,
        ),
    )


def performer(person: Person, organization: Organization, practice_setting: Concept) -> etree._Element:
    """`<performer typeCode="PRF">` with its structure and the practice setting that the DMP metadata take."""
    path = "documentationOf/serviceEvent/performer/assignedEntity"
    return V3(
        "performer",
        V3(
            "assignedEntity",
            _person_id(person, f"{path}/id"),
            V3("assignedPerson", person_name(person)),
            _organization(
                "representedOrganization",
                organization,
                f"{path}/representedOrganization/id",
                coded("standardIndustryClassCode", practice_setting),
            ),
        ),
        typeCode="PRF",
    )


def person_name(person: Person) -> etree._Element:
    """`<name>` with civility as prefix and title as suffix."""
    return V3("name", _name_parts(person))


def _name_parts(person: Person) -> Iterator[etree._Element]:
    for name, value in (("prefix", person.civility), ("given", person.given), ("family", person.family), ("suffix", person.title)):
        if value:
            yield V3(name, value)


def _person_id(person: Person, path: str) -> etree._Element:
    if not person.id or not person.family:
        raise CdaInvalid(path, "person-id", "un professionnel n'a pas d'identifiant national ou pas de nom")
    return V3("id", root=oids.PROFESSIONALS, extension=person.id)


def _organization(name: str, organization: Organization, path: str, industry: etree._Element | None = None) -> etree._Element:
    if not organization.id:
        raise CdaInvalid(path, "structure-id", "une structure n'a pas d'identifiant national")
    label = V3("name", organization.name) if organization.name else None
    return V3(name, V3("id", root=oids.STRUCTURES, extension=organization.id), label, industry)
