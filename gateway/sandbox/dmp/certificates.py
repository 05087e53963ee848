"""Reads X.509 certificates and judges them against the sandbox's anchors, at the sandbox's time.

It never loads a private key and never fetches anything. Profiles: cda_signing.md 4.4 (IGC-Santé ORG AUTH_CLI and SIGN).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.sandbox.dmp.refusals import Refusal

_MAX_DEPTH = 4
_E = TypeVar("_E", bound=x509.ExtensionType)


class CertificateUnreadable(Refusal):
    """Not a certificate, or one with broken extensions."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """What the rules look at in an end certificate. `subject` is in RFC 2253 order, no blank after commas."""

    certificate: x509.Certificate
    der: bytes
    subject: str
    issuer: str
    units: tuple[str, ...]
    """OU values: the Struct_IdNat of an organisation certificate."""
    digital_signature: bool
    non_repudiation: bool
    client_auth: bool
    signs_until: datetime | None
    """End of the private key usage period, when the certificate has one."""


def read_leaf(der: bytes) -> Leaf:
    """The facts of one DER certificate; raises CertificateUnreadable."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        usage = _extension(certificate, x509.KeyUsage)
        extended = _extension(certificate, x509.ExtendedKeyUsage)
        period = _extension(certificate, x509.PrivateKeyUsagePeriod)
        return Leaf(
            certificate=certificate,
            der=der,
            subject=certificate.subject.rfc4514_string(),
            issuer=certificate.issuer.rfc4514_string(),
            units=tuple(str(a.value) for a in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)),
            digital_signature=usage is not None and usage.digital_signature,
            non_repudiation=usage is not None and usage.content_commitment,
            client_auth=extended is not None and ExtendedKeyUsageOID.CLIENT_AUTH in extended,
            signs_until=_aware(None if period is None else period.not_after),
        )
    except (ValueError, TypeError, x509.UnsupportedGeneralNameType) as problem:
        raise CertificateUnreadable from problem


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _extension(certificate: x509.Certificate, kind: type[_E]) -> _E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


@dataclass(frozen=True, slots=True)
class TrustStore:
    """The certification authorities of the sandbox and what it revoked."""

    anchors: tuple[x509.Certificate, ...]
    revoked: Callable[[int], bool]

    def fault_of(self, leaf: Leaf, at: datetime, others: Iterable[x509.Certificate] = ()) -> str | None:
        """`chain`, `validity` or `revoked` when the certificate cannot be trusted at that instant, else None."""
        if not self._chains(leaf.certificate, at, tuple(others), _MAX_DEPTH):
            return "chain"
        if not _valid_at(leaf.certificate, at):
            return "validity"
        return "revoked" if self.revoked(leaf.certificate.serial_number) else None

    def _chains(self, certificate: x509.Certificate, at: datetime, others: tuple[x509.Certificate, ...], depth: int) -> bool:
        if any(_issued(certificate, anchor) and _valid_at(anchor, at) for anchor in self.anchors):
            return True
        return depth > 0 and any(
            _issued(certificate, other)
            and _valid_at(other, at)
            and not self.revoked(other.serial_number)
            and self._chains(other, at, others, depth - 1)
            for other in others
        )


def load_anchors(pem: bytes) -> tuple[x509.Certificate, ...]:
    """The authorities of a PEM bundle (root, sub-authorities); raises CertificateUnreadable when there is none."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError as problem:
        raise CertificateUnreadable from problem


def der_of(certificate: x509.Certificate) -> bytes:
    """DER bytes of a certificate."""
    return certificate.public_bytes(Encoding.DER)


def _valid_at(certificate: x509.Certificate, at: datetime) -> bool:
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    if certificate == issuer:
        return False
    try:
        constraints = _extension(issuer, x509.BasicConstraints)
        usage = _extension(issuer, x509.KeyUsage)
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return constraints is not None and constraints.ca and (usage is None or usage.key_cert_sign)
