"""Our own lot signature, checked before it is frozen: what does not verify here is never sent.

Reads the signature as a stranger would: references, manifest, digests of the documents, certificate, RSA. The chain is not judged: the key
store did, at import. Source: design section 4, step 7; dossiers dmp.md section 4, cda_signing.md 4.1.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from lxml import etree

from gateway.kernel.errors import RelaisError
from gateway.trust.algorithms import DIGESTS, DS, SIGNATURES, digest_of, hash_algorithm
from gateway.trust.certificate import load_certificate, rsa_public_key
from gateway.trust.dsig import canonical
from gateway.trust.errors import OwnSignatureInvalid
from gateway.trust.lot import MANIFEST_ID, PLACEHOLDER, PROPERTIES_ID, PURPOSE_ID, SOURCE, LotDocument
from gateway.trust.properties_reading import read_properties
from gateway.trust.references import Scene, intact, resolve
from gateway.trust.signature_parts import SignatureParts, read_reference, read_signature
from gateway.xml import c14n
from gateway.xml.parse import parse


def verify_lot(signature: bytes, documents: Sequence[LotDocument], submission_set_id: str, *, certificate: bytes | None = None) -> None:
    """Raises OwnSignatureInvalid unless the signature covers exactly these documents and this submission set, in this order.

    With `certificate` (DER), it must be the one that signed.
    """
    try:
        root = parse(signature)
        parts = read_signature(root)
        _check_value(parts, certificate)
        _check_references(Scene(signature, root, parts))
        _check_properties(parts)
        _check_manifest(root, documents, submission_set_id)
    except OwnSignatureInvalid:
        raise
    except (RelaisError, InvalidSignature) as problem:
        raise OwnSignatureInvalid(f"{type(problem).__name__}: {problem}") from None


def _check_value(parts: SignatureParts, certificate: bytes | None) -> None:
    _demand(len(parts.certificates) == 1 and certificate in (None, parts.certificates[0]), "certificate")
    _demand(parts.form.algorithm == c14n.INCLUSIVE_WITH_COMMENTS and parts.algorithm in SIGNATURES, "algorithms")
    key = rsa_public_key(load_certificate(parts.certificates[0]))
    key.verify(parts.value, canonical(parts.info, parts.form.algorithm), PKCS1v15(), hash_algorithm(SIGNATURES[parts.algorithm]))


def _check_references(scene: Scene) -> None:
    references = scene.signature.references
    _demand([one.uri for one in references] == [f"#{MANIFEST_ID}", f"#{PROPERTIES_ID}"], "references")
    for reference, place in zip(references, ("manifest", "properties"), strict=True):
        target = resolve(reference, scene)
        _demand(target.place == place and intact(reference, target.octets), f"digest of {place}")


def _check_properties(parts: SignatureParts) -> None:
    properties = read_properties(parts)
    _demand(properties is not None and properties.signing_time is not None and properties.element.get("Id") == PROPERTIES_ID, "properties")
    mark = properties.certificates[0] if properties is not None and properties.certificates else None
    _demand(mark is not None and digest_of(parts.certificates[0], mark.digest) == mark.value, "SigningCertificate")
    purposes = [one for held in parts.objects for one in held.iter("SignatureProperty")]
    aimed = [(one.get("Id"), one.get("Target"), one.text) for one in purposes]
    _demand(aimed == [(PURPOSE_ID, f"#{parts.identifier}", SOURCE)], "purpose")


def _check_manifest(root: etree._Element, documents: Sequence[LotDocument], submission_set_id: str) -> None:
    manifests = root.findall(f"{{{DS}}}Object/{{{DS}}}Manifest")
    _demand(len(manifests) == 1 and manifests[0].get("Id") == MANIFEST_ID, "manifest")
    _demand(len(manifests[0]) > 0 and all(child.tag == f"{{{DS}}}Reference" for child in manifests[0]), "manifest")
    first, *others = [read_reference(child) for child in manifests[0]]
    _demand(first.uri == f"urn:oid:{submission_set_id}" and first.value == PLACEHOLDER and not first.transforms, "submission set")
    _demand([one.uri for one in others] == [f"urn:oid:{document.unique_id}" for document in documents], "documents")
    for reference, document in zip(others, documents, strict=True):
        forms = [one.algorithm for one in reference.transforms]
        _demand(forms == ([c14n.INCLUSIVE_WITH_COMMENTS] if document.is_xml else []), "form of a document")
        _demand(reference.digest_algorithm in DIGESTS and intact(reference, document.digested), "digest of a document")


def _demand(right: bool, what: str) -> None:  # noqa: FBT001 - reads as the sentence it is
    if not right:
        raise OwnSignatureInvalid(what)
