"""A certification authority for tests, made at run time: root, issuing authority, leaves of the IGC-Santé profiles, revocation list.

`shared_pki()` is one authority for the whole run; a test that revokes or alters takes `Pki.create()`. Every chain passes X509_STRICT.
Shape: dossier cda_signing.md 4.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

STRUCTURE = "10B0152872"
ORGANISATION = "MAISON DE SANTE DES TILLEULS"
PASSPHRASE = "mot de passe d'été"
NOW = datetime.now(UTC).replace(microsecond=0)
HAND_SET = datetime(2026, 11, 1, tzinfo=UTC)
"""Before the hand-set clocks of the tests: leaves are valid under these too."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of leaf."""

    name: str
    purposes: tuple[x509.ObjectIdentifier, ...]
    non_repudiation: bool = False
    digital_signature: bool = True
    private_key_period: bool = False


AUTH_CLI = Profile("AUTH_CLI", (ExtendedKeyUsageOID.CLIENT_AUTH,))
SIGN = Profile("SIGN", (ExtendedKeyUsageOID.EMAIL_PROTECTION,), non_repudiation=True, private_key_period=True)
SERVER = Profile("SERVER", (ExtendedKeyUsageOID.SERVER_AUTH,))


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate, its key and the certificates above it (issuer first, root last)."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey
    issuers: tuple[x509.Certificate, ...]

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def chain_der(self) -> tuple[bytes, ...]:
        return tuple(issuer.public_bytes(Encoding.DER) for issuer in self.issuers)

    @property
    def chain_pem(self) -> bytes:
        """The issuing authorities without the root: what a server sends after its leaf."""
        return b"".join(issuer.public_bytes(Encoding.PEM) for issuer in self.issuers[:-1])

    def pkcs12(self, passphrase: str = PASSPHRASE, *, with_chain: bool = True, key: rsa.RSAPrivateKey | None = None) -> bytes:
        return pkcs12.serialize_key_and_certificates(
            b"relais",
            key or self.key,
            self.certificate,
            list(self.issuers[:-1]) if with_chain else None,
            BestAvailableEncryption(passphrase.encode()),
        )


@dataclass(slots=True)
class Pki:
    """Root, issuing authority and what they issued."""

    root_key: rsa.RSAPrivateKey
    root: x509.Certificate
    issuing_key: rsa.RSAPrivateKey
    issuing: x509.Certificate
    revoked: dict[int, datetime] = field(default_factory=dict)
    crl_number: int = 0

    @classmethod
    def create(cls, label: str = "TILLEULS", *, test: bool = True, not_after: datetime | None = None) -> Pki:
        """A fresh authority; `test=False` leaves the TEST mark out of its names."""
        mark = "TEST " if test else ""
        root_key, issuing_key = new_key(), new_key()
        root_name = authority_name(f"{mark}AC RACINE {label}", test=test)
        root = _authority(root_name, root_key, root_name, root_key, path_length=None)
        issuing_name = authority_name(f"{mark}AC {label} ORGANISATIONS", test=test)
        issuing = _authority(issuing_name, issuing_key, root_name, root_key, path_length=0, not_after=not_after)
        return cls(root_key, root, issuing_key, issuing)

    @property
    def root_pem(self) -> bytes:
        return self.root.public_bytes(Encoding.PEM)

    @property
    def chain_pem(self) -> bytes:
        return self.issuing.public_bytes(Encoding.PEM)

    @property
    def anchors_pem(self) -> bytes:
        """Root and issuing authority, as an installer configures them."""
        return self.root_pem + self.chain_pem

    def issue(
        self,
        profile: Profile,
        *,
        struct_id: str = STRUCTURE,
        common_name: str = "relais.tilleuls.test",
        names: Sequence[str] | None = None,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        private_key_until: datetime | None = None,
        key: rsa.RSAPrivateKey | None = None,
    ) -> Leaf:
        """A leaf, valid since yesterday at least, for three years and a month unless said otherwise; loopback names for SERVER."""
        leaf_key = key or new_key()
        start = not_before or min(NOW - timedelta(days=1), HAND_SET)
        builder = (
            x509.CertificateBuilder()
            .subject_name(leaf_name(struct_id, common_name))
            .issuer_name(self.issuing.subject)
            .public_key(leaf_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(not_after or NOW + timedelta(days=3 * 365 + 31))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=False)
            .add_extension(key_usage(digital=profile.digital_signature, content=profile.non_repudiation), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(leaf_key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.issuing_key.public_key()), critical=False)
        )
        if profile.purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(profile.purposes), critical=False)
        if profile.private_key_period or private_key_until:
            until = private_key_until or max(start, NOW - timedelta(days=1)) + timedelta(days=3 * 365)
            period = x509.PrivateKeyUsagePeriod(not_before=start, not_after=until)
            builder = builder.add_extension(period, critical=False)
        alternative = names if names is not None else ("127.0.0.1", "localhost", "::1") if profile is SERVER else ()
        if alternative:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(name) for name in alternative]), critical=False)
        return Leaf(builder.sign(self.issuing_key, SHA256()), leaf_key, (self.issuing, self.root))

    def revoke(self, leaf: Leaf, at: datetime | None = None) -> None:
        self.revoked[leaf.certificate.serial_number] = at or NOW - timedelta(hours=1)

    def crl(self, *, issued: datetime | None = None, next_update: datetime | None = None) -> x509.CertificateRevocationList:
        """A new list, valid seven days unless said otherwise."""
        self.crl_number += 1
        issued = issued or NOW - timedelta(minutes=5)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.issuing.subject)
            .last_update(issued)
            .next_update(next_update or NOW + timedelta(days=7))
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.issuing_key.public_key()), critical=False)
            .add_extension(x509.CRLNumber(self.crl_number), critical=False)
        )
        for serial, moment in self.revoked.items():
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(moment).build()
            )
        return builder.sign(self.issuing_key, SHA256())

    def crl_pem(self, *, issued: datetime | None = None, next_update: datetime | None = None) -> bytes:
        return self.crl(issued=issued, next_update=next_update).public_bytes(Encoding.PEM)

    def crl_der(self, *, issued: datetime | None = None, next_update: datetime | None = None) -> bytes:
        return self.crl(issued=issued, next_update=next_update).public_bytes(Encoding.DER)


@cache
def shared_pki() -> Pki:
    """The authority of the run; never revoke with it."""
    return Pki.create()


@cache
def shared_leaf(profile: Profile = SIGN, struct_id: str = STRUCTURE) -> Leaf:
    """One leaf of the shared authority per profile and structure."""
    return shared_pki().issue(profile, struct_id=struct_id)


def new_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def authority_name(common_name: str, *, test: bool = True) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "ESSAIS RELAIS"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "IGC D'ESSAI TEST" if test else "IGC D'ESSAI"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def leaf_name(struct_id: str, common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
            x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "Rhône (69)"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, struct_id),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _authority(
    name: x509.Name,
    key: rsa.RSAPrivateKey,
    issuer: x509.Name,
    issuer_key: rsa.RSAPrivateKey,
    *,
    path_length: int | None,
    not_after: datetime | None = None,
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=3650))
        .not_valid_after(not_after or NOW + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(key_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, SHA256())
    )


def key_usage(*, digital: bool = False, content: bool = False, authority: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital,
        content_commitment=content,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
