"""METADATA.XML of an XDM archive, read into frozen values by a reader of its own.

Never builds one. Source: mssante.md 2.3 (ebRIM 3.0: slots, classifications, external identifiers and their scheme UUIDs).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lxml import etree

from gateway.sandbox.mss.safe_xml import XmlUnsafe, parse

_RIM: Final = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
_LCM: Final = "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"
_NS: Final = {"rim": _RIM, "lcm": _LCM}
_PACKAGE_NODE = "urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd"
_STABLE_DOCUMENT = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
_HAS_MEMBER = "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember"

ENTRY_CODES: Final = {
    "class": "urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a",
    "type": "urn:uuid:f0306f51-975f-434e-a61c-c59651d33983",
    "format": "urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d",
    "confidentiality": "urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f",
    "facility": "urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1",
    "practice-setting": "urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead",
}
_ENTRY_AUTHOR = "urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d"
_ENTRY_PATIENT = "urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427"
_ENTRY_UNIQUE = "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab"
_SET_PATIENT = "urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446"
_SET_SOURCE = "urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832"
_SET_UNIQUE = "urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8"
_SET_CONTENT = "urn:uuid:aa543740-bdda-424e-8c96-df4873be8500"
_SET_AUTHOR = "urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d"


class MetadataUnreadable(Exception):
    """Not XML, or not a SubmitObjectsRequest. Stays inside the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One document entry."""

    id: str
    object_type: str
    mime_type: str
    title: str
    slots: dict[str, tuple[str, ...]]
    codes: dict[str, tuple[str, ...]]
    """Codes by name of ENTRY_CODES."""
    authors: int
    patient_id: str
    unique_id: str

    def slot(self, name: str) -> str:
        """First value of a slot, empty without one."""
        return next(iter(self.slots.get(name, ())), "")

    @property
    def is_stable_document(self) -> bool:
        """True when objectType says a stable document."""
        return self.object_type == _STABLE_DOCUMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """The package: submission set, its entries, which of them it holds."""

    id: str
    marked: bool
    """True when the package carries the submission-set node."""
    submission_time: str
    content_types: tuple[str, ...]
    authors: int
    patient_id: str
    source_id: str
    unique_id: str
    entries: tuple[Entry, ...]
    members: tuple[str, ...]
    """Ids held by HasMember associations of status Original."""


def read_metadata(content: bytes) -> Submission:
    """The submission of a METADATA.XML. Raises MetadataUnreadable unless it holds exactly one package."""
    try:
        root = parse(content)
    except XmlUnsafe as error:
        raise MetadataUnreadable from error
    packages = root.findall("rim:RegistryObjectList/rim:RegistryPackage", _NS)
    if root.tag != f"{{{_LCM}}}SubmitObjectsRequest" or len(packages) != 1:
        raise MetadataUnreadable
    package = packages[0]
    entries = root.findall("rim:RegistryObjectList/rim:ExtrinsicObject", _NS)
    return Submission(
        id=package.get("id", ""),
        marked=any(c.get("classificationNode") == _PACKAGE_NODE for c in package.findall("rim:Classification", _NS)),
        submission_time=next(iter(_slots(package).get("submissionTime", ())), ""),
        content_types=_codes(package, _SET_CONTENT),
        authors=len(_classifications(package, _SET_AUTHOR)),
        patient_id=_identifier(package, _SET_PATIENT),
        source_id=_identifier(package, _SET_SOURCE),
        unique_id=_identifier(package, _SET_UNIQUE),
        entries=tuple(_entry(element) for element in entries),
        members=tuple(_members(root, package.get("id", ""))),
    )


def _entry(element: etree._Element) -> Entry:
    return Entry(
        id=element.get("id", ""),
        object_type=element.get("objectType", ""),
        mime_type=element.get("mimeType", ""),
        title=_title(element),
        slots=_slots(element),
        codes={name: _codes(element, scheme) for name, scheme in ENTRY_CODES.items()},
        authors=len(_classifications(element, _ENTRY_AUTHOR)),
        patient_id=_identifier(element, _ENTRY_PATIENT),
        unique_id=_identifier(element, _ENTRY_UNIQUE),
    )


def _slots(element: etree._Element) -> dict[str, tuple[str, ...]]:
    return {
        slot.get("name", ""): tuple(value.text or "" for value in slot.findall("rim:ValueList/rim:Value", _NS))
        for slot in element.findall("rim:Slot", _NS)
    }


def _classifications(element: etree._Element, scheme: str) -> list[etree._Element]:
    return [c for c in element.findall("rim:Classification", _NS) if c.get("classificationScheme") == scheme]


def _codes(element: etree._Element, scheme: str) -> tuple[str, ...]:
    return tuple(c.get("nodeRepresentation", "") for c in _classifications(element, scheme))


def _identifier(element: etree._Element, scheme: str) -> str:
    found = [i.get("value", "") for i in element.findall("rim:ExternalIdentifier", _NS) if i.get("identificationScheme") == scheme]
    return found[0] if len(found) == 1 else ""


def _title(element: etree._Element) -> str:
    name = element.find("rim:Name/rim:LocalizedString", _NS)
    return "" if name is None else name.get("value", "")


def _members(root: etree._Element, package: str) -> Iterator[str]:
    for association in root.findall("rim:RegistryObjectList/rim:Association", _NS):
        if association.get("associationType") != _HAS_MEMBER or association.get("sourceObject") != package:
            continue
        if _slots(association).get("SubmissionSetStatus") == ("Original",):
            yield association.get("targetObject", "")
