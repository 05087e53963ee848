"""Codes of a document: type, class, format, confidentiality, visibility.

Never asks a caller for a class or a format: the class follows from the type (ASS_X04), the format from the body's media type or from
the CDA templates (ASS_A11). Sources: dmp.md 3.4 and 3.5, cda_signing.md 1.5 and 2.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.kernel.concept import Concept
from gateway.kernel.oids import HL7_CONFIDENTIALITY, VISIBILITY
from gateway.nomenclature.refusals import (
    TypeWithoutClass,
    UnknownConfidentiality,
    UnknownDocumentClass,
    UnknownDocumentFormat,
    UnknownDocumentType,
    UnknownVisibility,
    UnsupportedMediaType,
)
from gateway.nomenclature.tables import table

UNSTRUCTURED_TEMPLATE = "1.3.6.1.4.1.19376.1.2.20"
"""IHE XDS-SD: the template that says a CDA has an unstructured (N1) body."""

_FRENCH_TEMPLATES = "1.2.250.1.213."

_MEDIA_FORMATS = {
    "application/pdf": "urn:ihe:iti:xds-sd:pdf:2008",
    "text/plain": "urn:ihe:iti:xds-sd:text:2008",
    "text/rtf": "urn:ihe:iti-fr:xds-sd:rtf:2010",
    "image/jpeg": "urn:ihe:iti-fr:xds-sd:jpeg:2010",
    "image/tiff": "urn:ihe:iti-fr:xds-sd:tiff:2010",
}


def document_type(code: str, system: str | None = None) -> Concept:
    """The document type of JDV_J07; raises UnknownDocumentType for another code, or when `system` is given and is not its own."""
    concept = table("document_types").concepts.get(code)
    if concept is None or system not in (None, concept.system):
        raise UnknownDocumentType(field="document.type")
    return concept


def document_class(code: str) -> Concept:
    """The class of TRE_A03 with this code; raises UnknownDocumentClass."""
    concept = table("document_classes").concepts.get(code)
    if concept is None:
        raise UnknownDocumentClass
    return concept


def class_of_type(code: str) -> Concept:
    """The class that ASS_X04 gives to a document type; raises UnknownDocumentType, TypeWithoutClass for the six types without one.

    E1762 (signature of a lot) is refused likewise: nobody feeds it as a document.
    """
    concept = document_type(code)
    found = table("document_types").attribute[code]
    if not found:
        raise TypeWithoutClass(field="document.type", label=concept.label)
    return document_class(found)


def document_format(code: str) -> Concept:
    """The format of JDV_J60 or ASS_A11 with this code; raises UnknownDocumentFormat."""
    concept = table("document_formats").concepts.get(code)
    if concept is None:
        raise UnknownDocumentFormat
    return concept


def format_accepted_by_dmp(code: str) -> bool:
    """True when the format is in JDV_J60, the formats that the DMP takes; ASS_A11 names a few more, for MSSanté only."""
    return table("document_formats").attribute.get(code) == "yes"


def format_of_media(media_type: str) -> Concept:
    """The format of an unstructured body of this media type, parameters and case ignored; raises UnsupportedMediaType."""
    found = _MEDIA_FORMATS.get(media_type.partition(";")[0].strip().lower())
    if found is None:
        raise UnsupportedMediaType
    return document_format(found)


def format_of_templates(roots: Sequence[str]) -> Concept | None:
    """The format of a structured CDA from the templateId roots of its header; None when no root is known or the body is unstructured.

    The most specific known root wins: a French volet before an international profile, then the longest OID, then the first written.
    A header with the XDS-SD template answers None whatever its other templates: the body's media type decides (`format_of_media`).
    """
    if UNSTRUCTURED_TEMPLATE in roots:
        return None
    formats = table("template_formats").concepts
    known = [root for root in roots if root in formats]
    if not known:
        return None
    # max() keeps the first of equals, hence "the first written".
    chosen = max(known, key=lambda root: (root.startswith(_FRENCH_TEMPLATES), root.count(".")))
    return document_format(formats[chosen].label)


def confidentiality(code: str) -> Concept:
    """N, R or V of JDV_J08, the codes a CDA may carry; raises UnknownConfidentiality."""
    concept = table("confidentiality").concepts.get(code)
    if concept is None or concept.system != HL7_CONFIDENTIALITY:
        raise UnknownConfidentiality
    return concept


def visibility(name: str) -> Concept:
    """MASQUE_PS, INVISIBLE_PATIENT or INVISIBLE_REPRESENTANTS_LEGAUX of JDV_J08, never in a CDA; raises UnknownVisibility."""
    concept = table("confidentiality").concepts.get(name)
    if concept is None or concept.system != VISIBILITY:
        raise UnknownVisibility
    return concept
