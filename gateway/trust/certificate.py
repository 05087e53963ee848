"""An X.509 certificate as this box reads it: names, periods, usages, and what a person is shown of it.

Never holds a private key and never judges a chain (`chain` does). Source: dossier cda_signing.md 4.4 (measured on IGC-Santé test
certificates); the policy identifiers and production profiles are not known and are never compared.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, TypeVar

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from gateway.trust.errors import CertificateMalformed

LEAST_RSA_BITS = 2048
Environment = Literal["test", "production"]

_NAMES = {NameOID.GIVEN_NAME: "GN", NameOID.SURNAME: "SN", NameOID.TITLE: "T", NameOID.SERIAL_NUMBER: "SERIALNUMBER"}
UNREADABLE = (ValueError, TypeError, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, UnsupportedAlgorithm)
"""What the library raises for broken certificates and lists, some of it on first reading of a field."""
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


class CertificateSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What may be shown of a certificate of the box. Instants are aware, UTC."""

    structure_id: str
    role: str
    subject: str
    issuer: str
    serial: str
    """Hexadecimal, lower case."""
    not_before: datetime
    not_after: datetime
    usable_until: datetime
    """The earlier of the certificate's end and the private key usage period."""
    fingerprint: str
    """SHA-256 of the DER, hexadecimal."""
    environment: str
    slot: str = "current"
    """`current` (in use), `next` (waits) or `former` (kept to come back to)."""

    def days_left(self, now: datetime) -> int:
        """Whole days of use left; negative once over. People are warned at 60, 30 and 7."""
        return (self.usable_until - now).days


@lru_cache(maxsize=64)
def load_certificate(der: bytes) -> x509.Certificate:
    """The certificate of a DER, kept at hand; raises CertificateMalformed for anything else, broken extensions included."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        _ = certificate.extensions, certificate.subject, certificate.issuer
    except UNREADABLE as problem:
        raise CertificateMalformed(type(problem).__name__, reason="il est abîmé ou d'un format inconnu") from None
    return certificate


def load_certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Every certificate of a PEM text, in order; raises CertificateMalformed when there is none or one is broken."""
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except UNREADABLE as problem:
        raise CertificateMalformed(type(problem).__name__, reason="le fichier des autorités est abîmé ou vide") from None
    return tuple(load_certificate(to_der(certificate)) for certificate in certificates)


def to_der(certificate: x509.Certificate) -> bytes:
    """The DER of a certificate."""
    return certificate.public_bytes(Encoding.DER)


def distinguished_name(name: x509.Name) -> str:
    """A name in RFC 2253 order, most specific first, no space after commas, `ST` and `GN` as the DMP wants them (dmp.md 2, item 2).

    Attributes without a short name are written by their OID; how the DMP wants those of a CPS is not known [K].
    """
    return name.rfc4514_string(_NAMES)


@lru_cache(maxsize=64)
def subject_dn(der: bytes) -> str:
    """The subject of a certificate (DER) as `distinguished_name` writes it; raises CertificateMalformed."""
    return distinguished_name(load_certificate(der).subject)


def extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    """The value of an extension, or None."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def rsa_public_key(certificate: x509.Certificate) -> rsa.RSAPublicKey:
    """The public key; raises CertificateMalformed when it is not RSA of at least 2048 bits."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < LEAST_RSA_BITS:
        raise CertificateMalformed("key", reason="sa clé n'est pas une clé RSA de 2048 bits au moins")
    return key


def signing_end(certificate: x509.Certificate) -> datetime:
    """The last instant at which its key may sign: its own end, or that of the private key usage period when earlier (4.4)."""
    period = extension(certificate, x509.PrivateKeyUsagePeriod)
    end = period.not_after if period is not None else None
    own = certificate.not_valid_after_utc
    return own if end is None else min(own, end.replace(tzinfo=UTC) if end.tzinfo is None else end)


def structures_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The OU values of the subject: the Struct_IdNat of an ORG certificate."""
    return tuple(str(value.value) for value in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME))


def environment_of(certificate: x509.Certificate) -> Environment:
    """`test` when the name of its issuer bears the word TEST, as every IGC-Santé test authority does; `production` otherwise."""
    words = " ".join(str(value.value) for value in certificate.issuer).upper().split()
    return "test" if "TEST" in words else "production"


def summary(certificate: x509.Certificate, structure_id: str, role: str, slot: str = "current") -> CertificateSummary:
    """What may be shown of it."""
    return CertificateSummary(
        structure_id=structure_id,
        role=role,
        subject=distinguished_name(certificate.subject),
        issuer=distinguished_name(certificate.issuer),
        serial=f"{certificate.serial_number:x}",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        usable_until=signing_end(certificate),
        fingerprint=certificate.fingerprint(SHA256()).hex(),
        environment=environment_of(certificate),
        slot=slot,
    )
