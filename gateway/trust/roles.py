"""What each certificate of a structure is for, and whether a given one is fit for it.

SIGN signs the VIHF and the lots, AUTH_CLI opens the TLS sessions; the DMP refuses one in place of the other (dmp.md 1.5). INSi wants
certificates of its own: the CN is exactly INSI-MANU (a person asks) or INSI-AUTO (the box asks), anything else is refused there as
desir_560 (insi.md 2.3). MAILBOX opens the TLS sessions of the applicative mailbox: the operator asks for an ORG AUTH_CLI certificate
(mssante.md 1.2, medium confidence), and one may be bound to the mailbox alone; where none is held, AUTH_CLI serves it (`KeyStore`). Key
usages decide otherwise; policies are not known for production and are never compared. Source: dossier cda_signing.md 4.4 (box rule).
"""

from __future__ import annotations

import enum

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.trust.certificate import extension
from gateway.trust.errors import CertificateWrongName
from gateway.trust.refusals import (
    CertificateForConnections,
    CertificateIsAuthority,
    CertificateNotForClients,
    CertificateNotForConnections,
    CertificateNotForSigning,
    CertificateWithoutUsage,
)


class Role(enum.StrEnum):
    """The certificates of a structure, by the name that files and settings use."""

    AUTH_CLI = "auth_cli"
    SIGN = "sign"
    INSI_MANU = "insi_manu"
    INSI_AUTO = "insi_auto"
    MAILBOX = "mailbox"


INSI_NAMES = {Role.INSI_MANU: "INSI-MANU", Role.INSI_AUTO: "INSI-AUTO"}
"""The CN that INSi demands, upper case and hyphen included."""


def check_role(certificate: x509.Certificate, role: Role) -> None:
    """Raises one of the kin of CertificateWrongPurpose when its usages are not those of the role; CertificateWrongName for its CN."""
    usage, purposes = extension(certificate, x509.KeyUsage), extension(certificate, x509.ExtendedKeyUsage)
    constraints = extension(certificate, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise CertificateIsAuthority(role=role)
    if usage is None:
        raise CertificateWithoutUsage(role=role)
    named = () if purposes is None else tuple(purposes)
    if role is Role.SIGN:
        if not usage.content_commitment:
            raise CertificateNotForSigning(role=role)
        if ExtendedKeyUsageOID.CLIENT_AUTH in named or ExtendedKeyUsageOID.SERVER_AUTH in named:
            raise CertificateForConnections(role=role)
    elif not usage.digital_signature:
        raise CertificateNotForConnections(role=role)
    elif ExtendedKeyUsageOID.CLIENT_AUTH not in named:
        raise CertificateNotForClients(role=role)
    expected = INSI_NAMES.get(role)
    if expected is not None and _common_names(certificate) != (expected,):
        raise CertificateWrongName("common name", role=role, expected=expected)


def _common_names(certificate: x509.Certificate) -> tuple[str, ...]:
    return tuple(str(value.value) for value in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME))
