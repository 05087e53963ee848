"""A software certificate as the ANS delivers it: a PKCS#12 file and its passphrase, opened and checked against itself.

Whether it suits a role, a structure or an authority is judged elsewhere. Nothing of the file is kept here.
"""

from __future__ import annotations

from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from typing_extensions import override

from gateway.trust.certificate import LEAST_RSA_BITS, load_certificate, to_der
from gateway.trust.errors import KeyMismatch, PassphraseWrong, Pkcs12Unreadable
from gateway.trust.refusals import (
    CertificateKeyKind,
    CertificateKeyTooLong,
    CertificateWeakKey,
    PassphraseMissing,
    Pkcs12Damaged,
    Pkcs12Empty,
    Pkcs12TooLarge,
    Pkcs12WithoutCertificate,
    Pkcs12WithoutKey,
)

_LARGEST = 1_000_000
_MOST_RSA_BITS = 4096
_SEQUENCE = b"\x30"


class OpenedFile(NamedTuple):
    """The key, its certificate and the other certificates of the file."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate
    others: tuple[x509.Certificate, ...]

    @override
    def __repr__(self) -> str:
        return "OpenedFile(…)"


def open_pkcs12(data: bytes, passphrase: str) -> OpenedFile:
    """Open a .p12; raises Pkcs12Unreadable, PassphraseWrong, KeyMismatch, CertificateMalformed or one of their kin of `refusals`.

    The passphrase is in no error.
    """
    if not data:
        raise Pkcs12Empty
    if len(data) > _LARGEST:
        raise Pkcs12TooLarge
    if not data.startswith(_SEQUENCE):
        raise Pkcs12Unreadable("not DER")
    if "\0" in passphrase:
        # The library panics on it.
        raise PassphraseWrong
    key, certificate, others = _contents(data, passphrase)
    if key is None:
        raise Pkcs12WithoutKey
    if not isinstance(key, rsa.RSAPrivateKey):
        raise CertificateKeyKind(type(key).__name__, reason="sa clé n'est pas une clé RSA")
    if certificate is None:
        raise KeyMismatch("no certificate of that key") if others else Pkcs12WithoutCertificate
    leaf = load_certificate(to_der(certificate))
    if _numbers(leaf) != key.public_key().public_numbers():
        raise KeyMismatch("public numbers")
    if key.key_size < LEAST_RSA_BITS:
        raise CertificateWeakKey(bits=key.key_size, reason="sa clé est trop courte")
    if key.key_size > _MOST_RSA_BITS:
        raise CertificateKeyTooLong(bits=key.key_size, reason="sa clé est trop longue")
    return OpenedFile(key, leaf, tuple(load_certificate(to_der(other)) for other in others))


def _contents(data: bytes, passphrase: str) -> tuple[object, x509.Certificate | None, list[x509.Certificate]]:
    try:
        return pkcs12.load_key_and_certificates(data, passphrase.encode())
    except ValueError as problem:
        if "password" not in str(problem).lower():
            raise Pkcs12Damaged("damaged") from None
        raise (PassphraseWrong if passphrase else PassphraseMissing) from None
    except (TypeError, UnsupportedAlgorithm) as problem:
        raise Pkcs12Damaged(type(problem).__name__) from None


def _numbers(leaf: x509.Certificate) -> object:
    try:
        key = leaf.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key.public_numbers() if isinstance(key, rsa.RSAPublicKey) else None
