"""The signer seam: one raw RSA signature, whoever holds the key (software key, PKCS#11 token, card)."""

from __future__ import annotations

from typing import Literal, Protocol

DigestName = Literal["sha1", "sha256", "sha384", "sha512"]


class Signer(Protocol):
    """A key that signs and the certificate that says whose it is."""

    @property
    def certificate(self) -> bytes:
        """DER of the signing certificate."""
        ...

    @property
    def chain(self) -> tuple[bytes, ...]:
        """DER of the issuing certificates, leaf's issuer first, root last when known."""
        ...

    async def sign(self, data: bytes, digest: DigestName) -> bytes:
        """RSASSA-PKCS1-v1_5 signature of `data`; raises KeyUnavailable (trust.keystore) when the key cannot serve now."""
        ...
