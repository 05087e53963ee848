"""Names that the writer and the reader of a CDA share: namespaces, template roots, media types, codes of sex.

Facts only, no behaviour. The header checks keep their own copy on purpose: they judge what the writer does.
Sources: cda_signing.md sections 1, 1.5 and 3; JDV_J143 for the codes of sex.
"""

from __future__ import annotations

from gateway.kernel.concept import Concept
from gateway.model.patient import Sex

HL7 = "urn:hl7-org:v3"
CI_SIS = "urn:asip-sante:ci-sis"
XSLT = "http://www.w3.org/1999/XSL/Transform"

N1_TEMPLATES = ("2.16.840.1.113883.2.8.2.1", "1.2.250.1.213.1.1.1.1", "1.3.6.1.4.1.19376.1.2.20")
"""HL7 France, CI-SIS header, IHE XDS-SD: exactly these three for an unstructured body."""

N1_MEDIA_TYPES = frozenset({"application/pdf", "text/plain", "text/rtf", "image/jpeg", "image/tiff"})

GENDER = "2.16.840.1.113883.5.1"
SEXES = {
    Sex.FEMALE: Concept("F", GENDER, "Féminin"),
    Sex.MALE: Concept("M", GENDER, "Masculin"),
    Sex.UNKNOWN: Concept("UN", GENDER, "Inconnu"),
}

EXTENSION_MARK = "^"
"""Separates root and extension wherever the model holds both in one text (setId, order ids)."""
