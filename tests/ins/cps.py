"""Cards of the test authority: certificates shaped like that of a CPS, with the private extensions of the IGC-Santé.

Shape: measured on a published test card (insi.md 2.2).
"""

from __future__ import annotations

from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from typing_extensions import override

from gateway.kernel.errors import Held
from gateway.trust.signer import DigestName
from gateway.trust.software_signer import SoftwareSigner
from tests.trust.judges import signer
from tests.trust.pki import NOW, Leaf, new_key, shared_pki

NATIONAL_ID = "899900000017"
CARD_TYPE = "1.2.250.1.71.1.2.2"
FUTURE_PROFESSION = "1.2.250.1.71.1.2.5"
PROFESSION = "1.2.250.1.71.1.2.7"


def integer(value: int) -> bytes:
    """DER INTEGER of one byte."""
    return bytes((2, 1, value))


def card(extensions: dict[str, bytes] | None = None, *, nominative: bool = True, names: tuple[str, ...] = (NATIONAL_ID,)) -> Leaf:
    """The signature certificate of a card: a nurse's CPS unless said otherwise."""
    pki, key = shared_pki(), new_key()
    private = {CARD_TYPE: integer(0), PROFESSION: integer(60)} if extensions is None else extensions
    holder = [x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names]
    if nominative:
        holder = [x509.NameAttribute(NameOID.GIVEN_NAME, "CAMILLE"), *holder, x509.NameAttribute(NameOID.SURNAME, "ESSAI CARTE")]
    rdns = [
        x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COUNTRY_NAME, "FR")]),
        x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.TITLE, "Infirmier")]),
    ]
    rdns += [x509.RelativeDistinguishedName(holder)] if holder else []
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(rdns))
        .issuer_name(pki.issuing.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1000))
    )
    for oid, value in private.items():
        builder = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical=False)
    return Leaf(builder.sign(pki.issuing_key, SHA256()), key, (pki.issuing, pki.root))


class PinNeeded(Held):
    """What a card says before its code was typed."""

    code = "pin-needed"


class CardSigner:
    """A card in a reader: signs after its PIN, and forgets the PIN when it is pulled."""

    def __init__(self, leaf: Leaf) -> None:
        self._software: SoftwareSigner = signer(leaf)
        self.certificate = leaf.der
        self.chain = leaf.chain_der
        self.unlocked = False
        self.signed = 0

    @override
    def __repr__(self) -> str:
        return "CardSigner()"

    async def sign(self, data: bytes, digest: DigestName) -> bytes:
        """Raises PinNeeded while locked."""
        if not self.unlocked:
            raise PinNeeded
        self.signed += 1
        return await self._software.sign(data, digest)
