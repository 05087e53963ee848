"""What each certificate of a structure is for, and whether a given one is fit for it.

SIGN signs the VIHF and the lots, AUTH_CLI opens the TLS sessions; the DMP refuses one in place of the other (dmp.md 1.5). INSi wants
certificates of its own: the CN is exactly INSI-MANU (a person asks) or INSI-AUTO (the box asks), anything else is refused there as
desir_560 (insi.md 2.3). Key usages decide otherwise; policies are not known for production and are never compared. Source: dossier
cda_signing.md 4.4 (box rule).
"""

from __future__ import annotations

import enum

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.trust.certificate import extension
from gateway.trust.errors import CertificateWrongName, CertificateWrongPurpose


class Role(enum.StrEnum):
    """The certificates of a structure, by the name that files and settings use."""

    AUTH_CLI = "auth_cli"
    SIGN = "sign"
    INSI_MANU = "insi_manu"
    INSI_AUTO = "insi_auto"


INSI_NAMES = {Role.INSI_MANU: "INSI-MANU", Role.INSI_AUTO: "INSI-AUTO"}
"""The CN that INSi demands, upper case and hyphen included."""


def check_role(certificate: x509.Certificate, role: Role) -> None:
    """Raises CertificateWrongPurpose when the key usages are not those of the role, CertificateWrongName when its CN is not."""
    usage, purposes = extension(certificate, x509.KeyUsage), extension(certificate, x509.ExtendedKeyUsage)
    constraints = extension(certificate, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise CertificateWrongPurpose("authority", role=role, reason="c'est le certificat d'une autorité")
    if usage is None:
        raise CertificateWrongPurpose("no key usage", role=role, reason="il ne dit pas à quoi sert sa clé")
    named = () if purposes is None else tuple(purposes)
    if role is Role.SIGN:
        if not usage.content_commitment:
            raise CertificateWrongPurpose("no nonRepudiation", role=role, reason="sa clé n'est pas faite pour signer des documents")
        if ExtendedKeyUsageOID.CLIENT_AUTH in named or ExtendedKeyUsageOID.SERVER_AUTH in named:
            raise CertificateWrongPurpose("TLS purpose", role=role, reason="sa clé est faite pour les connexions")
    elif not usage.digital_signature or ExtendedKeyUsageOID.CLIENT_AUTH not in named:
        raise CertificateWrongPurpose("no clientAuth", role=role, reason="sa clé n'est pas faite pour se connecter aux services")
    expected = INSI_NAMES.get(role)
    if expected is not None and _common_names(certificate) != (expected,):
        raise CertificateWrongName("common name", role=role, expected=expected)


def _common_names(certificate: x509.Certificate) -> tuple[str, ...]:
    return tuple(str(value.value) for value in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME))
