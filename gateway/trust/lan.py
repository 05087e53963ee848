"""The box's own authority for the practice's network, and its server certificate.

The authority is made once, lives ten years, and can vouch for local names and private addresses only, besides the names configured when
it was made: a workstation that trusts it trusts it for nothing else. Its key is sealed by the vault; its certificate is `home/lan-ca.pem`.
A year before its end it is signed anew with the same key and name: what it vouches for is recognised by workstations that hold either
certificate, so that they have a year to install the new one; the one they hold is kept in `home/lan-ca-former.pem`.
The server certificate lives 90 days and is made again near its end or when the names change. Never used outside of the LAN.
Sources: contract section 3 (TLS by the box's own CA), dossier stack.md section 15 (strict chains); RFC 5280.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.kernel.errors import ConfigurationFault
from gateway.trust.boxkey import BoxKeyUnavailable
from gateway.trust.certificate import extension, load_certificate, load_certificates, to_der
from gateway.trust.errors import CertificateMalformed
from gateway.trust.files import private_folder, write_durably
from gateway.trust.identity import TlsIdentity
from gateway.trust.lan_names import is_covered, names_of, permitted, spoken
from gateway.trust.sealing import BlobDamaged
from gateway.trust.vault import Vault

_AUTHORITY_LIFE = timedelta(days=3650)
_LEAF_LIFE = timedelta(days=90)
_RENEW_BEFORE = timedelta(days=30)
_AUTHORITY_RENEW_BEFORE = timedelta(days=365)
_BACKDATING = timedelta(days=1)
AUTHORITY_FILE, AUTHORITY_CONTEXT = "lan-ca.sealed", b"lan authority"
SERVER_FILE, SERVER_CONTEXT = "lan-server.sealed", b"lan server"
"""Sealed files of the home, and what their seals are bound to."""
_UNREADABLE = (ValueError, BlobDamaged, BoxKeyUnavailable, CertificateMalformed, msgspec.MsgspecError)


class LanNameRefused(ConfigurationFault):
    """A configured name is outside of what the LAN authority may vouch for."""

    code = "lan-name-refused"
    title = "Nom du boîtier refusé"
    what = "Le nom « {name} » ne peut pas figurer dans le certificat local de ce boîtier."
    gesture = "Corrigez la liste des noms du boîtier dans relais.toml, ou refaites l'autorité locale et réinstallez-la sur les postes."


class LanKeyUnavailable(ConfigurationFault):
    """The sealed key of the LAN authority does not open, or the home cannot be written."""

    code = "lan-key-unavailable"
    title = "Certificat local indisponible"
    what = "La clé du certificat local de ce boîtier n'est plus lisible, ou ne peut pas être enregistrée."
    gesture = "Remettez en place la sauvegarde du boîtier ; à défaut, refaites l'autorité locale et réinstallez-la sur les postes."


class LanCertificates(NamedTuple):
    """What a home shows its network: None for what is not there or not readable."""

    authority: x509.Certificate | None
    former_authority: x509.Certificate | None
    server: x509.Certificate | None


class LanAuthority:
    """The authority of one home."""

    def __init__(self, home: Path, vault: Vault) -> None:
        self._home = home
        self._vault = vault

    @property
    def certificate_path(self) -> Path:
        """Where workstations find the authority's certificate (PEM)."""
        return self._home / "lan-ca.pem"

    def certificates(self) -> LanCertificates:
        """What is there now; makes nothing."""
        leaf = self._held_leaf()
        return LanCertificates(_public(self.certificate_path), _public(self._former_path), leaf.certificate if leaf is not None else None)

    def identity(self, names: Sequence[str], now: datetime, *, dated: bool = True) -> TlsIdentity:
        """The server's identity for these DNS names and IP addresses; authority and leaf are made or made again when due.

        With `dated` False the clock may be wrong: nothing that is there is made again for its dates. Raises LanNameRefused for a malformed
        name or one that the authority may not vouch for, LanKeyUnavailable when the sealed key does not open or the home cannot be written.
        """
        wanted = names_of(names)
        if None in wanted.values():
            raise LanNameRefused(name=next(name for name, parsed in wanted.items() if parsed is None))
        general = list(dict.fromkeys(parsed for parsed in wanted.values() if parsed is not None))
        try:
            key, authority = self._authority(general, now, dated=dated)
            outside = next((name for name in general if not is_covered(name, authority)), None)
            if outside is not None:
                raise LanNameRefused(name=spoken(outside))
            held = self._held_leaf()
            if held is None or not _still_good(held.certificate, authority, general, now if dated else None):
                held = self._issue(general, key, authority, now)
        except (OSError, *_UNREADABLE) as problem:
            raise LanKeyUnavailable(type(problem).__name__) from None
        return held

    def vouch(self, statement: bytes) -> bytes:
        """The authority's signature of a statement that begins with its own purpose (ECDSA, SHA-256, DER); raises LanKeyUnavailable."""
        try:
            key, _ = self._open(self._home / AUTHORITY_FILE, AUTHORITY_CONTEXT)
        except (OSError, *_UNREADABLE) as problem:
            raise LanKeyUnavailable(type(problem).__name__) from None
        return key.sign(statement, ec.ECDSA(SHA256()))

    def vouched(self, statement: bytes, signature: bytes) -> bool:
        """True when this very authority signed that statement."""
        authority = _public(self.certificate_path)
        key = authority.public_key() if authority is not None else None
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return False
        try:
            key.verify(signature, statement, ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True

    @property
    def _former_path(self) -> Path:
        return self._home / "lan-ca-former.pem"

    def _authority(
        self, names: Sequence[x509.GeneralName], now: datetime, *, dated: bool
    ) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        sealed = self._home / AUTHORITY_FILE
        if not sealed.exists():
            private_folder(self._home)
            key = ec.generate_private_key(ec.SECP256R1())
            self._keep(sealed, key, _authority_certificate(key, names, now), AUTHORITY_CONTEXT)
        key, certificate = self._open(sealed, AUTHORITY_CONTEXT)
        if dated and not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - _AUTHORITY_RENEW_BEFORE:
            write_durably(self._former_path, certificate.public_bytes(Encoding.PEM), 0o644)
            certificate = _authority_again(certificate, key, now)
            self._keep(sealed, key, certificate, AUTHORITY_CONTEXT)
        pem = certificate.public_bytes(Encoding.PEM)
        if not self.certificate_path.exists() or self.certificate_path.read_bytes() != pem:
            write_durably(self.certificate_path, pem, 0o644)
        return key, certificate

    def _held_leaf(self) -> TlsIdentity | None:
        sealed = self._home / SERVER_FILE
        try:
            key, certificate = self._open(sealed, SERVER_CONTEXT)
        except (OSError, *_UNREADABLE):
            return None
        return TlsIdentity(key, certificate)

    def _issue(
        self, names: Sequence[x509.GeneralName], key: ec.EllipticCurvePrivateKey, authority: x509.Certificate, now: datetime
    ) -> TlsIdentity:
        own = ec.generate_private_key(ec.SECP256R1())
        certificate = _leaf_certificate(own, names, key, authority, now)
        self._keep(self._home / SERVER_FILE, own, certificate, SERVER_CONTEXT)
        return TlsIdentity(own, certificate)

    def _keep(self, path: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate, context: bytes) -> None:
        record = (key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), to_der(certificate))
        write_durably(path, self._vault.seal_small(msgspec.msgpack.encode(record), context))

    def _open(self, path: Path, context: bytes) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        record = self._vault.open_small(path.read_bytes(), context)
        key_der, certificate = msgspec.msgpack.decode(record, type=tuple[bytes, bytes])
        key = load_der_private_key(key_der, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise CertificateMalformed("key", reason="sa clé n'est pas du type attendu")
        return key, load_certificate(certificate)


def _public(path: Path) -> x509.Certificate | None:
    try:
        return load_certificates(path.read_bytes())[0]
    except (OSError, CertificateMalformed):
        return None


def _still_good(leaf: x509.Certificate, authority: x509.Certificate, names: Sequence[x509.GeneralName], now: datetime | None) -> bool:
    alternative = extension(leaf, x509.SubjectAlternativeName)
    own = extension(authority, x509.SubjectKeyIdentifier)
    issuer = extension(leaf, x509.AuthorityKeyIdentifier)
    return (
        alternative is not None
        and set(alternative) == set(names)
        and own is not None
        and issuer is not None
        and issuer.key_identifier == own.digest
        and (now is None or leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc - _RENEW_BEFORE)
    )


def _authority_certificate(key: ec.EllipticCurvePrivateKey, names: Sequence[x509.GeneralName], now: datetime) -> x509.Certificate:
    own = f"Relais, réseau local {secrets.token_hex(4)}"
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Relais"), x509.NameAttribute(NameOID.COMMON_NAME, own)])
    constraints = x509.NameConstraints(permitted_subtrees=permitted(names), excluded_subtrees=None)
    return (
        _builder(subject, subject, key.public_key(), key.public_key(), now, _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(constraints, critical=True)
        .sign(key, SHA256())
    )


def _authority_again(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    """The same authority (name, key, what it may vouch for) with a new life."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(certificate.subject)
        .issuer_name(certificate.issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATING)
        .not_valid_after(now + _AUTHORITY_LIFE)
    )
    for one in certificate.extensions:
        builder = builder.add_extension(one.value, critical=one.critical)
    return builder.sign(key, SHA256())


def _leaf_certificate(
    key: ec.EllipticCurvePrivateKey,
    names: Sequence[x509.GeneralName],
    authority_key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    now: datetime,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Relais")])
    return (
        _builder(subject, authority.subject, key.public_key(), authority_key.public_key(), now, _LEAF_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(authority_key, SHA256())
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATING)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
