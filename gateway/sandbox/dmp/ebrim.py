"""Reads the ebRIM objects of a submission into frozen values.

It never judges a value and never repairs one; the message has passed `structure` before. Carriers: dmp.md section 3, `xds_uuids.csv`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from lxml import etree

from gateway.sandbox.dmp.safe_xml import content_of

_T = TypeVar("_T")
RIM = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
STABLE_DOCUMENT = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
SET_NODE = "urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd"
HAS_MEMBER = "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember"
SIGNS = "urn:ihe:iti:2007:AssociationType:signs"
RPLC = "urn:ihe:iti:2007:AssociationType:RPLC"
UPDATE_STATUS = "urn:ihe:iti:2010:AssociationType:UpdateAvailabilityStatus"

AUTHORS = {
    "set": "urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d",
    "document": "urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d",
}
CODES = {
    "urn:uuid:aa543740-bdda-424e-8c96-df4873be8500": "contentType",
    "urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a": "class",
    "urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f": "confidentiality",
    "urn:uuid:2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4": "event",
    "urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d": "format",
    "urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1": "facility",
    "urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead": "practiceSetting",
    "urn:uuid:f0306f51-975f-434e-a61c-c59651d33983": "type",
}
IDENTIFIERS = {
    "urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446": "patientId",
    "urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832": "sourceId",
    "urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8": "uniqueId",
    "urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427": "patientId",
    "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab": "uniqueId",
}


@dataclass(frozen=True, slots=True)
class Code:
    """A coded attribute: code, coding scheme ("" when there is no such slot)."""

    code: str
    scheme: str


@dataclass(frozen=True, slots=True)
class Author:
    """One author classification."""

    persons: tuple[str, ...]
    institutions: tuple[str, ...]
    roles: tuple[str, ...]
    specialties: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RegistryObject:
    """A submission set or a document entry. Repeated things stay repeated, for the rules to see."""

    id: str
    mime_type: str
    object_type: str
    slots: Mapping[str, tuple[str, ...]]
    title: str
    codes: Mapping[str, tuple[Code, ...]]
    authors: tuple[Author, ...]
    identifiers: Mapping[str, tuple[str, ...]]
    nodes: tuple[str, ...]
    """classificationNode values."""
    strangers: tuple[str, ...]
    """Classification or identification schemes that are not of XDS."""

    def slot(self, name: str) -> str:
        """The value of a single-valued slot; empty when absent or repeated."""
        values = self.slots.get(name, ())
        return values[0] if len(values) == 1 else ""

    def code(self, kind: str) -> Code | None:
        """The code of a kind that must be there once; None when absent or repeated."""
        found = self.codes.get(kind, ())
        return found[0] if len(found) == 1 else None

    def identifier(self, kind: str) -> str:
        """The value of an external identifier; empty when absent or repeated."""
        found = self.identifiers.get(kind, ())
        return found[0] if len(found) == 1 else ""

    @property
    def unique_id(self) -> str:
        """XDS uniqueId; empty when absent or repeated."""
        return self.identifier("uniqueId")

    @property
    def patient_id(self) -> str:
        """XDS patientId (CX); empty when absent or repeated."""
        return self.identifier("patientId")


@dataclass(frozen=True, slots=True)
class Association:
    """One association."""

    id: str
    kind: str
    source: str
    target: str
    slots: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Submission:
    """The objects of one SubmitObjectsRequest."""

    sets: tuple[RegistryObject, ...]
    entries: tuple[RegistryObject, ...]
    associations: tuple[Association, ...]

    def associated(self, kind: str) -> tuple[Association, ...]:
        """Associations of one type."""
        return tuple(association for association in self.associations if association.kind == kind)


def rim(name: str) -> str:
    """Clark name in the ebRIM namespace."""
    return f"{{{RIM}}}{name}"


def read_submission(registry_objects: etree._Element) -> Submission:
    """The objects of a RegistryObjectList."""
    return Submission(
        sets=tuple(_read(element, AUTHORS["set"]) for element in registry_objects.iterchildren(rim("RegistryPackage"))),
        entries=tuple(_read(element, AUTHORS["document"]) for element in registry_objects.iterchildren(rim("ExtrinsicObject"))),
        associations=tuple(
            Association(
                element.get("id", ""),
                element.get("associationType", ""),
                element.get("sourceObject", ""),
                element.get("targetObject", ""),
                read_slots(element),
            )
            for element in registry_objects.iterchildren(rim("Association"))
        ),
    )


def read_slots(element: etree._Element) -> Mapping[str, tuple[str, ...]]:
    """Slots by name; a repeated name gathers all its values, twice the same name is thus never single-valued."""
    slots: dict[str, tuple[str, ...]] = {}
    for slot in element.iterchildren(rim("Slot")):
        values = tuple(content_of(value) for value in slot.iterfind(f"{rim('ValueList')}/{rim('Value')}"))
        slots[slot.get("name", "")] = slots.get(slot.get("name", ""), ()) + values
    return slots


def _read(element: etree._Element, author_scheme: str) -> RegistryObject:
    classifications = list(element.iterchildren(rim("Classification")))
    coded = [(CODES[scheme], one) for one in classifications if (scheme := one.get("classificationScheme", "")) in CODES]
    authors = [one for one in classifications if one.get("classificationScheme") == author_scheme]
    known = set(CODES) | {author_scheme}
    identified = list(element.iterchildren(rim("ExternalIdentifier")))
    strange = [one.get("classificationScheme", "") for one in classifications if one.get("classificationNode") is None]
    strange += [scheme for one in identified if (scheme := one.get("identificationScheme", "")) not in IDENTIFIERS]
    return RegistryObject(
        id=element.get("id", ""),
        mime_type=element.get("mimeType", ""),
        object_type=element.get("objectType", ""),
        slots=read_slots(element),
        title=_name(element),
        codes=_grouped((kind, Code(one.get("nodeRepresentation", ""), _scheme(one))) for kind, one in coded),
        authors=tuple(_author(one) for one in authors),
        identifiers=_grouped((IDENTIFIERS.get(one.get("identificationScheme", ""), ""), one.get("value", "")) for one in identified),
        nodes=tuple(node for one in classifications if (node := one.get("classificationNode")) is not None),
        strangers=tuple(scheme for scheme in strange if scheme not in known),
    )


def _name(element: etree._Element) -> str:
    value = element.find(f"{rim('Name')}/{rim('LocalizedString')}")
    return "" if value is None else value.get("value", "")


def _scheme(classification: etree._Element) -> str:
    values = read_slots(classification).get("codingScheme", ())
    return values[0] if len(values) == 1 else ""


def _author(classification: etree._Element) -> Author:
    slots = read_slots(classification)
    return Author(
        slots.get("authorPerson", ()),
        slots.get("authorInstitution", ()),
        slots.get("authorRole", ()),
        slots.get("authorSpecialty", ()),
    )


def _grouped(pairs: Iterable[tuple[str, _T]]) -> Mapping[str, tuple[_T, ...]]:
    groups: dict[str, tuple[_T, ...]] = {}
    for key, value in pairs:
        groups[key] = (*groups.get(key, ()), value)
    return groups
