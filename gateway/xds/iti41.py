"""ITI-41, ProvideAndRegisterDocumentSet-b: the metadata and a pointer to each binary part (dmp.md 3 and 5).

Never touches the documents: they travel as MTOM parts. The metadata bytes are placed in the request as they were frozen.
"""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from gateway.xds.ebrim import write_submission
from gateway.xds.model import Association, AssociationType, DocumentEntry, SubmissionSet

ACTION = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"
XDSB = "urn:ihe:iti:xds-b:2007"
XOP = "http://www.w3.org/2004/08/xop/include"
_METADATA = b"<?relais metadata?>"


def write_lot(submission: SubmissionSet, document: DocumentEntry, signature: DocumentEntry, *, replaces_entry: str | None = None) -> bytes:
    """The frozen metadata of a feed: set, document, signature, their links, and the RPLC to `replaces_entry` (an entryUUID) if any."""
    associations = [
        Association(type=AssociationType.HAS_MEMBER, source=submission.id, target=document.id),
        Association(type=AssociationType.HAS_MEMBER, source=submission.id, target=signature.id),
        Association(type=AssociationType.SIGNS, source=signature.id, target=submission.id),
    ]
    if replaces_entry is not None:
        associations.append(Association(type=AssociationType.REPLACES, source=document.id, target=replaces_entry))
    return write_submission(submission, [document, signature], associations)


def write_request(metadata: bytes, parts: Sequence[tuple[str, str]]) -> bytes:
    """The body of the message; `parts` pairs each entry id with the Content-ID of its part."""
    request = etree.Element(f"{{{XDSB}}}ProvideAndRegisterDocumentSetRequest", nsmap={"xdsb": XDSB})
    request.append(etree.ProcessingInstruction("relais", "metadata"))
    for entry_id, content_id in parts:
        document = etree.SubElement(request, f"{{{XDSB}}}Document", id=entry_id)
        etree.SubElement(document, f"{{{XOP}}}Include", href=f"cid:{content_id}", nsmap={"xop": XOP})
    head, _, tail = etree.tostring(request, encoding="UTF-8").partition(_METADATA)
    return b"".join((head, metadata, tail))
