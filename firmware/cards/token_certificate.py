"""What a card's certificate says of its key, and whether a signature is that key's. Used in the helper process only.

The use is decided by KeyUsage, never by order, label or identifier; extensions that nobody knows and names of several values per level
are no obstacle. Source: cards.md 1.5.
"""

from __future__ import annotations

from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils

from firmware.protocol import KeyUse

HashName = Literal["sha1", "sha256"]

_HASHES: dict[HashName, hashes.HashAlgorithm] = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}  # noqa: S303 - esignsante's elder callers
_PREFIXES: dict[HashName, bytes] = {
    "sha1": bytes.fromhex("3021300906052b0e03021a05000414"),
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
}


def use_of(der: bytes) -> KeyUse | None:
    """SIGN with nonRepudiation, AUTH with digitalSignature without it; None for the certificate of an authority, or one nobody can read."""
    try:
        extensions = x509.load_der_x509_certificate(der).extensions
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except (ValueError, TypeError, x509.ExtensionNotFound, x509.DuplicateExtension, UnsupportedAlgorithm):
        return None
    if usage.key_cert_sign:
        return None
    if usage.content_commitment:
        return KeyUse.SIGN
    return KeyUse.AUTH if usage.digital_signature else None


def not_after(der: bytes) -> float:
    """End of validity, seconds since the epoch; of two certificates of one use the later serves."""
    return x509.load_der_x509_certificate(der).not_valid_after_utc.timestamp()


def digest_info(name: HashName, digest: bytes) -> bytes:
    """The DigestInfo that PKCS#1 v1.5 signs. Source: RFC 8017, section 9.2."""
    return _PREFIXES[name] + digest


def digest_size(name: HashName) -> int:
    """Bytes of such a digest."""
    return _HASHES[name].digest_size


def digest_of(name: HashName, data: bytes) -> bytes:
    """Digest of the data."""
    hashing = hashes.Hash(_HASHES[name])
    hashing.update(data)
    return hashing.finalize()


def is_signature_of(der: bytes, signature: bytes, name: HashName, digest: bytes) -> bool:
    """Whether it is the RSASSA-PKCS1-v1_5 signature, by the key of this certificate, of what has this digest."""
    key = x509.load_der_x509_certificate(der).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    try:
        key.verify(signature, digest, padding.PKCS1v15(), utils.Prehashed(_HASHES[name]))
    except InvalidSignature:
        return False
    return True
