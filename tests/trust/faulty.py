"""Certificate files at fault, each named after its fault and made at run time: what is wrong, what is asked of it, the code it must get.

Never two faults in one file. Sources: dossiers cda_signing.md 4.4, insi.md 2.3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import MD5, SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.trust.roles import Role
from tests.trust.pki import (
    AUTH_CLI,
    NOW,
    PASSPHRASE,
    SERVER,
    SIGN,
    STRUCTURE,
    Leaf,
    Pki,
    Profile,
    authority_name,
    key_usage,
    leaf_name,
    new_key,
    shared_leaf,
    shared_pki,
)

PKI = shared_pki()
_DAY = timedelta(days=1)
_SHA256_RSA = bytes.fromhex("2a864886f70d01010b")
_CONFIDENTIALITY = Profile("CONF", (ExtendedKeyUsageOID.CLIENT_AUTH,), digital_signature=False)
_BOTH = Profile("BOTH", (ExtendedKeyUsageOID.CLIENT_AUTH,), non_repudiation=True)
_NO_PURPOSE = Profile("NONE", ())


@dataclass(frozen=True)
class Faulty:
    """A file, how it is offered, and the code of its refusal."""

    code: str
    data: Callable[[], bytes]
    role: Role = Role.SIGN
    passphrase: str = PASSPHRASE
    environment: str = "test"
    anchors: Callable[[], bytes] = lambda: PKI.anchors_pem
    lists: Callable[[], Sequence[bytes]] = field(default=tuple)


def _file(leaf: Callable[[], Leaf]) -> Callable[[], bytes]:
    return lambda: leaf().pkcs12()


@cache
def _other(label: str, *, test: bool = True) -> Pki:
    return Pki.create(label, test=test)


def crafted(
    pki: Pki = PKI,
    *,
    subject: x509.Name | None = None,
    issuer: x509.Name | None = None,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = ((x509.BasicConstraints(ca=False, path_length=None), False),),
    key: rsa.RSAPrivateKey | None = None,
    by: rsa.RSAPrivateKey | None = None,
    end: datetime = NOW + 30 * _DAY,
) -> Leaf:
    """A certificate with exactly these extensions."""
    key = key or new_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject or leaf_name(STRUCTURE, "relais.tilleuls.test"))
        .issuer_name(issuer or pki.issuing.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - _DAY)
        .not_valid_after(end)
    )
    for value, critical in extensions:
        builder = builder.add_extension(value, critical=critical)
    return Leaf(builder.sign(by or pki.issuing_key, SHA256()), key, (pki.issuing, pki.root))


def _fit(critical: bool = True) -> tuple[tuple[x509.ExtensionType, bool], ...]:
    return ((key_usage(digital=True, content=True), critical),)


def weakly_signed(leaf: Leaf, digest: HashAlgorithm, oid_end: int, by: rsa.RSAPrivateKey = PKI.issuing_key) -> Leaf:
    """The same certificate, signed with an old digest: the library refuses to write one."""
    body = leaf.certificate.tbs_certificate_bytes.replace(_SHA256_RSA, _SHA256_RSA[:-1] + bytes([oid_end]))
    signature = by.sign(body, PKCS1v15(), digest)
    algorithm = b"\x30\x0d\x06\x09" + _SHA256_RSA[:-1] + bytes([oid_end]) + b"\x05\x00"
    content = body + algorithm + b"\x03\x82" + (len(signature) + 1).to_bytes(2, "big") + b"\x00" + signature
    der = b"\x30\x82" + len(content).to_bytes(2, "big") + content
    return Leaf(x509.load_der_x509_certificate(der), leaf.key, leaf.issuers)


def _elliptic() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(leaf_name(STRUCTURE, "x.test"))
        .issuer_name(PKI.issuing.subject)
        .public_key(key.public_key())
        .serial_number(3)
        .not_valid_before(NOW - _DAY)
        .not_valid_after(NOW + _DAY)
    )
    certificate = builder.sign(PKI.issuing_key, SHA256())
    return pkcs12.serialize_key_and_certificates(b"x", key, certificate, None, BestAvailableEncryption(PASSPHRASE.encode()))


@cache
def _too_long() -> bytes:
    return PKI.issue(SIGN, key=new_key(4224)).pkcs12()


def _packed(key: rsa.RSAPrivateKey | None, certificate: x509.Certificate | None, others: list[x509.Certificate] | None = None) -> bytes:
    return pkcs12.serialize_key_and_certificates(b"x", key, certificate, others, BestAvailableEncryption(PASSPHRASE.encode()))


def _self_signed() -> Leaf:
    key, name = new_key(), authority_name("TEST POSTE 3")
    alone = x509.Name([*name, x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, STRUCTURE)])
    made = crafted(subject=alone, issuer=alone, key=key, by=key, extensions=_fit())
    return Leaf(made.certificate, key, (made.certificate,))


def _under_a_leaf() -> bytes:
    between = shared_leaf(SIGN)
    made = crafted(issuer=between.certificate.subject, by=between.key, extensions=_fit())
    marked = x509.Name([*between.certificate.subject, x509.NameAttribute(NameOID.COMMON_NAME, "TEST")])
    issuer = crafted(subject=marked, extensions=_fit(), key=between.key)
    made = crafted(issuer=marked, by=between.key, extensions=_fit())
    return _packed(made.key, made.certificate, [issuer.certificate])


def _below(*, constraints: bool = False) -> bytes:
    """Under one more authority: one too many, or one that carries name constraints."""
    key, name = new_key(), authority_name("TEST AC DE TROP")
    signer, signing_key = (PKI.root.subject, PKI.root_key) if constraints else (PKI.issuing.subject, PKI.issuing_key)
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=True, path_length=None), True),
        (key_usage(authority=True), True),
    ]
    if constraints:
        extensions.append((x509.NameConstraints([x509.DNSName("tilleuls.test")], None), True))
    authority = crafted(subject=name, issuer=signer, by=signing_key, key=key, extensions=extensions)
    made = crafted(issuer=name, by=key, extensions=_fit())
    return _packed(made.key, made.certificate, [authority.certificate])


def _weak_authority() -> bytes:
    key, name = new_key(), authority_name("TEST AC ANCIENNE")
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (key_usage(authority=True), True),
    ]
    strong = crafted(subject=name, key=key, extensions=extensions, issuer=PKI.root.subject, by=PKI.root_key)
    weak = weakly_signed(strong, SHA1(), 5, PKI.root_key)  # noqa: S303 - the fault itself
    made = crafted(issuer=name, by=key, extensions=_fit())
    return _packed(made.key, made.certificate, [weak.certificate])


@cache
def _mixed() -> Pki:
    """An issuing authority of production under a test root."""
    test, production = _other("MELANGE"), _other("MELANGE", test=False)
    issuing = crafted(
        subject=production.issuing.subject,
        issuer=test.root.subject,
        by=test.root_key,
        key=production.issuing_key,
        extensions=((x509.BasicConstraints(ca=True, path_length=0), True), (key_usage(authority=True), True)),
    )
    return Pki(test.root_key, test.root, production.issuing_key, issuing.certificate)


@cache
def _revoking() -> tuple[Pki, Leaf]:
    pki = Pki.create("REVOQUANTE")
    leaf = pki.issue(SIGN)
    pki.revoke(leaf, NOW - 2 * _DAY)
    return pki, leaf


@cache
def _fallen() -> Pki:
    return Pki.create("DECHUE")


def _root_list(pki: Pki) -> bytes:
    entry = x509.RevokedCertificateBuilder().serial_number(pki.issuing.serial_number).revocation_date(NOW - 3 * _DAY).build()
    builder = x509.CertificateRevocationListBuilder().issuer_name(pki.root.subject).last_update(NOW - _DAY).next_update(NOW + _DAY)
    return builder.add_revoked_certificate(entry).sign(pki.root_key, SHA256()).public_bytes(Encoding.DER)


@cache
def _expired_authority() -> Pki:
    return Pki.create("PERIMEE", not_after=NOW - _DAY)


def _stale() -> Sequence[bytes]:
    return (PKI.crl_der(issued=NOW - 9 * _DAY, next_update=NOW - 2 * _DAY),)


FAULTY: dict[str, Faulty] = {
    "fichier-vide": Faulty("pkcs12-empty", lambda: b""),
    "fichier-trop-gros": Faulty("pkcs12-too-large", lambda: b"\x30" * 1_000_001),
    "fichier-pem": Faulty("pkcs12-unreadable", lambda: shared_leaf(SIGN).pem),
    "fichier-coupe": Faulty("pkcs12-damaged", lambda: shared_leaf(SIGN).pkcs12()[:-30]),
    "sans-cle": Faulty("pkcs12-without-key", lambda: _packed(None, None, [shared_leaf(SIGN).certificate])),
    "sans-certificat": Faulty("pkcs12-without-certificate", lambda: _packed(new_key(), None)),
    "mot-de-passe-faux": Faulty("passphrase-wrong", _file(lambda: shared_leaf(SIGN)), passphrase="autre"),
    "mot-de-passe-absent": Faulty("passphrase-missing", _file(lambda: shared_leaf(SIGN)), passphrase=""),
    "autre-cle": Faulty("key-mismatch", lambda: _packed(new_key(), None, [shared_leaf(SIGN).certificate])),
    "cle-elliptique": Faulty("certificate-key-kind", _elliptic),
    "cle-courte": Faulty("certificate-weak-key", _file(lambda: PKI.issue(SIGN, key=new_key(1024)))),
    "cle-trop-longue": Faulty("certificate-key-too-long", _too_long),
    "sha-1": Faulty("certificate-weak-digest", _file(lambda: weakly_signed(shared_leaf(SIGN), SHA1(), 5))),  # noqa: S303
    "md5": Faulty("certificate-weak-digest", _file(lambda: weakly_signed(shared_leaf(SIGN), MD5(), 4))),  # noqa: S303
    "autorite": Faulty("certificate-is-authority", lambda: _packed(PKI.issuing_key, PKI.issuing)),
    "sans-usage": Faulty("certificate-without-usage", _file(crafted)),
    "connexion-pour-signer": Faulty("certificate-not-for-signing", _file(lambda: shared_leaf(AUTH_CLI))),
    "deux-usages": Faulty("certificate-for-connections", _file(lambda: PKI.issue(_BOTH))),
    "confidentialite": Faulty("certificate-not-for-connections", _file(lambda: PKI.issue(_CONFIDENTIALITY)), Role.AUTH_CLI),
    "serveur-pour-se-connecter": Faulty("certificate-not-for-clients", _file(lambda: shared_leaf(SERVER)), Role.AUTH_CLI),
    "sans-usage-etendu": Faulty("certificate-not-for-clients", _file(lambda: PKI.issue(_NO_PURPOSE)), Role.MAILBOX),
    "nom-libre-pour-insi": Faulty("certificate-wrong-name", _file(lambda: shared_leaf(AUTH_CLI)), Role.INSI_MANU),
    "insi-auto-pour-manu": Faulty("certificate-wrong-name", _file(lambda: PKI.issue(AUTH_CLI, common_name="INSI-AUTO")), Role.INSI_MANU),
    "nom-insi-en-minuscules": Faulty("certificate-wrong-name", _file(lambda: PKI.issue(AUTH_CLI, common_name="insi-auto")), Role.INSI_AUTO),
    "autre-structure": Faulty("certificate-wrong-structure", _file(lambda: PKI.issue(SIGN, struct_id="10B0000002"))),
    "sans-structure": Faulty(
        "certificate-without-structure",
        _file(lambda: crafted(subject=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x.test")]), extensions=_fit())),
    ),
    "expire": Faulty("certificate-expired", _file(lambda: PKI.issue(SIGN, not_before=NOW - 90 * _DAY, not_after=NOW - _DAY))),
    "pas-encore-valable": Faulty("certificate-not-yet-valid", _file(lambda: PKI.issue(SIGN, not_before=NOW + _DAY))),
    "cle-hors-periode": Faulty("signing-period-over", _file(lambda: PKI.issue(SIGN, private_key_until=NOW - timedelta(hours=1)))),
    "cle-pas-encore": Faulty(
        "signing-period-not-begun",
        _file(lambda: crafted(extensions=(*_fit(), (x509.PrivateKeyUsagePeriod(NOW + 5 * _DAY, NOW + 20 * _DAY), False)))),
    ),
    "test-en-production": Faulty("certificate-wrong-environment", _file(lambda: shared_leaf(SIGN)), environment="production"),
    "production-en-test": Faulty(
        "certificate-wrong-environment",
        _file(lambda: _other("PROD", test=False).issue(SIGN)),
        anchors=lambda: _other("PROD", test=False).anchors_pem,
    ),
    "autorites-melangees": Faulty(
        "chain-mixed", _file(lambda: _mixed().issue(SIGN)), environment="production", anchors=lambda: _mixed().anchors_pem
    ),
    "autorite-inconnue": Faulty("chain-untrusted", _file(lambda: _other("INCONNUE").issue(SIGN))),
    "chaine-coupee": Faulty("chain-untrusted", lambda: shared_leaf(SIGN).pkcs12(with_chain=False), anchors=lambda: PKI.root_pem),
    "autorite-de-meme-nom": Faulty("authority-signature-false", lambda: Pki.create("TILLEULS").issue(SIGN).pkcs12(with_chain=False)),
    "auto-signe": Faulty("certificate-self-signed", _file(_self_signed)),
    "signe-par-un-certificat-ordinaire": Faulty("authority-not-entitled", _under_a_leaf),
    "une-autorite-de-trop": Faulty("authority-too-far", _below),
    "autorite-restreinte": Faulty("authority-restricted", lambda: _below(constraints=True)),
    "autorite-en-sha-1": Faulty("authority-weak-digest", _weak_authority),
    "autorite-expiree": Faulty(
        "authority-out-of-date",
        _file(lambda: _expired_authority().issue(SIGN)),
        anchors=lambda: _expired_authority().anchors_pem,
    ),
    "mention-critique-inconnue": Faulty(
        "certificate-mention-unknown",
        _file(lambda: crafted(extensions=(*_fit(), (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)))),
    ),
    "revoque": Faulty(
        "certificate-revoked",
        lambda: _revoking()[1].pkcs12(PASSPHRASE),
        anchors=lambda: _revoking()[0].anchors_pem,
        lists=lambda: (_revoking()[0].crl_der(),),
    ),
    "autorite-revoquee": Faulty(
        "authority-revoked",
        _file(lambda: _fallen().issue(SIGN)),
        anchors=lambda: _fallen().anchors_pem,
        lists=lambda: (_root_list(_fallen()),),
    ),
    "liste-perimee": Faulty("revocation-uncertain", _file(lambda: shared_leaf(SIGN)), lists=_stale),
}
