"""A test-only PKI in the likeness of IGC-Santé: root, ORGANISATIONS sub-authority, leaves AUTH_CLI and SIGN. Made anew at each run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

START = datetime(2025, 1, 1, tzinfo=UTC)
END = datetime(2030, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Identity:
    """A key and its certificate."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _name(**parts: str) -> x509.Name:
    oids = {
        "C": NameOID.COUNTRY_NAME,
        "ST": NameOID.STATE_OR_PROVINCE_NAME,
        "O": NameOID.ORGANIZATION_NAME,
        "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
        "CN": NameOID.COMMON_NAME,
    }
    return x509.Name([x509.NameAttribute(oids[key], value) for key, value in parts.items()])


def _usage(**on: bool) -> x509.KeyUsage:
    names = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
        *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{name: on.get(name, False) for name in names})


def _authority(name: x509.Name, issuer: Identity | None, depth: int | None) -> Identity:
    key = _key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(START - timedelta(days=365))
        .not_valid_after(END + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=depth), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Identity(key, builder.sign(key if issuer is None else issuer.key, hashes.SHA256()))


@dataclass(frozen=True, slots=True)
class Pki:
    """Root and sub-authority, and what they issue."""

    root: Identity
    authority: Identity

    @property
    def anchors(self) -> bytes:
        """PEM of the authorities."""
        return self.authority.pem + self.root.pem

    def issue(
        self,
        profile: str,
        structure: str,
        *,
        start: datetime = START,
        end: datetime = END,
        key_until: datetime | None = None,
    ) -> Identity:
        """A leaf: `auth` (digitalSignature, clientAuth) or `sign` (digitalSignature + nonRepudiation, emailProtection)."""
        key = _key()
        sign = profile == "sign"
        extended = ExtendedKeyUsageOID.EMAIL_PROTECTION if sign else ExtendedKeyUsageOID.CLIENT_AUTH
        common = "cachet.cabinet.test" if sign else "client.cabinet.test"
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(C="FR", ST="Rhône (69)", O="CABINET L'ÉTÉ, TEST", OU=structure, CN=common))
            .issuer_name(self.authority.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True, content_commitment=sign), critical=True)
            .add_extension(x509.ExtendedKeyUsage([extended]), critical=False)
        )
        if key_until is not None:
            builder = builder.add_extension(x509.PrivateKeyUsagePeriod(not_before=start, not_after=key_until), critical=False)
        return Identity(key, builder.sign(self.authority.key, hashes.SHA256()))


def make_pki(label: str = "BAC A SABLE DES ESSAIS") -> Pki:
    """A fresh root and sub-authority."""
    root = _authority(_name(C="FR", O="RELAIS ESSAIS", OU="0002 000000000", CN=f"{label} AC RACINE ELEMENTAIRE"), None, None)
    return Pki(root, _authority(_name(C="FR", O="RELAIS ESSAIS", OU="0002 000000000", CN=f"{label} AC ORGANISATIONS"), root, 0))
