"""The unstructured (N1) body: the bytes of a PDF or of another accepted file, in base64, on one line.

The base64 alphabet needs no escaping in XML, so the text is spliced into the canonical bytes instead of going through the XML library:
megabytes are encoded once and copied once. Never looks at what the file is: `checks` and `pdf.check` do. Source: cda_signing.md 1.5, 5.
"""

from __future__ import annotations

import binascii
import io

from lxml import etree

from gateway.cda.errors import CdaInvalid
from gateway.cda.names import N1_MEDIA_TYPES
from gateway.cda.vocabulary import V3

TAIL = b"</text></nonXMLBody></component></ClinicalDocument>"
"""How the canonical form of every N1 document ends; the body goes right before."""

_CHUNK = 3 * 64 * 1024
"""A multiple of three, so that base64 pads only at the end."""


def unstructured_body(media_type: str) -> etree._Element:
    """`<nonXMLBody>` with an empty text; raises CdaInvalid for a media type that an N1 document cannot carry."""
    if media_type not in N1_MEDIA_TYPES:
        raise CdaInvalid("component/nonXMLBody/text", "body-media-type", "ce type de fichier ne peut pas être placé dans un CDA")
    return V3("nonXMLBody", V3("text", mediaType=media_type, representation="B64"))


def splice(frame: bytes, body: bytes | memoryview) -> bytes:
    """The frame with the base64 of the body as the text of its nonXMLBody; raises CdaInvalid for an empty body."""
    if not body:
        raise CdaInvalid("component/nonXMLBody/text", "body-empty", "le fichier à envoyer est vide")
    if not frame.endswith(TAIL):
        raise CdaInvalid("component/nonXMLBody", "body-place", "le document ne se termine pas par son corps")
    source = memoryview(body).cast("B")
    written = io.BytesIO()
    written.write(memoryview(frame)[: -len(TAIL)])
    for start in range(0, len(source), _CHUNK):
        written.write(binascii.b2a_base64(source[start : start + _CHUNK], newline=False))
    written.write(TAIL)
    return written.getvalue()
