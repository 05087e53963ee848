"""A certification authority in memory: signs authorities, leaves and revocation lists so that X509_STRICT accepts every chain.

Never touches a file. Source: dossier cda_signing.md 4.4 (shape of the IGC-Santé test hierarchy), stack.md 15 (what Python 3.13 refuses).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import CertificatePoliciesOID

from gateway.sandbox.certificate_profiles import POLICY_SEEN_IN_TEST, LeafProfile, authority_subject

_AUTHORITY_LIFE = timedelta(days=20 * 365)
_BACKDATING = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafRequest:
    """What a leaf certificate must say."""

    profile: LeafProfile
    subject: x509.Name
    not_before: datetime
    not_after: datetime
    alternative_names: Sequence[str] = ()
    revocation_url: str | None = None


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate and the key that signs with it."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @classmethod
    def root(cls, common_name: str, now: datetime) -> Authority:
        """A new self-signed authority, RSA-2048, valid twenty years."""
        key = new_key()
        subject = authority_subject(common_name)
        builder = _authority_builder(subject, subject, key.public_key(), now, path_length=None)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()),
            critical=False,
        )
        return cls(builder.sign(key, hashes.SHA256()), key)

    @classmethod
    def loaded(cls, certificate_pem: bytes, key_pem: bytes) -> Authority:
        """The authority of these two PEM texts. Raises ValueError for anything but a certificate and an RSA key."""
        key = load_pem_private_key(key_pem, None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError("not an RSA key")  # noqa: TRY004 - one error for all that is wrong with the text
        return cls(x509.load_pem_x509_certificate(certificate_pem), key)

    def subordinate(self, common_name: str, now: datetime) -> Authority:
        """A new issuing authority under this one: path length 0, anyPolicy."""
        key = new_key()
        builder = _authority_builder(
            authority_subject(common_name),
            self.certificate.subject,
            key.public_key(),
            now,
            path_length=0,
        )
        policy = x509.PolicyInformation(CertificatePoliciesOID.ANY_POLICY, None)
        builder = builder.add_extension(x509.CertificatePolicies([policy]), critical=False)
        builder = builder.add_extension(self._key_identifier(), critical=False)
        return Authority(builder.sign(self.key, hashes.SHA256()), key)

    def leaf(self, request: LeafRequest, public_key: rsa.RSAPublicKey) -> x509.Certificate:
        """A leaf certificate of the profile asked for."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(self.certificate.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(request.not_before)
            .not_valid_after(request.not_after)
        )
        for extension, critical in self._leaf_extensions(request, public_key):
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())

    def revocation_list(
        self,
        revoked: Mapping[int, datetime],
        *,
        number: int,
        now: datetime,
        next_update: datetime,
    ) -> x509.CertificateRevocationList:
        """A full CRL: serial numbers and the time of each revocation."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(min(now, next_update) - _BACKDATING)
            .next_update(next_update)
            .add_extension(self._key_identifier(), critical=False)
            .add_extension(x509.CRLNumber(number), critical=False)
        )
        for serial, moment in sorted(revoked.items()):
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(moment).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self.key, hashes.SHA256())

    def _key_identifier(self) -> x509.AuthorityKeyIdentifier:
        own = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)

    def _leaf_extensions(self, request: LeafRequest, public_key: rsa.RSAPublicKey) -> list[tuple[x509.ExtensionType, bool]]:
        profile = request.profile
        extensions: list[tuple[x509.ExtensionType, bool]] = [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (profile.key_usage(), True),
            (x509.ExtendedKeyUsage(list(profile.purposes)), False),
            (x509.SubjectKeyIdentifier.from_public_key(public_key), False),
            (self._key_identifier(), False),
            (
                x509.CertificatePolicies([x509.PolicyInformation(POLICY_SEEN_IN_TEST, None)]),
                False,
            ),
        ]
        if profile.private_key_years is not None:
            end = request.not_before + timedelta(days=365 * profile.private_key_years)
            extensions.append(
                (
                    x509.PrivateKeyUsagePeriod(not_before=request.not_before, not_after=end),
                    False,
                )
            )
        if request.alternative_names:
            extensions.append(
                (
                    x509.SubjectAlternativeName([_general_name(name) for name in request.alternative_names]),
                    False,
                )
            )
        if request.revocation_url:
            location: list[x509.GeneralName] = [x509.UniformResourceIdentifier(request.revocation_url)]
            point = x509.DistributionPoint(full_name=location, relative_name=None, reasons=None, crl_issuer=None)
            extensions.append((x509.CRLDistributionPoints([point]), False))
        return extensions


def new_key() -> rsa.RSAPrivateKey:
    """A new RSA-2048 key, the size of ORG certificates."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_to_pem(key: rsa.RSAPrivateKey) -> bytes:
    """PKCS#8 PEM, not encrypted: the caller keeps it in a private file."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _authority_builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: rsa.RSAPublicKey,
    now: datetime,
    *,
    path_length: int | None,
) -> x509.CertificateBuilder:
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATING)
        .not_valid_after(now + _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )
