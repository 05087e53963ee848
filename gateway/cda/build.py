"""Builds a CDA R2 N1: header and file in, the bytes that are stored, digested, signed and sent out. They never change afterwards.

The bytes are the canonical form with comments in UTF-8 (cda_signing.md 4.1: freeze once, so that stored bytes are digested bytes).
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.cda.actors import Recipient
from gateway.cda.bodies import splice, unstructured_body
from gateway.cda.errors import CdaInvalid
from gateway.cda.header import clinical_document
from gateway.cda.names import N1_TEMPLATES
from gateway.model.document import ClinicalHeader
from gateway.xml.c14n import inclusive


def build_n1(header: ClinicalHeader, body: bytes | memoryview, media_type: str, *, recipients: Sequence[Recipient] = ()) -> bytes:
    """The canonical UTF-8 bytes of an unstructured CDA around `body`; raises CdaInvalid, or XmlTextInvalid for a forbidden character.

    Templates are the three of an N1, whatever order the header gives; other templates are refused. Missing times of author and legal
    authenticator are the document's. An unqualified subject is written without its INS.
    """
    if header.templates and sorted(header.templates) != sorted(N1_TEMPLATES):
        raise CdaInvalid("templateId", "n1-templates", "un document non structuré porte exactement trois modèles")
    frame = inclusive(clinical_document(header, N1_TEMPLATES, unstructured_body(media_type), recipients))
    return splice(frame, body)
