"""The signature of a DMP submission set: a detached XAdES over a manifest of the documents' digests (IHE-DSG style).

Exactly the shape of dmp.md section 4 and cda_signing.md 4.1: inclusive canonical form with comments, a placeholder for the submission set,
one manifest reference per document, implied policy, purpose `source`. The purpose stands outside of any namespace, as in the official
sample: in the ds namespace the schema wants elements, not text, inside it. Digest and XAdES namespace are settings [K]: what the DMP
accepts today beyond the old SHA-1 profile could not be established. Never signs inside a document.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec
from lxml import etree

from gateway.trust.algorithms import DS, digest_of
from gateway.trust.dsig import complete, ds, key_info, reference, reference_to, signed_info, transform
from gateway.trust.properties import PROPERTIES_TYPES, XadesVersion, lot_properties
from gateway.trust.signer import Signer
from gateway.xml import c14n
from gateway.xml.build import element
from gateway.xml.parse import parse_large

MANIFEST_ID = "IHEManifest"
PROPERTIES_ID = "S0-SignedProperties"
PURPOSE_ID = "purposeOfSignature"
SOURCE = "1.2.840.10065.1.12.1.14"
"""ASTM purpose of signature "Source": the document comes from this structure."""
PLACEHOLDER = b"\x00"
"""Digest of the submission set itself: one zero byte, `AA==` (dmp.md section 4)."""


class LotDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document of the lot: its uniqueId (OID), its frozen bytes, and whether they are XML."""

    unique_id: str
    data: bytes
    is_xml: bool = True
    canonical: bool = False
    """True when `data` is what `canonical_document` has given."""

    @property
    def digested(self) -> bytes:
        """The octets that the manifest digests; raises XmlMalformed."""
        return canonical_document(self.data) if self.is_xml and not self.canonical else self.data


async def sign_lot(
    *,
    submission_set_id: str,
    documents: Sequence[LotDocument],
    signer: Signer,
    now: datetime,
    digest: Literal["sha256", "sha1"] = "sha256",
    xades: XadesVersion = "1.1.1",
) -> bytes:
    """The signature document (UTF-8 XML) of a lot, references in the order given.

    XML documents are digested in inclusive canonical form with comments; the builder freezes them in that form already, and any other
    is canonicalised here. Raises KeyUnavailable, XmlMalformed.
    """
    certificates = (signer.certificate, *signer.chain)
    signature_id = f"S{uuid.uuid4()}"
    manifest = ds(
        "Manifest",
        reference(f"urn:oid:{submission_set_id}", digest, PLACEHOLDER),
        [_document_reference(document, digest) for document in documents],
        Id=MANIFEST_ID,
    )
    purpose = element("SignatureProperty", SOURCE, attributes={"Id": PURPOSE_ID, "Target": f"#{signature_id}"})
    qualifying = lot_properties(signature_id, PROPERTIES_ID, version=xades, now=now, certificates=certificates, digest=digest)
    signature = ds(
        "Signature",
        key_info([signer.certificate]),
        ds("Object", manifest),
        ds("Object", element("SignatureProperties", purpose)),
        ds("Object", qualifying),
        Id=signature_id,
    )
    # No Transforms on these two references, as in the official sample: the default form, inclusive without comments.
    references = [
        reference_to(manifest, f"#{MANIFEST_ID}", digest, named=False, kind=f"{DS}Manifest"),
        reference_to(qualifying[0], f"#{PROPERTIES_ID}", digest, named=False, kind=PROPERTIES_TYPES[xades]),
    ]
    await complete(signature, signed_info(references, digest, algorithm=c14n.INCLUSIVE_WITH_COMMENTS), signer, digest)
    return etree.tostring(signature, encoding="UTF-8", xml_declaration=True)


def canonical_document(data: bytes) -> bytes:
    """Inclusive canonical form with comments of a whole XML document, what surrounds its root included; raises XmlMalformed."""
    return c14n.inclusive(parse_large(data, max_bytes=len(data)).getroottree())


def _document_reference(document: LotDocument, digest: Literal["sha256", "sha1"]) -> etree._Element:
    transforms = [transform(c14n.INCLUSIVE_WITH_COMMENTS)] if document.is_xml else ()
    return reference(f"urn:oid:{document.unique_id}", digest, digest_of(document.digested, digest), transforms=transforms)
