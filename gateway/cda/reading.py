"""Reads a ready CDA (N1 or N3): the facts of its header and, for an N1, the file it carries.

Recognises the self-presentable wrapper (an XSLT with the document in data:Contenu) and never runs its style sheet. Missing or
contradictory facts are refused with their path; conformity as such is the affair of `checks` and `conformity`. What `build_n1` writes is
read back as it was. Sources: cda_signing.md sections 1 to 3, dmp.md 3.2 and 3.8.
"""

from __future__ import annotations

import binascii
from datetime import datetime

import msgspec
from lxml import etree

from gateway.cda.errors import CdaInvalid
from gateway.cda.names import CI_SIS, HL7, N1_MEDIA_TYPES, XSLT
from gateway.cda.nodes import attribute, bare_root, children, concept, first, joined, optional_concept, required, text
from gateway.cda.reading_actors import read_authors, read_custodian, read_legal_authenticator, read_performer
from gateway.cda.reading_subject import read_subject
from gateway.cda.stamp import read_stamp
from gateway.kernel.concept import Concept
from gateway.kernel.ids import is_oid
from gateway.model.document import ClinicalHeader
from gateway.xml.parse import parse, parse_large

MAX_CDA_BYTES = 40_000_000
"""A body of 20 MB in base64 and room for the rest; what comes in is capped far below by configuration."""
_LONG_TEXT = 9_000_000

_ACT = "documentationOf/serviceEvent"
_PERFORMER = f"{_ACT}/performer/assignedEntity"
_TEXT = "component/nonXMLBody/text"
_FACILITY = "componentOf/encompassingEncounter/location/healthCareFacility"


class ReadDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A ready CDA as read: header, the file of an N1 body (None for a structured body, or when not asked for) and its media type."""

    header: ClinicalHeader
    body: bytes | None
    media_type: str | None
    self_presentable: bool = False
    """True when the document came wrapped in its own style sheet."""

    @property
    def mime_type(self) -> str:
        """The mimeType of the entry in the metadata (dmp.md 3.2)."""
        return "application/xslt+xml" if self.self_presentable else "text/xml"

    @property
    def pdf(self) -> bytes | None:
        """The PDF of an N1; None for a structured body, a text or a picture."""
        return self.body if self.media_type == "application/pdf" else None


def read_cda(data: bytes, *, with_body: bool = True) -> ReadDocument:
    """The document read; raises XmlMalformed and its kin, CdaInvalid, TwoPatients, or the errors of a bad matricule.

    Without its body, which is then neither decoded nor checked, for a document that has been read whole before.
    """
    document, wrapped = find_document(parse_cda(data))
    node, media_type = _body_node(document)
    body = _decoded(node) if with_body and node is not None else None
    return ReadDocument(header=_header(document, media_type), body=body, media_type=media_type, self_presentable=wrapped)


def parse_cda(data: bytes) -> etree._Element:
    """The root element of a CDA of at most MAX_CDA_BYTES, long bodies allowed; raises XmlMalformed and its kin."""
    return parse_large(data, max_bytes=MAX_CDA_BYTES) if len(data) > _LONG_TEXT else parse(data)


def find_document(root: etree._Element) -> tuple[etree._Element, bool]:
    """The ClinicalDocument and whether it was wrapped for self-presentation; raises CdaInvalid when there is not exactly one."""
    found = list(root.iter(f"{{{HL7}}}ClinicalDocument"))
    if len(found) != 1:
        raise CdaInvalid("ClinicalDocument", "one-document", "le fichier ne contient pas un document CDA et un seul")
    document = found[0]
    if document is root:
        return document, False
    parent = document.getparent()
    if root.tag != f"{{{XSLT}}}stylesheet" or parent is None or parent.tag != f"{{{CI_SIS}}}Contenu":
        raise CdaInvalid("ClinicalDocument", "wrapper", "le document CDA est enveloppé d'une manière inconnue")
    return document, True


def _header(document: etree._Element, media_type: str | None) -> ClinicalHeader:
    created_at = _time(document, "", "effectiveTime")
    custodian = read_custodian(document)
    legal, legal_organization, legal_time = read_legal_authenticator(document, created_at)
    act = required(document, "", "documentationOf", "serviceEvent")
    entity = required(act, _ACT, "performer", "assignedEntity")
    performer, performer_organization = read_performer(entity)
    return ClinicalHeader(
        unique_id=_unique_id(document),
        set_id=joined(required(document, "", "setId"), "setId"),
        version=_version(document),
        type=_code(document, "", "code"),
        title=_title(document),
        created_at=created_at,
        confidentiality=_code(document, "", "confidentialityCode"),
        language=attribute(required(document, "", "languageCode"), "code", "languageCode"),
        subject=read_subject(document),
        authors=read_authors(document, created_at, custodian),
        custodian=custodian,
        legal_authenticator=legal,
        legal_authenticator_organization=legal_organization,
        legal_authentication_time=legal_time,
        service_start=_time(act, _ACT, "effectiveTime", "low"),
        service_stop=None if first(act, "effectiveTime", "high") is None else _time(act, _ACT, "effectiveTime", "high"),
        performer=performer,
        performer_organization=performer_organization,
        practice_setting=_code(entity, _PERFORMER, "representedOrganization", "standardIndustryClassCode"),
        facility=_code(document, "", *_FACILITY.split("/"), "code"),
        templates=tuple(attribute(node, "root", "templateId") for node in children(document, "templateId")),
        event_codes=_event_codes(document),
        replaces=_replaces(document),
        body_media_type=media_type,
        order_ids=tuple(joined(node, "inFulfillmentOf/order/id") for node in children(document, "inFulfillmentOf", "order", "id")),
    )


def _code(parent: etree._Element, path: str, *names: str) -> Concept:
    where = "/".join((path, *names)) if path else "/".join(names)
    return concept(required(parent, path, *names), where)


def _time(parent: etree._Element, path: str, *names: str) -> datetime:
    where = "/".join((path, *names)) if path else "/".join(names)
    return read_stamp(attribute(required(parent, path, *names), "value", where), where)


def _unique_id(document: etree._Element) -> str:
    root = bare_root(required(document, "", "id"), "id")
    if not is_oid(root):
        raise CdaInvalid("id", "unique-id", "l'identifiant du document n'est pas un OID d'au plus 64 caractères")
    return root


def _version(document: etree._Element) -> int:
    value = attribute(required(document, "", "versionNumber"), "value", "versionNumber")
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise CdaInvalid("versionNumber", "version", "le numéro de version n'est pas un nombre")
    return int(value)


def _title(document: etree._Element) -> str:
    title = text(required(document, "", "title"))
    if not title:
        raise CdaInvalid("title", "mandatory", "le document n'a pas de titre")
    return title


def _event_codes(document: etree._Element) -> tuple[Concept, ...]:
    found = (optional_concept(node, f"{_ACT}/code") for node in children(document, "documentationOf", "serviceEvent", "code"))
    return tuple(one for one in found if one is not None)


def _replaces(document: etree._Element) -> str | None:
    related = list(children(document, "relatedDocument"))
    if not related:
        return None
    if len(related) > 1 or related[0].get("typeCode") != "RPLC":
        raise CdaInvalid("relatedDocument", "replacement", "le seul lien accepté entre documents est un remplacement")
    path = "relatedDocument/parentDocument/id"
    return bare_root(required(related[0], "relatedDocument", "parentDocument", "id"), path)


def _body_node(document: etree._Element) -> tuple[etree._Element | None, str | None]:
    if first(document, "component", "structuredBody") is not None:
        return None, None
    node = required(document, "", "component", "nonXMLBody", "text")
    media_type = attribute(node, "mediaType", _TEXT)
    if media_type not in N1_MEDIA_TYPES:
        raise CdaInvalid(_TEXT, "body-media-type", "le corps du document est d'un type qui n'est pas accepté")
    return node, media_type


def _decoded(node: etree._Element) -> bytes:
    if node.get("representation") != "B64" or len(node):
        raise CdaInvalid(_TEXT, "body-base64", "le corps du document n'est pas en base64")
    try:
        body = binascii.a2b_base64("".join((node.text or "").split()), strict_mode=True)
    except (binascii.Error, ValueError):
        raise CdaInvalid(_TEXT, "body-base64", "le corps du document n'est pas un base64 correct") from None
    if not body:
        raise CdaInvalid(_TEXT, "body-empty", "le corps du document est vide")
    return body
