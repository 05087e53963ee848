"""Header rules on the document itself: realm, templates, identifiers, type, dates, confidentiality, language, replacement.

Source: cda_signing.md section 1; dmp.md 3.2 for the identifier without extension; JDV_J07 and JDV_J08 through the nomenclature.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from gateway.cda.finding import Finding
from gateway.cda.nodes import children, first, text
from gateway.nomenclature import codes

_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
_INSTANT = re.compile(r"[0-9]{12}([0-9]{2}(\.[0-9]+)?)?[+-][0-9]{4}")
_LANGUAGE = re.compile(r"[a-z]{2}-[A-Z]{2}")
_HL7_FRANCE = "2.16.840.1.113883.2.8.2.1"
_CI_SIS = "1.2.250.1.213.1.1.1.1"
_XDS_SD = "1.3.6.1.4.1.19376.1.2.20"
_CONFIDENTIALITY = "2.16.840.1.113883.5.25"
_VISIBILITY = "1.2.250.1.213.1.1.4.13"


def check_identification(document: etree._Element) -> Iterator[Finding]:
    """Findings on realm, type of message, templates, id, setId and versionNumber."""
    if _value(document, "realmCode", "code") != "FR":
        yield Finding("realm", "realmCode", "le domaine du document n'est pas la France")
    message = first(document, "typeId")
    if message is not None and (message.get("root"), message.get("extension")) != ("2.16.840.1.113883.1.3", "POCD_HD000040"):
        yield Finding("type-id", "typeId", "le document ne se déclare pas comme un CDA R2")
    yield from _templates(document)
    yield from _document_id(document)
    if not _OID.fullmatch(_value(document, "setId", "root")):
        yield Finding("set-id", "setId", "l'identifiant de la série de versions n'est pas un OID")
    if not re.fullmatch(r"[0-9]{1,9}", _value(document, "versionNumber", "value")):
        yield Finding("version", "versionNumber", "le numéro de version n'est pas un nombre")
    yield from _replacement(document)


def check_description(document: etree._Element) -> Iterator[Finding]:
    """Findings on type, title, date, confidentiality and language."""
    kind = first(document, "code")
    if kind is not None and not all(kind.get(name) for name in ("code", "codeSystem", "displayName")):
        yield Finding("document-type", "code", "le type du document est incomplet (code, système et libellé)")
    elif kind is not None and not _is_known_type(kind):
        yield Finding("document-type", "code", "le type du document n'est pas dans la nomenclature nationale JDV_J07")
    if not text(first(document, "title")):
        yield Finding("title", "title", "le document n'a pas de titre")
    if not _INSTANT.fullmatch(_value(document, "effectiveTime", "value")):
        yield Finding("document-time", "effectiveTime", "la date du document doit comporter l'heure et le fuseau horaire")
    yield from _confidentiality(document)
    if not _LANGUAGE.fullmatch(_value(document, "languageCode", "code")):
        yield Finding("language", "languageCode", "la langue doit être écrite avec le pays, par exemple fr-FR")


def _value(document: etree._Element, element: str, name: str) -> str:
    node = first(document, element)
    return "" if node is None else node.get(name) or ""


def _templates(document: etree._Element) -> Iterator[Finding]:
    roots = [node.get("root") or "" for node in children(document, "templateId")]
    if roots.count(_HL7_FRANCE) != 1:
        yield Finding("template-hl7-france", "templateId", "le modèle HL7 France doit être déclaré une fois")
    if roots.count(_CI_SIS) != 1:
        yield Finding("template-ci-sis", "templateId", "le modèle d'en-tête du CI-SIS doit être déclaré une fois")
    if first(document, "component", "nonXMLBody") is not None and sorted(roots) != sorted((_HL7_FRANCE, _CI_SIS, _XDS_SD)):
        yield Finding("template-n1", "templateId", "un document non structuré déclare exactement trois modèles, dont IHE XDS-SD")


def _document_id(document: etree._Element) -> Iterator[Finding]:
    node = first(document, "id")
    if node is None:
        return
    if node.get("extension") is not None:
        yield Finding("unique-id-extension", "id", "l'identifiant d'un document ne doit pas avoir d'extension")
    root = node.get("root") or ""
    if len(root) > 64 or not _OID.fullmatch(root):
        yield Finding("unique-id", "id", "l'identifiant du document n'est pas un OID d'au plus 64 caractères")


def _is_known_type(kind: etree._Element) -> bool:
    try:
        codes.document_type(kind.get("code") or "", kind.get("codeSystem"))
    except codes.UnknownDocumentType:
        return False
    return True


def _confidentiality(document: etree._Element) -> Iterator[Finding]:
    node = first(document, "confidentialityCode")
    if node is None:
        return
    if node.get("codeSystem") == _VISIBILITY:
        yield Finding("visibility-in-cda", "confidentialityCode", "un masquage ne s'écrit pas dans le document, mais dans la demande")
    elif node.get("code") not in {"N", "R", "V"} or node.get("codeSystem") != _CONFIDENTIALITY or not node.get("displayName"):
        yield Finding("confidentiality", "confidentialityCode", "la confidentialité doit valoir N, R ou V, avec son libellé")


def _replacement(document: etree._Element) -> Iterator[Finding]:
    related = first(document, "relatedDocument")
    if related is None:
        return
    if related.get("typeCode") != "RPLC":
        yield Finding("replacement", "relatedDocument", "le seul lien accepté entre documents est un remplacement")
    identifiers = list(children(related, "parentDocument", "id"))
    if len(identifiers) != 1 or not _OID.fullmatch(identifiers[0].get("root") or ""):
        yield Finding("replaced-id", "relatedDocument/parentDocument/id", "le document remplacé doit être désigné par un OID et un seul")
    elif identifiers[0].get("extension") is not None:
        yield Finding("replaced-id-extension", "relatedDocument/parentDocument/id", "l'identifiant du document remplacé a une extension")
