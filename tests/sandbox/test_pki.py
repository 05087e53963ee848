"""The sandbox's certificates, judged by openssl and by Python's own TLS."""

from __future__ import annotations

import re
import ssl
import stat
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from gateway.sandbox.certificate_profiles import AUTH_CLI, INSI_AUTO, INSI_MANU, PROFILES, SERVER, SIGN, LeafProfile
from gateway.sandbox.pki import Issuer, Pki
from gateway.sandbox.problems import SandboxHomeDamaged
from tests.tools import need_tool

STRUCTURE = "10B0152872"


@pytest.fixture
def pki(home: Path) -> Pki:
    return Pki(home / "pki")


def openssl(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([need_tool("openssl"), *map(str, arguments)], capture_output=True, text=True, check=False)


def verify(pki: Pki, certificate: bytes, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    leaf = folder / "leaf.pem"
    leaf.write_bytes(certificate)
    root, chain = pki.folder / "root.pem", pki.folder / "organisations.pem"
    return openssl("verify", "-x509_strict", "-CAfile", root, "-untrusted", chain, *options, leaf)


def issue(
    pki: Pki, profile: LeafProfile, not_before: datetime | None = None, not_after: datetime | None = None, issuer: Issuer = "organisations"
) -> bytes:
    return pki.issue(
        profile,
        struct_id=STRUCTURE,
        organisation="CABINET DU PARC",
        common_name="relais.test",
        not_before=not_before,
        not_after=not_after,
        issuer=issuer,
    ).cert_pem


@pytest.mark.parametrize(
    ("profile", "purpose"),
    [(AUTH_CLI, "sslclient"), (SIGN, "smimesign"), (SERVER, "sslserver"), (INSI_MANU, "sslclient"), (INSI_AUTO, "sslclient")],
    ids=lambda value: getattr(value, "name", value),
)
def test_every_profile_passes_a_strict_openssl(pki: Pki, tmp_path: Path, profile: LeafProfile, purpose: str) -> None:
    verdict = verify(pki, issue(pki, profile), tmp_path, "-purpose", purpose, "-crl_check", "-CRLfile", str(pki.folder / "crl.pem"))
    assert verdict.returncode == 0, verdict.stderr
    assert all(name in PROFILES for name in ("AUTH_CLI", "SIGN", "SERVER"))


@pytest.mark.parametrize(
    ("profile", "purpose"),
    [(SIGN, "sslclient"), (AUTH_CLI, "smimesign"), (SERVER, "sslclient"), (replace(AUTH_CLI, digital_signature=False), "sslclient")],
)
def test_a_certificate_does_not_serve_another_purpose(pki: Pki, tmp_path: Path, profile: LeafProfile, purpose: str) -> None:
    assert verify(pki, issue(pki, profile), tmp_path, "-purpose", purpose).returncode != 0


def test_expired_not_yet_valid_and_foreign_certificates_fail(pki: Pki, tmp_path: Path) -> None:
    now, day = datetime.now(UTC), timedelta(days=1)
    assert "has expired" in verify(pki, issue(pki, AUTH_CLI, now - 2 * day, now - day), tmp_path).stderr
    assert "not yet valid" in verify(pki, issue(pki, AUTH_CLI, now + day, now + 2 * day), tmp_path).stderr
    assert "unable to get local issuer" in verify(pki, issue(pki, AUTH_CLI, issuer="foreign"), tmp_path).stderr


def test_a_revoked_certificate_is_in_the_published_list(pki: Pki, tmp_path: Path) -> None:
    kept, dropped = issue(pki, AUTH_CLI), issue(pki, SIGN)
    assert pki.revoke(structure=STRUCTURE, role="SIGN")
    crl = ("-crl_check", "-CRLfile", str(pki.folder / "crl.pem"))
    assert "certificate revoked" in verify(pki, dropped, tmp_path, *crl).stderr
    assert verify(pki, kept, tmp_path, *crl).returncode == 0
    der = openssl("crl", "-inform", "DER", "-in", pki.folder / "crl.der", "-noout", "-CAfile", pki.folder / "organisations.pem")
    assert "verify OK" in der.stderr
    assert pki.is_revoked(x509.load_pem_x509_certificate(dropped).serial_number)


def test_a_list_may_be_published_out_of_date(pki: Pki, tmp_path: Path) -> None:
    certificate = issue(pki, AUTH_CLI)
    pki.publish_crl(next_update=datetime.now(UTC) - timedelta(hours=1))
    assert "CRL has expired" in verify(pki, certificate, tmp_path, "-crl_check", "-CRLfile", str(pki.folder / "crl.pem")).stderr


def test_sign_certificates_read_like_those_of_igc_sante(pki: Pki, tmp_path: Path) -> None:
    (tmp_path / "sign.pem").write_bytes(issue(pki, SIGN))
    text = openssl("x509", "-in", tmp_path / "sign.pem", "-noout", "-text", "-nameopt", "RFC2253").stdout
    assert "Subject: CN=relais.test,OU=10B0152872,O=CABINET DU PARC,ST=Paris (75),C=FR" in text
    assert re.search(r"Key Usage: critical\n\s+Digital Signature, Non Repudiation\n", text)
    assert "E-mail Protection" in text
    assert "1.2.250.1.213.1.7.2.1.1.1.1" in text
    assert "Private Key Usage Period" in text
    assert "Public-Key: (2048 bit)" in text


def test_the_private_key_period_of_sign_ends_before_the_certificate(pki: Pki) -> None:
    certificate = x509.load_pem_x509_certificate(issue(pki, SIGN))
    period = certificate.extensions.get_extension_for_class(x509.PrivateKeyUsagePeriod).value
    assert period.not_after is not None
    assert period.not_after.replace(tzinfo=UTC) < certificate.not_valid_after_utc


def test_insi_certificates_carry_the_imposed_common_name(pki: Pki) -> None:
    subject = x509.load_pem_x509_certificate(issue(pki, INSI_MANU)).subject
    assert "CN=INSI-MANU" in subject.rfc4514_string()


def test_the_issuing_authority_may_not_found_another(pki: Pki, tmp_path: Path) -> None:
    text = openssl("x509", "-in", pki.folder / "organisations.pem", "-noout", "-text").stdout
    assert "CA:TRUE, pathlen:0" in text
    assert "X509v3 Any Policy" in text
    assert "RELAIS BAC A SABLE" in text


def test_the_hierarchy_is_made_once_and_its_keys_are_private(tmp_path: Path) -> None:
    first = Pki(tmp_path / "pki")
    certificate = issue(first, AUTH_CLI)
    first.revoke(serial=x509.load_pem_x509_certificate(certificate).serial_number)
    second = Pki(tmp_path / "pki")
    assert second.root_pem == first.root_pem
    assert second.is_revoked(x509.load_pem_x509_certificate(certificate).serial_number)
    keys = list((tmp_path / "pki").glob("*.key"))
    assert len(keys) == 2
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}


def test_the_key_handed_over_is_the_one_certified(pki: Pki) -> None:
    issued = pki.issue(SIGN, struct_id=STRUCTURE, organisation="CABINET DU PARC", common_name="relais.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    file = pki.folder / "pair.pem"
    file.write_bytes(issued.cert_pem + issued.key_pem)
    context.load_cert_chain(file)
    issuer = x509.load_pem_x509_certificate(issued.chain_pem)
    issued.certificate.verify_directly_issued_by(issuer)


@pytest.mark.parametrize("name", ["root.pem", "issued.json"])
def test_a_damaged_folder_is_said_to_be_damaged(home: Path, name: str) -> None:
    (home / "pki" / name).write_bytes(b"-----BEGIN NOTHING")
    with pytest.raises(SandboxHomeDamaged):
        Pki(home / "pki")
