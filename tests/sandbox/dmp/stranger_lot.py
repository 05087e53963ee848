"""The stranger's ITI-41 metadata: plain strings with the identifiers of dmp.md section 3 and `xds_uuids.csv`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from html import escape

from tests.sandbox.dmp.stranger_cda import Document

AUTHOR = "899700366240^D'ESSAI^Camille^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS"
SPECIALTY = "G15_10/SM54^Médecin - Médecine Générale (SM)^1.2.250.1.213.1.1.4.5"
IPP = "P-1042^^^&1.2.250.1.999.1&ISO^PI"
_SCHEMES = {
    "contentType": "aa543740-bdda-424e-8c96-df4873be8500",
    "class": "41a5887f-8865-4c09-adf7-e362475b143a",
    "confidentiality": "f4f85eac-e6cb-4883-b524-f2705394840f",
    "event": "2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4",
    "format": "a09d5840-386c-46f2-b5ad-9c3699a4309d",
    "facility": "f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1",
    "practice": "cccf5598-8b07-4b77-a05e-ae952c785ead",
    "type": "f0306f51-975f-434e-a61c-c59651d33983",
}
_MASKED = "1.2.250.1.213.1.1.4.13"
_LEVEL = "2.16.840.1.113883.5.25"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """What a lot says; `patient` is the CX, not escaped."""

    unique_id: str
    documents: tuple[Document, ...]
    bodies: tuple[bytes, ...]
    signature_id: str
    signed_at: str
    patient: str = "279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH"
    structure: str = "10B0152872"
    confidentiality: tuple[tuple[str, str], ...] = (("N", _LEVEL),)
    hashes: bool = True
    replaced: str | None = None
    with_signature: bool = True


def slot(name: str, *values: str) -> str:
    listed = "".join(f"<rim:Value>{escape(value, quote=False)}</rim:Value>" for value in values)
    return f'<rim:Slot name="{name}"><rim:ValueList>{listed}</rim:ValueList></rim:Slot>'


def label(element: str, text: str) -> str:
    return f'<rim:{element}><rim:LocalizedString charset="UTF-8" value="{escape(text)}" xml:lang="fr-FR"/></rim:{element}>'


def write_lot(lot: Lot) -> str:
    """A RegistryObjectList."""
    entries = "".join(
        _entry(lot, f"Document{rank:02}", document, body)
        for rank, (document, body) in enumerate(zip(lot.documents, lot.bodies, strict=True), 1)
    )
    names = [f"Document{rank:02}" for rank in range(1, len(lot.documents) + 1)]
    if lot.with_signature:
        entries += _signature_entry(lot)
        names.append("Signature01")
    associations = "".join(_association(f"as{rank}", "HasMember", "SubmissionSet01", name) for rank, name in enumerate(names, 1))
    if lot.with_signature:
        associations += _association("as90", "signs", "Signature01", "SubmissionSet01")
    if lot.replaced:
        associations += _association("as91", "RPLC", "Document01", lot.replaced)
    return f"<rim:RegistryObjectList>{_set(lot)}{entries}{associations}</rim:RegistryObjectList>"


def _set(lot: Lot) -> str:
    owner = "SubmissionSet01"
    return (
        f'<rim:RegistryPackage id="{owner}">{slot("submissionTime", lot.signed_at)}{label("Name", "Lot d’essai")}'
        + _author(lot, owner, "a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d")
        + _code(owner, "contentType", "SA07", "1.2.250.1.71.4.2.4")
        + f'<rim:Classification classificationNode="urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd" classifiedObject="{owner}"'
        f' id="{owner}-node"/>'
        + _identifier(owner, "6b5aea1a-874d-4603-a4bc-96a0a7b38446", lot.patient, "XDSSubmissionSet.patientId")
        + _identifier(owner, "554ac39e-e3fe-47fe-b233-965d2a147832", "1.2.250.1.999.1", "XDSSubmissionSet.sourceId")
        + _identifier(owner, "96fdda7c-d067-4183-912e-bf5ee74998a8", lot.unique_id, "XDSSubmissionSet.uniqueId")
        + "</rim:RegistryPackage>"
    )


def _entry(lot: Lot, owner: str, document: Document, body: bytes) -> str:
    sums = slot("hash", hashlib.sha1(body, usedforsecurity=False).hexdigest()) + slot("size", str(len(body))) if lot.hashes else ""
    return (
        f'<rim:ExtrinsicObject id="{owner}" mimeType="text/xml" objectType="urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1">'
        + slot("creationTime", document.created)
        + sums
        + slot("languageCode", "fr-FR")
        + slot("legalAuthenticator", AUTHOR)
        + slot("serviceStartTime", document.service_start)
        + slot("sourcePatientId", IPP)
        + slot("sourcePatientInfo", f"PID-5|{document.family}^DOMINIQUE^^^^^L", f"PID-7|{document.birth}", f"PID-8|{document.gender}")
        + label("Name", document.title)
        + _author(lot, owner, "93606bcf-9494-43ec-9b4e-a7748d1a838d")
        + _code(owner, "class", document.class_code, "1.2.250.1.213.1.1.4.1")
        + _code(owner, "type", document.type_code, document.type_system)
        + "".join(_code(owner, "confidentiality", *code) for code in lot.confidentiality)
        + _code(owner, "format", document.format_code, document.format_system)
        + _setting(owner)
        + _entry_identifiers(lot, owner, document.unique_id)
        + "</rim:ExtrinsicObject>"
    )


def _signature_entry(lot: Lot) -> str:
    owner = "Signature01"
    return (
        f'<rim:ExtrinsicObject id="{owner}" mimeType="text/xml" objectType="urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1">'
        + slot("creationTime", lot.signed_at)
        + slot("languageCode", "art")
        + slot("legalAuthenticator", AUTHOR)
        + slot("serviceStartTime", lot.signed_at)
        + slot("serviceStopTime", lot.signed_at)
        + slot("sourcePatientId", lot.patient)
        + label("Name", "Source")
        + _author(lot, owner, "93606bcf-9494-43ec-9b4e-a7748d1a838d")
        + _code(owner, "class", "urn:oid:1.3.6.1.4.1.19376.1.2.1.1.1", "URN")
        + _code(owner, "type", "E1762", "ASTM")
        + _code(owner, "confidentiality", "N", _LEVEL)
        + _code(owner, "confidentiality", "MASQUE_PS", _MASKED)
        + _code(owner, "confidentiality", "INVISIBLE_PATIENT", _MASKED)
        + _code(owner, "format", "http://www.w3.org/2000/09/xmldsig#", "URN")
        + _setting(owner)
        + _code(owner, "event", "1.2.840.10065.1.12.1.14", "1.2.840.10065.1.12")
        + _entry_identifiers(lot, owner, lot.signature_id)
        + "</rim:ExtrinsicObject>"
    )


def _setting(owner: str) -> str:
    return _code(owner, "facility", "SA07", "1.2.250.1.71.4.2.4") + _code(owner, "practice", "AMBULATOIRE", "1.2.250.1.213.1.1.4.9")


def _entry_identifiers(lot: Lot, owner: str, unique_id: str) -> str:
    return _identifier(owner, "58a6f841-87b3-4a3e-92fd-a8ffeff98427", lot.patient, "XDSDocumentEntry.patientId") + _identifier(
        owner, "2e82c1f6-a085-4c72-9da3-8640a32e42ab", unique_id, "XDSDocumentEntry.uniqueId"
    )


def _author(lot: Lot, owner: str, scheme: str) -> str:
    institution = f"CABINET DES ESSAIS^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^{lot.structure}"
    return (
        f'<rim:Classification classificationScheme="urn:uuid:{scheme}" classifiedObject="{owner}" id="{owner}-author"'
        ' nodeRepresentation="">'
        + slot("authorPerson", AUTHOR)
        + slot("authorSpecialty", SPECIALTY)
        + slot("authorInstitution", institution)
        + "</rim:Classification>"
    )


def _code(owner: str, kind: str, code: str, system: str) -> str:
    return (
        f'<rim:Classification classificationScheme="urn:uuid:{_SCHEMES[kind]}" classifiedObject="{owner}" id="{owner}-{kind}-{code}"'
        f' nodeRepresentation="{code}">{slot("codingScheme", system)}{label("Name", "Libellé")}</rim:Classification>'
    )


def _identifier(owner: str, scheme: str, value: str, name: str) -> str:
    return (
        f'<rim:ExternalIdentifier id="{owner}-{scheme[:8]}" identificationScheme="urn:uuid:{scheme}" registryObject="{owner}"'
        f' value="{escape(value)}">{label("Name", name)}</rim:ExternalIdentifier>'
    )


def _association(identifier: str, kind: str, source: str, target: str) -> str:
    names = {
        "HasMember": "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember",
        "signs": "urn:ihe:iti:2007:AssociationType:signs",
        "RPLC": "urn:ihe:iti:2007:AssociationType:RPLC",
    }
    original = "" if kind == "RPLC" else slot("SubmissionSetStatus", "Original")
    return (
        f'<rim:Association associationType="{names[kind]}" id="{identifier}" sourceObject="{source}" targetObject="{target}">'
        f"{original}</rim:Association>"
    )
