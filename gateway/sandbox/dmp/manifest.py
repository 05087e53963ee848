"""Judges the manifest of a lot's signature: the set's placeholder, then every document's digest, computed again on the part received.

It never follows a `urn:oid:` anywhere but into the lot itself (dmp.md section 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from gateway.sandbox.dmp.safe_xml import children, text_of
from gateway.sandbox.dmp.signature import C14N_COMMENTS, Reference, canonical_document, ds, matches, read_reference

PLACEHOLDER = "AA=="
"""Base64 of one zero byte, in place of a digest of the SubmissionSet."""

Fault = tuple[str, str]
"""End of a rule id and its French text."""


@dataclass(frozen=True, slots=True)
class SignedDocument:
    """A document of the lot: its uniqueId, its bytes, and its root when it is XML."""

    unique_id: str
    body: bytes
    root: etree._Element | None


@dataclass(frozen=True, slots=True)
class LotContent:
    """What a signature must cover, and the structure that must have signed."""

    set_unique_id: str
    documents: tuple[SignedDocument, ...]
    structure: str


def manifest_faults(manifest: etree._Element, content: LotContent, accepted: frozenset[str]) -> Iterator[Fault]:
    """Faults of a ds:Manifest against the lot received; `accepted`: names of hashes."""
    elements = [one for one in children(manifest) if one.tag == ds("Reference")]
    references = [read_reference(one) for one in elements]
    if not references or references[0].uri != f"urn:oid:{content.set_unique_id}":
        yield "manifest-set", "Le manifeste ne nomme pas d'abord le lot de soumission"
        return
    if text_of(elements[0].find(ds("DigestValue"))) != PLACEHOLDER:
        yield "manifest-placeholder", "L'empreinte du lot dans le manifeste doit être AA=="
    named = {reference.uri: reference for reference in references[1:]}
    wanted = {f"urn:oid:{document.unique_id}": document for document in content.documents}
    if set(named) != set(wanted) or len(references) != len(wanted) + 1:
        yield "manifest-documents", "Le manifeste ne nomme pas exactement les documents du lot"
        return
    for uri, document in wanted.items():
        yield from _document_faults(named[uri], document, accepted)


def _document_faults(reference: Reference, document: SignedDocument, accepted: frozenset[str]) -> Iterator[Fault]:
    if reference.transforms != (() if document.root is None else (C14N_COMMENTS,)):
        yield "manifest-transform", "La transformation d'un document dans le manifeste n'est pas celle attendue"
        return
    data = document.body if document.root is None else canonical_document(document.root)
    if not matches(reference, data, accepted):
        yield "manifest-digest", "L'empreinte d'un document dans le manifeste est fausse"
