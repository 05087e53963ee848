"""Reads from a fed CDA what the metadata must agree with; an own reading, not the gateway's.

It never validates the CDA against a schema (those are not ours to ship) and never opens the embedded document. Source: dmp.md 3.8,
cda_signing.md 1 and 2.
"""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from gateway.kernel import oids
from gateway.sandbox.dmp.ebrim import Code
from gateway.sandbox.dmp.safe_xml import XmlRefused, parse_xml, text_of

V3 = "urn:hl7-org:v3"
_BODY_SAMPLE = 16


@dataclass(frozen=True, slots=True)
class Clinical:
    """Facts of a clinical document. `root` is the parsed part, for its canonical form."""

    root: etree._Element
    identifiers: tuple[tuple[str, str], ...]
    """(root, extension) of ClinicalDocument/id."""
    kind: Code
    title: str
    effective_time: str
    confidentiality: Code
    language: str
    ins: tuple[tuple[str, str], ...]
    """(matricule, OID) of every INS of recordTarget, INS-C included."""
    patients: int
    birth_names: tuple[str, ...]
    birth_time: str
    gender: str
    templates: tuple[str, ...]
    media_type: str | None
    """Media type of a nonXMLBody, None for a structured body."""
    body_start: str
    """First characters of the embedded document's base64, blanks removed."""
    structures: frozenset[str]
    """Struct_IdNat of the authors' organisations."""
    facility: Code | None
    practice_setting: Code | None
    service_start: str
    service_stop: str
    replaced: str | None
    """Root of the replaced document's id."""


def read_clinical(data: bytes, limit: int) -> Clinical | None:
    """The facts of a CDA, or of the one carried by a self-presentable document; None when there is none."""
    try:
        root = parse_xml(data, limit)
    except XmlRefused:
        return None
    found = [root] if root.tag == _v3("ClinicalDocument") else list(root.iter(_v3("ClinicalDocument")))
    if len(found) != 1:
        return None
    document = found[0]
    patients = document.findall(_path("recordTarget/patientRole"))
    embedded = document.find(_path("component/nonXMLBody/text"))
    return Clinical(
        root=root,
        identifiers=tuple((one.get("root", ""), one.get("extension", "")) for one in document.iterchildren(_v3("id"))),
        kind=_code(document.find(_v3("code"))) or Code("", ""),
        title=" ".join(text_of(document.find(_v3("title"))).split()),
        effective_time=_attribute(document, "effectiveTime", "value"),
        confidentiality=_code(document.find(_v3("confidentialityCode"))) or Code("", ""),
        language=_attribute(document, "languageCode", "code"),
        ins=tuple(pair for patient in patients for pair in _ins(patient)),
        patients=len(patients),
        birth_names=tuple(
            text_of(one) for one in document.iterfind(_path("recordTarget/patientRole/patient/name/family")) if one.get("qualifier") == "BR"
        ),
        birth_time=_attribute(document, "recordTarget/patientRole/patient/birthTime", "value"),
        gender=_attribute(document, "recordTarget/patientRole/patient/administrativeGenderCode", "code"),
        templates=tuple(one.get("root", "") for one in document.iterchildren(_v3("templateId"))),
        media_type=None if embedded is None else embedded.get("mediaType", ""),
        body_start="" if embedded is None else "".join((embedded.text or "")[:200].split())[:_BODY_SAMPLE],
        structures=frozenset(
            one.get("extension", "")
            for one in document.iterfind(_path("author/assignedAuthor/representedOrganization/id"))
            if one.get("root") == oids.STRUCTURES
        ),
        facility=_code(document.find(_path("componentOf/encompassingEncounter/location/healthCareFacility/code"))),
        practice_setting=_code(
            document.find(_path("documentationOf/serviceEvent/performer/assignedEntity/representedOrganization/standardIndustryClassCode"))
        ),
        service_start=_attribute(document, "documentationOf/serviceEvent/effectiveTime/low", "value"),
        service_stop=_attribute(document, "documentationOf/serviceEvent/effectiveTime/high", "value"),
        replaced=_replaced(document),
    )


def _v3(name: str) -> str:
    return f"{{{V3}}}{name}"


def _path(path: str) -> str:
    return "/".join(_v3(name) for name in path.split("/"))


def _attribute(document: etree._Element, path: str, name: str) -> str:
    element = document.find(_path(path))
    return "" if element is None else element.get(name, "")


def _code(element: etree._Element | None) -> Code | None:
    return None if element is None or not element.get("code") else Code(element.get("code", ""), element.get("codeSystem", ""))


def _ins(patient: etree._Element) -> list[tuple[str, str]]:
    identifiers = [(one.get("extension", ""), one.get("root", "")) for one in patient.iterchildren(_v3("id"))]
    return [(extension, root) for extension, root in identifiers if root in oids.INS_ALL or root == oids.INS_C]


def _replaced(document: etree._Element) -> str | None:
    related = document.find(_v3("relatedDocument"))
    if related is None or related.get("typeCode") != "RPLC":
        return None
    return _attribute(related, "parentDocument/id", "root")
