"""The algorithms of XML signatures by their URI: those that Relais writes or reads, and no other.

Sources: dossier cda_signing.md 4.1, 4.2; dmp.md section 4; W3C xmldsig-core, RFC 6931 for the names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from cryptography.hazmat.primitives import hashes

from gateway.trust.signer import DigestName

DS = "http://www.w3.org/2000/09/xmldsig#"
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_ENC = "http://www.w3.org/2001/04/xmlenc#"

ENVELOPED = f"{DS}enveloped-signature"
BASE64 = f"{DS}base64"
XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"

DIGESTS: dict[str, DigestName] = {f"{DS}sha1": "sha1", f"{_ENC}sha256": "sha256", f"{_MORE}sha384": "sha384", f"{_ENC}sha512": "sha512"}
DIGEST_URIS: dict[DigestName, str] = {name: uri for uri, name in DIGESTS.items()}

SIGNATURES: dict[str, DigestName] = {
    f"{DS}rsa-sha1": "sha1",
    f"{_MORE}rsa-sha256": "sha256",
    f"{_MORE}rsa-sha384": "sha384",
    f"{_MORE}rsa-sha512": "sha512",
}
SIGNATURE_URIS: dict[DigestName, str] = {name: uri for uri, name in SIGNATURES.items()}


class Canonicalisation(NamedTuple):
    """One of the four canonical forms that are accepted."""

    exclusive: bool
    with_comments: bool


CANONICAL_FORMS: dict[str, Canonicalisation] = {
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315": Canonicalisation(exclusive=False, with_comments=False),
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments": Canonicalisation(exclusive=False, with_comments=True),
    "http://www.w3.org/2001/10/xml-exc-c14n#": Canonicalisation(exclusive=True, with_comments=False),
    "http://www.w3.org/2001/10/xml-exc-c14n#WithComments": Canonicalisation(exclusive=True, with_comments=True),
}


def digest_of(data: bytes | memoryview, name: DigestName) -> bytes:
    """The raw digest of these bytes."""
    return hashlib.new(name, data, usedforsecurity=False).digest()


def digest_of_pieces(pieces: Iterable[bytes], name: DigestName) -> bytes:
    """The raw digest of these bytes, one after the other."""
    whole = hashlib.new(name, usedforsecurity=False)
    for piece in pieces:
        whole.update(piece)
    return whole.digest()


def hash_algorithm(name: DigestName) -> hashes.HashAlgorithm:
    """The same digest as the RSA functions want it. SHA-1 is there for the old DMP profile only (cda_signing.md 0.3)."""
    if name == "sha1":
        return hashes.SHA1()  # noqa: S303 - named by the DMP's old lot profile
    return {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}[name]
