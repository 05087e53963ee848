"""Paths and revocation lists, with openssl as second opinion."""

from __future__ import annotations

import base64
import random
import subprocess
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.kernel.errors import ConfigurationFault
from gateway.trust.certificate import distinguished_name, environment_of, load_certificate, load_certificates, signing_end, subject_dn
from gateway.trust.chain import build_path, read_authorities
from gateway.trust.errors import CertificateMalformed, ChainUntrusted, RevocationListRefused
from gateway.trust.pkcs12_file import open_pkcs12
from gateway.trust.revocation import RevocationLists, read_list, revocation_of
from tests.shared import need
from tests.tools import need_tool
from tests.trust.pki import NOW, PASSPHRASE, SERVER, SIGN, Leaf, Pki, authority_name, leaf_name, new_key, shared_leaf, shared_pki

PKI = shared_pki()
AUTHORITIES = read_authorities(PKI.anchors_pem)


def openssl_agrees(tmp_path: Path, leaf: bytes, anchors: bytes, *options: str) -> bool:
    (tmp_path / "anchors.pem").write_bytes(anchors)
    (tmp_path / "leaf.pem").write_bytes(leaf)
    command = [need_tool("openssl"), "verify", "-no-CApath", "-CAfile", "anchors.pem", *options, "leaf.pem"]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0


def refused(leaf: Leaf | x509.Certificate, pki: Pki = PKI, *hints: x509.Certificate) -> str:
    certificate = leaf.certificate if isinstance(leaf, Leaf) else leaf
    with pytest.raises(ChainUntrusted) as refusal:
        build_path(certificate, read_authorities(pki.anchors_pem), NOW, hints)
    return refusal.value.explanation.what


def as_issuer(leaf: Leaf) -> x509.Certificate:
    """A certificate signed by a mere leaf."""
    key = new_key()
    return (
        x509.CertificateBuilder()
        .subject_name(leaf_name("10B0000003", "volée.test"))
        .issuer_name(leaf.certificate.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .sign(leaf.key, SHA256())
    )


@pytest.mark.conformity
def test_a_path_goes_from_leaf_to_root(tmp_path: Path) -> None:
    leaf = shared_leaf(SIGN)
    assert build_path(leaf.certificate, AUTHORITIES, NOW) == (leaf.certificate, PKI.issuing, PKI.root)
    assert openssl_agrees(tmp_path, leaf.pem, PKI.anchors_pem, "-x509_strict")


def test_a_hint_links_but_does_not_anchor() -> None:
    leaf = shared_leaf(SIGN)
    rooted = read_authorities(PKI.root_pem)
    assert build_path(leaf.certificate, rooted, NOW, [PKI.issuing])[-1] == PKI.root
    with pytest.raises(ChainUntrusted):
        build_path(leaf.certificate, rooted, NOW)
    stranger = Pki.create("TILLEULS")
    assert "ne se vérifie pas" in refused(stranger.issue(SIGN), PKI, stranger.issuing, stranger.root)


@pytest.mark.conformity
def test_a_leaf_is_no_authority(tmp_path: Path) -> None:
    leaf = shared_leaf(SIGN)
    stolen = as_issuer(leaf)
    assert "n'est pas celui d'une autorité" in refused(stolen, PKI, leaf.certificate)
    assert not openssl_agrees(tmp_path, stolen.public_bytes(Encoding.PEM), PKI.anchors_pem + leaf.pem)


def test_a_path_too_long_for_its_authority_is_refused() -> None:
    key = new_key()
    builder = x509.CertificateBuilder().subject_name(authority_name("TEST AC DE TROP")).issuer_name(PKI.issuing.subject)
    below = (
        builder.public_key(key.public_key())
        .serial_number(9)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(PKI.issuing_key, SHA256())
    )
    pki = Pki(PKI.root_key, PKI.root, key, below)
    leaf = pki.issue(SIGN)
    assert "désigner une autre" in refused(leaf, PKI, below)


def test_an_authority_out_of_its_time_is_refused() -> None:
    pki = Pki.create("PERIMEE", not_after=NOW - timedelta(days=1))
    leaf = pki.issue(SIGN)
    assert "pas en cours de validité" in refused(leaf, pki)
    assert build_path(leaf.certificate, read_authorities(pki.anchors_pem), NOW - timedelta(days=2))


@pytest.mark.conformity
def test_a_certificate_signed_with_sha1_is_refused(tmp_path: Path) -> None:
    leaf = shared_leaf(SIGN)
    issuing_key = PKI.issuing_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for name, content in (("ca.pem", PKI.chain_pem), ("ca.key", issuing_key), ("leaf.key", leaf.key_pem)):
        (tmp_path / name).write_bytes(content)
    openssl = need_tool("openssl")
    for command in (
        "req -new -key leaf.key -subj /CN=x.test -out leaf.csr",
        "x509 -req -sha1 -in leaf.csr -CA ca.pem -CAkey ca.key -out x.pem",
    ):
        subprocess.run([openssl, *command.split()], cwd=tmp_path, check=True, capture_output=True)
    assert "procédé abandonné" in refused(load_certificates((tmp_path / "x.pem").read_bytes())[0])


def test_a_certificate_with_an_unknown_critical_mention_is_refused() -> None:
    key = new_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(leaf_name("1", "x.test"))
        .issuer_name(PKI.issuing.subject)
        .public_key(key.public_key())
        .serial_number(11)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
    )
    strange = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), critical=True)
    assert "mention obligatoire inconnue" in refused(strange.sign(PKI.issuing_key, SHA256()))


