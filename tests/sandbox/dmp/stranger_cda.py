"""The stranger's clinical documents: plain strings, already in canonical form so that their digest needs no tool."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from html import escape

PDF = b"%PDF-1.4\n% un document de test, sans contenu\n%%EOF\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a document says; the metadata say the same unless a test changes them."""

    unique_id: str
    matricule: str = "279035121518989"
    ins_oid: str = "1.2.250.1.213.1.4.10"
    structure: str = "10B0152872"
    type_code: str = "57833-6"
    type_system: str = "2.16.840.1.113883.6.1"
    class_code: str = "42"
    format_code: str = "urn:ihe:iti:xds-sd:pdf:2008"
    format_system: str = "1.3.6.1.4.1.19376.1.2.3"
    title: str = "Ordonnance & suite d'été"
    effective: str = "20261122103000+0100"
    created: str = "20261122093000"
    service: str = "20261122101500+0100"
    service_start: str = "20261122091500"
    family: str = "PAT-TROIS"
    birth: str = "19790305"
    gender: str = "F"
    template: str = "1.3.6.1.4.1.19376.1.2.20"
    replaces: str | None = None
    content: bytes = PDF
    structured: bool = False


def _spread(text: str) -> str:
    return re.sub(r"<([\w:]+)([^<>]*?)/>", r"<\1\2></\1>", text)


def write_cda(document: Document) -> bytes:
    """A CDA in canonical form: no declaration, no empty-element tag, attributes in order."""
    related = (
        f'<relatedDocument typeCode="RPLC"><parentDocument><id root="{document.replaces}"/></parentDocument></relatedDocument>'
        if document.replaces
        else ""
    )
    body = (
        "<structuredBody><component><section><title>Résumé</title><text>Rien à signaler</text></section></component></structuredBody>"
        if document.structured
        else '<nonXMLBody><text mediaType="application/pdf" representation="B64">'
        + base64.b64encode(document.content).decode()
        + "</text></nonXMLBody>"
    )
    organisation = (
        f'<representedOrganization><id extension="{document.structure}" root="1.2.250.1.71.4.2.2"/>'
        "<name>CABINET DES ESSAIS</name>{industry}</representedOrganization>"
    )
    industry = '<standardIndustryClassCode code="AMBULATOIRE" codeSystem="1.2.250.1.213.1.1.4.9" displayName="Ambulatoire"/>'
    head = (
        '<ClinicalDocument xmlns="urn:hl7-org:v3"><realmCode code="FR"/>'
        '<typeId extension="POCD_HD000040" root="2.16.840.1.113883.1.3"/><templateId root="2.16.840.1.113883.2.8.2.1"/>'
        f'<templateId root="1.2.250.1.213.1.1.1.1"/><templateId root="{document.template}"/><id root="{document.unique_id}"/>'
        f'<code code="{document.type_code}" codeSystem="{document.type_system}" displayName="Type"/>'
        f'<title>{escape(document.title, quote=False)}</title><effectiveTime value="{document.effective}"/>'
        '<confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25" displayName="Normal"/><languageCode code="fr-FR"/>'
        f'<recordTarget><patientRole><id extension="{document.matricule}" root="{document.ins_oid}"/>'
        '<id extension="P-1042" root="1.2.250.1.999.1"/><patient><name>'
        f'<family qualifier="BR">{document.family}</family><given>DOMINIQUE</given></name>'
        f'<administrativeGenderCode code="{document.gender}" codeSystem="2.16.840.1.113883.5.1"/>'
        f'<birthTime value="{document.birth}"/></patient></patientRole></recordTarget>'
        f'<author><time value="{document.effective}"/><assignedAuthor><id extension="899700366240" root="1.2.250.1.71.4.2.1"/>'
        f"{organisation.format(industry='')}</assignedAuthor></author>"
        f'<documentationOf><serviceEvent><effectiveTime><low value="{document.service}"/></effectiveTime>'
        f'<performer typeCode="PRF"><assignedEntity>{organisation.format(industry=industry)}</assignedEntity></performer>'
        f"</serviceEvent></documentationOf>{related}"
        "<componentOf><encompassingEncounter><location><healthCareFacility>"
        '<code code="SA07" codeSystem="1.2.250.1.71.4.2.4" displayName="Cabinet individuel"/>'
        "</healthCareFacility></location></encompassingEncounter></componentOf><component>"
    )
    return (_spread(head) + body + "</component></ClinicalDocument>").encode()
