"""What each certificate of a structure is for, and whether a given one is fit for it.

SIGN signs the VIHF and the lots, AUTH_CLI opens the TLS sessions; the DMP refuses one in place of the other (dmp.md 1.5). Key usages
decide; policies are not known for production and are never compared. Source: dossier cda_signing.md 4.4 (box rule).
"""

from __future__ import annotations

import enum

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.trust.certificate import extension
from gateway.trust.errors import CertificateWrongPurpose


class Role(enum.StrEnum):
    """The certificates of a structure, by the name that files and settings use."""

    AUTH_CLI = "auth_cli"
    SIGN = "sign"


def check_role(certificate: x509.Certificate, role: Role) -> None:
    """Raises CertificateWrongPurpose when the key usages are not those of the role."""
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
