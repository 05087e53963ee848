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

from gateway.trust.certificate import load_certificate, rsa_public_key, to_der
from gateway.trust.errors import CertificateMalformed, KeyMismatch, PassphraseWrong, Pkcs12Unreadable

_LARGEST = 1_000_000
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
    """Open a .p12; raises Pkcs12Unreadable, PassphraseWrong, KeyMismatch or CertificateMalformed. The passphrase is in no error."""
    if len(data) > _LARGEST or not data.startswith(_SEQUENCE):
        raise Pkcs12Unreadable("not DER")
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(data, passphrase.encode())
    except ValueError as problem:
        if "password" in str(problem).lower():
            raise PassphraseWrong from None
        raise Pkcs12Unreadable("damaged") from None
    except (TypeError, UnsupportedAlgorithm) as problem:
        raise Pkcs12Unreadable(type(problem).__name__) from None
    if key is None:
        raise Pkcs12Unreadable("no key")
    if not isinstance(key, rsa.RSAPrivateKey):
        raise CertificateMalformed("key", reason="sa clé n'est pas une clé RSA de 2048 bits au moins")
    if certificate is None:
        raise KeyMismatch("no certificate of that key") if others else Pkcs12Unreadable("no certificate")
    leaf = load_certificate(to_der(certificate))
    if rsa_public_key(leaf).public_numbers() != key.public_key().public_numbers():
        raise KeyMismatch("public numbers")
    return OpenedFile(key, leaf, tuple(load_certificate(to_der(other)) for other in others))
