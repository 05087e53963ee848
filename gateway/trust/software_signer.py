"""A Signer whose key is in memory: the software certificate of a structure, loaded once.

It refuses to sign outside of the certificate's validity and of the private key usage period; its key shows neither in repr nor in a
pickle. RSA runs on the event loop: a signature of 2048 bits takes a fraction of a millisecond here, a few on the box, about what handing
it to a thread would cost. Sources: cda_signing.md 4.4, stack.md section 4 (load once).
"""

from __future__ import annotations

from typing import NoReturn

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from typing_extensions import override

from gateway.kernel.clock import Clock
from gateway.trust.algorithms import hash_algorithm
from gateway.trust.certificate import signing_end, to_der
from gateway.trust.errors import CertificateExpired, CertificateNotYetValid
from gateway.trust.signer import DigestName


class SoftwareSigner:
    """Implements `signer.Signer` for one structure and role."""

    __slots__ = ("_begin", "_clock", "_end", "_key", "_role", "_structure", "certificate", "chain")

    def __init__(
        self,
        key: rsa.RSAPrivateKey,
        certificate: x509.Certificate,
        chain: tuple[bytes, ...],
        *,
        clock: Clock,
        structure: str,
        role: str = "sign",
    ) -> None:
        self._key = key
        self._clock = clock
        self._begin = certificate.not_valid_before_utc
        self._end = signing_end(certificate)
        self._structure = structure
        self._role = role
        self.certificate = to_der(certificate)
        self.chain = chain

    @override
    def __repr__(self) -> str:
        return f"SoftwareSigner({self._structure}, {self._role})"

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer is never serialised")

    async def sign(self, data: bytes, digest: DigestName) -> bytes:
        """RSASSA-PKCS1-v1_5 signature of `data`; raises CertificateExpired or CertificateNotYetValid (both KeyUnavailable)."""
        now = self._clock.now()
        if now > self._end:
            raise CertificateExpired(role=self._role, structure=self._structure, date=f"{self._end:%d/%m/%Y}")
        if now < self._begin:
            raise CertificateNotYetValid(role=self._role, structure=self._structure, date=f"{self._begin:%d/%m/%Y}")
        return self._key.sign(data, PKCS1v15(), hash_algorithm(digest))
