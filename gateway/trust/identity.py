"""A private key with its certificate and issuers: who this box is, for TLS or for signing.

The key leaves by two doors only: a signature, and PEM encrypted under a passphrase for the TLS library. It shows neither in repr nor in a
pickle.
"""

from __future__ import annotations

from typing import NoReturn

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from typing_extensions import override

from gateway.trust.certificate import to_der

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class TlsIdentity:
    """What a TLS end shows: leaf, issuers without the root, and the key that proves it."""

    __slots__ = ("_key", "certificate", "issuers")

    def __init__(self, key: PrivateKey, certificate: x509.Certificate, issuers: tuple[x509.Certificate, ...] = ()) -> None:
        self._key = key
        self.certificate = certificate
        self.issuers = tuple(one for one in issuers if one.subject != one.issuer)

    @override
    def __repr__(self) -> str:
        return f"TlsIdentity({self.certificate.serial_number:x})"

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("a TLS identity is never serialised")

    @property
    def der(self) -> bytes:
        """DER of the leaf."""
        return to_der(self.certificate)

    def encrypted_pem(self, passphrase: bytes) -> bytes:
        """Key encrypted under `passphrase`, leaf and issuers in one PEM text, as OpenSSL loads them."""
        key = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase))
        return key + b"".join(one.public_bytes(Encoding.PEM) for one in (self.certificate, *self.issuers))
