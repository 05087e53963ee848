"""What a certificate of each IGC-Santé kind looks like: key usages, purposes, subject, policy.

Never holds a key. Source: dossier cda_signing.md 4.4 (measured on published test certificates) and insi.md for the CN of the
INSi certificates. The policy identifier is the one seen in test certificates; production ones are not known and are read, never compared.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

POLICY_SEEN_IN_TEST = x509.ObjectIdentifier("1.2.250.1.213.1.7.2.1.1.1.1")
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1", "10.0.2.2")
"""The last is how a virtual machine of QEMU reaches the loopback of its host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafProfile:
    """One kind of leaf certificate."""

    name: str
    purposes: tuple[x509.ObjectIdentifier, ...]
    digital_signature: bool = True
    non_repudiation: bool = False
    key_encipherment: bool = False
    private_key_years: int | None = None
    """Private Key Usage Period: signing after it is wrong though the certificate still verifies."""
    common_name: str | None = None
    """CN imposed by the service, None when free."""

    def key_usage(self) -> x509.KeyUsage:
        """The KeyUsage extension of the profile."""
        return x509.KeyUsage(
            digital_signature=self.digital_signature,
            content_commitment=self.non_repudiation,
            key_encipherment=self.key_encipherment,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=False,
            crl_sign=False,
            encipher_only=False,
            decipher_only=False,
        )


AUTH_CLI = LeafProfile(name="AUTH_CLI", purposes=(ExtendedKeyUsageOID.CLIENT_AUTH,), key_encipherment=True)
SIGN = LeafProfile(
    name="SIGN",
    purposes=(ExtendedKeyUsageOID.EMAIL_PROTECTION,),
    non_repudiation=True,
    private_key_years=3,
)
SERVER = LeafProfile(name="SERVER", purposes=(ExtendedKeyUsageOID.SERVER_AUTH,), key_encipherment=True)
INSI_MANU = replace(AUTH_CLI, name="INSI_MANU", common_name="INSI-MANU")
INSI_AUTO = replace(AUTH_CLI, name="INSI_AUTO", common_name="INSI-AUTO")

CPS = replace(SIGN, name="CPS", private_key_years=None)
"""Signature certificate of a professional's card: its CN is the national identifier (insi.md 2.2)."""

PROFILES = {profile.name: profile for profile in (AUTH_CLI, SIGN, SERVER, INSI_MANU, INSI_AUTO, CPS)}


def organisation_subject(struct_id: str, organisation: str, common_name: str, department: str) -> x509.Name:
    """Subject of an ORG certificate: C=FR, ST=<department>, O=<name>, OU=<Struct_IdNat>, CN=<free name>; texts are cut at 64 characters."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
            x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, department[:64]),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:64]),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, struct_id[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64]),
        ]
    )


def authority_subject(common_name: str) -> x509.Name:
    """Subject of an authority of the sandbox; names it as a sandbox so that nobody takes it for IGC-Santé."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "RELAIS BAC A SABLE"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "IGC BAC A SABLE TEST"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
