"""The few facts of a CDA that a mail must agree with: identity, type, patient, enclosed PDF.

A CDA wrapped in its own style sheet is looked for inside. Never judges the CDA itself. Source: cda_signing.md 1 and 1.5.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from gateway.sandbox.mss.safe_xml import XmlUnsafe, parse

_NS: Final = {"h": "urn:hl7-org:v3"}
_DOCUMENT: Final = "{urn:hl7-org:v3}ClinicalDocument"


class ClinicalUnreadable(Exception):
    """Not a ClinicalDocument. Stays inside the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicalDocument:
    """What the header says."""

    unique_id: str
    """`root`, or `root^extension`."""
    mime_type: str
    """What the metadata must call it: a document, or a document in its own style sheet."""
    code: str
    display_name: str
    title: str
    patients: tuple[tuple[str, str], ...]
    """(extension, root) of each patient identifier, one tuple per id and recordTarget."""
    targets: int
    """How many recordTarget elements."""
    pdf: bytes | None
    """The enclosed PDF of a level 1 document, None for a structured body."""


def read_clinical(content: bytes) -> ClinicalDocument:
    """The facts of a CDA. Raises ClinicalUnreadable."""
    try:
        whole = parse(content)
    except XmlUnsafe as error:
        raise ClinicalUnreadable from error
    found = [whole] if whole.tag == _DOCUMENT else list(whole.iter(_DOCUMENT))
    if len(found) != 1:
        raise ClinicalUnreadable
    root = found[0]
    identifier, code, title = root.find("h:id", _NS), root.find("h:code", _NS), root.find("h:title", _NS)
    if identifier is None or code is None:
        raise ClinicalUnreadable
    body = root.find("h:component/h:nonXMLBody/h:text", _NS)
    is_pdf = body is not None and body.get("mediaType") == "application/pdf" and body.get("representation") == "B64"
    ids = root.findall("h:recordTarget/h:patientRole/h:id", _NS)
    return ClinicalDocument(
        unique_id="^".join(part for part in (identifier.get("root"), identifier.get("extension")) if part),
        mime_type="text/xml" if root is whole else "application/xslt+xml",
        code=code.get("code", ""),
        display_name=code.get("displayName", ""),
        title="" if title is None else title.text or "",
        patients=tuple((i.get("extension", ""), i.get("root", "")) for i in ids),
        targets=len(root.findall("h:recordTarget", _NS)),
        pdf=_decoded(body.text or "") if body is not None and is_pdf else None,
    )


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=False)
    except binascii.Error as error:
        raise ClinicalUnreadable from error