def test_the_official_test_authorities_are_read_and_link_to_the_official_leaf() -> None:
    folder = need("data", "cda", "pki")
    pem = (folder / "ACR-EL-TEST.pem").read_bytes() + (folder / "ACI-EL-ORG-TEST.pem").read_bytes()
    leaf = load_certificates((folder / "ORG_SIGN_test_expired_2022.pem").read_bytes())[0]
    assert len(build_path(leaf, read_authorities(pem), signing_end(leaf))) == 3
    assert environment_of(leaf) == "test"
    assert f"{signing_end(leaf):%Y-%m-%d}" == "2022-08-08"
    assert distinguished_name(leaf.subject) == "CN=rpps.tra.henix.asipsante.fr,OU=318751275100020,O=ASIP-SANTE,ST=Paris (75),C=FR"


@pytest.mark.conformity
def test_names_are_written_as_openssl_writes_them(tmp_path: Path) -> None:
    leaf = PKI.issue(SIGN, common_name='Dupont, "Fils" + <Cie>; \\ #é')
    (tmp_path / "leaf.pem").write_bytes(leaf.pem)
    command = [need_tool("openssl"), "x509", "-in", "leaf.pem", "-noout", "-subject", "-nameopt", "RFC2253,-esc_msb,utf8"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert said.strip() == f"subject={subject_dn(leaf.der)}"


def test_what_is_no_certificate_is_refused() -> None:
    for wrong in (b"", b"x", shared_leaf(SIGN).der[:-5], shared_leaf(SIGN).pem):
        with pytest.raises(CertificateMalformed):
            load_certificate(wrong)
    with pytest.raises(CertificateMalformed):
        load_certificates(b"nothing")


def test_revocation_by_the_newest_list_of_the_right_authority() -> None:
    pki = Pki.create("LISTES")
    leaf, other = pki.issue(SERVER), pki.issue(SERVER)
    old = read_list(pki.crl_der(issued=NOW - timedelta(days=3)))
    pki.revoke(leaf, NOW - timedelta(hours=5))
    new = read_list(pki.crl_pem())
    assert revocation_of(leaf.certificate, pki.issuing, [new, old], NOW).revoked_at == NOW - timedelta(hours=5)
    assert revocation_of(leaf.certificate, pki.issuing, [old], NOW).revoked_at is None
    assert revocation_of(other.certificate, pki.issuing, [new, old], NOW).known
    assert revocation_of(leaf.certificate, pki.issuing, [new], NOW - timedelta(hours=6)).revoked_at is None
    assert not revocation_of(leaf.certificate, pki.issuing, [], NOW).known
    forged = Pki.create("LISTES")
    forged.revoked = {other.certificate.serial_number: NOW}
    assert not revocation_of(other.certificate, pki.issuing, [read_list(forged.crl_der())], NOW).known


def test_the_last_good_list_is_kept_and_said_to_be_stale(tmp_path: Path) -> None:
    pki = Pki.create("DERNIERE")
    lists = RevocationLists(tmp_path, read_authorities(pki.anchors_pem))
    assert lists.held() == ()
    leaf = pki.issue(SERVER)
    older = pki.crl_der(issued=NOW - timedelta(days=9), next_update=NOW - timedelta(days=2))
    pki.revoke(leaf)
    held = pki.crl_pem(issued=NOW - timedelta(days=8), next_update=NOW - timedelta(days=1))
    lists.offer(held)
    for wrong in (older, b"rubbish", b"", Pki.create("DERNIERE").crl_der()):
        with pytest.raises(RevocationListRefused):
            lists.offer(wrong)
    again = RevocationLists(tmp_path, read_authorities(pki.anchors_pem))
    assert again.held() == (read_list(held).public_bytes(Encoding.DER),)
    assert len(again.stale(NOW)) == 1
    assert revocation_of(leaf.certificate, pki.issuing, map(read_list, again.held()), NOW).revoked_at is not None
    again.offer(pki.crl_der())
    assert again.stale(NOW) == ()


def _read_anchors(der: bytes) -> object:
    return read_authorities(b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n")


def _read_revocation(der: bytes) -> object:
    return revocation_of(shared_leaf(SIGN).certificate, PKI.issuing, [read_list(der)], NOW)


@pytest.mark.parametrize(
    ("read", "true"),
    [
        (_read_anchors, PKI.root.public_bytes(Encoding.DER)),
        (_read_revocation, PKI.crl_der()),
        (lambda der: open_pkcs12(der, PASSPHRASE), shared_leaf(SIGN).pkcs12()),
    ],
    ids=["authority", "list", "pkcs12"],
)
def test_broken_files_are_refused_with_our_own_errors(read: Callable[[bytes], object], true: bytes) -> None:
    chance, refusals = random.Random(11), 0
    read(true)
    for _ in range(150):
        broken = bytearray(true)
        for _ in range(chance.choice((1, 2, 5))):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        try:
            with warnings.catch_warnings(action="ignore"):
                read(bytes(broken))
        except ConfigurationFault:
            refusals += 1
    assert refusals > 10
