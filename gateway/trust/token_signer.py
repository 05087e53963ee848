"""A Signer whose key is in a PKCS#11 token: the second custody behind the same port. Every signature is verified before it is given.

Keeps the periods of the certificate as the software signer does. A refused PIN is told to `refused`, which erases it for good.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from typing_extensions import override

from gateway.kernel.clock import Clock
from gateway.trust.algorithms import hash_algorithm
from gateway.trust.certificate import rsa_public_key, to_der
from gateway.trust.errors import OwnSignatureInvalid
from gateway.trust.fitness import check_period
from gateway.trust.roles import Role
from gateway.trust.signer import DigestName
from gateway.trust.token import Pin, TokenPlace, module_of
from gateway.trust.token_errors import TokenPinRefused


class TokenSigner:
    """Implements `signer.Signer` for the SIGN role of one structure."""

    __slots__ = ("_certificate", "_clock", "_pin", "_place", "_public", "_refused", "_structure", "certificate", "chain")

    def __init__(
        self,
        place: TokenPlace,
        pin: Pin | None,
        certificate: x509.Certificate,
        chain: tuple[bytes, ...],
        *,
        clock: Clock,
        structure: str,
        refused: Callable[[], None],
    ) -> None:
        self._place = place
        self._pin = pin
        self._clock = clock
        self._structure = structure
        self._refused = refused
        self._certificate = certificate
        self._public = rsa_public_key(certificate)
        self.certificate = to_der(certificate)
        self.chain = chain

    @override
    def __repr__(self) -> str:
        return f"TokenSigner({self._structure})"

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer is never serialised")

    async def sign(self, data: bytes, digest: DigestName) -> bytes:
        """RSASSA-PKCS1-v1_5 signature of `data`; raises CertificateExpired, CertificateNotYetValid, OwnSignatureInvalid or one of the
        kin of KeyUnavailable in `token_errors`.
        """
        check_period(self._certificate, self._structure, Role.SIGN, self._clock.now())
        try:
            signature = await module_of(self._place.library).sign(self._place, self._pin, data, digest, structure=self._structure)
        except TokenPinRefused:
            if self._pin is not None:
                self._pin = None
                self._refused()
            raise
        try:
            self._public.verify(signature, data, PKCS1v15(), hash_algorithm(digest))
        except InvalidSignature:
            raise OwnSignatureInvalid("token") from None
        return signature
