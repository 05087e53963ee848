"""XML-DSig primitives of the simulated DMP: canonical form, digests, RSA verification.

It never builds a signature and never follows a reference by itself. Subtrees are re-read standalone before inclusive C14N:
lxml loses the namespace context otherwise (cda_signing.md section 5; measured on the official lot signature).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from gateway.sandbox.dmp.certificates import CertificateUnreadable, Leaf, read_leaf
from gateway.sandbox.dmp.safe_xml import children, text_of

DS = "http://www.w3.org/2000/09/xmldsig#"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
C14N_COMMENTS = f"{C14N}#WithComments"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = f"{DS}enveloped-signature"

_HASHES = {f"{DS}sha1": "sha1", "http://www.w3.org/2001/04/xmlenc#sha256": "sha256"}
_SIGNATURES = {f"{DS}rsa-sha1": "sha1", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256": "sha256"}
_RSA_HASHES: dict[str, hashes.HashAlgorithm] = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}  # noqa: S303 - profile of 2019
_CANONICALISATIONS = {C14N: (False, False), C14N_COMMENTS: (False, True), EXCLUSIVE: (True, False)}
_MIN_KEY_BITS = 2048
_DEFAULT = "#default"
_EMPTY = b'<a empty=""/>'
"""lxml passes on only the prefixes that libxml2's dictionary of the thread holds: reading an empty attribute puts the empty one there."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A ds:Reference read, not yet believed."""

    uri: str
    kind: str
    transforms: tuple[str, ...]
    prefixes: tuple[str, ...]
    """InclusiveNamespaces of the exclusive canonicalisation."""
    digest_method: str
    digest: bytes | None


def ds(name: str) -> str:
    """Clark name in the XML-DSig namespace."""
    return f"{{{DS}}}{name}"


def read_reference(element: etree._Element) -> Reference:
    """The parts of one ds:Reference; missing ones are empty."""
    transforms = element.findall(f"{ds('Transforms')}/{ds('Transform')}")
    inclusive = element.find(f".//{{{EXCLUSIVE}}}InclusiveNamespaces")
    method = element.find(ds("DigestMethod"))
    return Reference(
        uri=element.get("URI", ""),
        kind=element.get("Type", ""),
        transforms=tuple(transform.get("Algorithm", "") for transform in transforms),
        prefixes=() if inclusive is None else tuple(inclusive.get("PrefixList", "").split()),
        digest_method="" if method is None else method.get("Algorithm", ""),
        digest=decode_base64(text_of(element.find(ds("DigestValue")))),
    )


def hash_name(uri: str) -> str | None:
    """`sha1` or `sha256` for a digest algorithm URI, None for any other."""
    return _HASHES.get(uri)


def digest(method: str, data: bytes) -> bytes:
    """Digest of bytes by algorithm URI (one that `hash_name` knows)."""
    return hashlib.new(_HASHES[method], data, usedforsecurity=False).digest()


def matches(reference: Reference, data: bytes | None, accepted: frozenset[str]) -> bool:
    """True when the reference holds the digest of these bytes by an accepted hash; never for what has no canonical form."""
    known = hash_name(reference.digest_method) in accepted
    return known and data is not None and reference.digest == digest(reference.digest_method, data)


def decode_base64(text: str) -> bytes | None:
    """Bytes of a base64 text, blanks allowed; None when it is not base64."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def standalone(element: etree._Element) -> etree._Element:
    """A copy of an element as a root of its own, with every namespace in scope declared on it."""
    return etree.fromstring(etree.tostring(element, with_tail=False), etree.XMLParser(resolve_entities=False, huge_tree=True))


def canonical(element: etree._Element, *, exclusive: bool, comments: bool, prefixes: Sequence[str] = ()) -> bytes | None:
    """Canonical form (C14N 1.0 or exclusive) of an element in its namespace context; None when it has none (relative namespace)."""
    names = ["" if one == _DEFAULT else one for one in prefixes] if exclusive and prefixes else None
    if names is not None and "" in names:
        etree.fromstring(_EMPTY, etree.XMLParser(compact=False, resolve_entities=False))
    copy = standalone(element)
    try:
        return etree.tostring(copy, method="c14n", exclusive=exclusive, with_comments=comments, inclusive_ns_prefixes=names)
    except etree.C14NError:
        return None


def canonical_document(root: etree._Element) -> bytes | None:
    """Inclusive canonical form with comments of a whole document, what stands before and after its root included; None without one."""
    try:
        return etree.tostring(root.getroottree(), method="c14n", exclusive=False, with_comments=True)
    except etree.C14NError:
        return None


def without_signature(element: etree._Element) -> etree._Element:
    """The enveloped-signature transform: a standalone copy less its direct ds:Signature children, texts kept."""
    copy = standalone(element)
    for signature in copy.findall(ds("Signature")):
        tail = signature.tail or ""
        previous = signature.getprevious()
        if previous is None:
            copy.text = (copy.text or "") + tail
        else:
            previous.tail = (previous.tail or "") + tail
        copy.remove(signature)
    return copy


def certificates_of(signature: etree._Element) -> tuple[Leaf, ...]:
    """Certificates of KeyInfo/X509Data, the signer's first; none at all when one of them is unreadable."""
    elements = signature.findall(f"{ds('KeyInfo')}/{ds('X509Data')}/{ds('X509Certificate')}")
    try:
        return tuple(read_leaf(decode_base64(text_of(element)) or b"") for element in elements)
    except CertificateUnreadable:
        return ()


def signed_info_fault(signature: etree._Element, signer: Leaf, accepted: Iterable[str]) -> str | None:
    """`algorithm` or `value` when SignedInfo is not signed by that certificate with an accepted hash, else None."""
    signed_info = signature.find(ds("SignedInfo"))
    if signed_info is None:
        return "value"
    methods = {child.tag: child for child in children(signed_info)[:2]}
    form, method = methods.get(ds("CanonicalizationMethod")), methods.get(ds("SignatureMethod"))
    way = None if form is None else _CANONICALISATIONS.get(form.get("Algorithm", ""))
    name = None if method is None else _SIGNATURES.get(method.get("Algorithm", ""))
    if form is None or way is None or name not in set(accepted):
        return "algorithm"
    inclusive = form.find(f"{{{EXCLUSIVE}}}InclusiveNamespaces")
    prefixes = () if inclusive is None else tuple(inclusive.get("PrefixList", "").split())
    data = canonical(signed_info, exclusive=way[0], comments=way[1], prefixes=prefixes)
    value = decode_base64(text_of(signature.find(ds("SignatureValue"))))
    return None if value is not None and data is not None and _verifies(signer, value, data, _RSA_HASHES[name]) else "value"


def _verifies(signer: Leaf, value: bytes, data: bytes, algorithm: hashes.HashAlgorithm) -> bool:
    key = signer.certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < _MIN_KEY_BITS:
        return False
    try:
        key.verify(value, data, padding.PKCS1v15(), algorithm)
    except InvalidSignature:
        return False
    return True
