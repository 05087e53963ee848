"""The LAN authority, judged by openssl and by Python's own TLS client."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.trust.identity import TlsIdentity
from gateway.trust.lan import LanAuthority, LanKeyUnavailable, LanNameRefused, _leaf_certificate
from gateway.trust.lan_names import names_of
from gateway.trust.tls import client_context, server_context
from gateway.trust.vault import Vault, open_vault
from tests.tools import need_tool
from tests.trust.pki import NOW
from tests.trust.test_tls import talk

NAMES = ("relais.local", "localhost", "127.0.0.1", "::1", "192.168.1.20")


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return open_vault(tmp_path, create=True)


@pytest.fixture
def authority(tmp_path: Path, vault: Vault) -> LanAuthority:
    return LanAuthority(tmp_path, vault)


def openssl_verify(tmp_path: Path, leaf: bytes, *more: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "leaf.pem").write_bytes(leaf)
    trusted = () if "-CAfile" in more else ("-CAfile", str(tmp_path / "lan-ca.pem"))
    command = [need_tool("openssl"), "verify", "-x509_strict", "-purpose", "sslserver", *trusted, *more]
    return subprocess.run([*command, str(tmp_path / "leaf.pem")], capture_output=True, text=True, check=False)


def pem(identity: TlsIdentity) -> bytes:
    return identity.certificate.public_bytes(Encoding.PEM)


@pytest.mark.conformity
@pytest.mark.parametrize("option", [("-verify_hostname", "relais.local"), ("-verify_ip", "192.168.1.20"), ("-verify_ip", "::1")])
def test_openssl_accepts_the_chain_strictly(tmp_path: Path, authority: LanAuthority, option: tuple[str, str]) -> None:
    result = openssl_verify(tmp_path, pem(authority.identity(NAMES, NOW)), *option)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "relais.local"])
async def test_a_client_that_trusts_the_authority_connects(authority: LanAuthority, name: str) -> None:
    context = server_context(authority.identity(NAMES, NOW))
    assert await talk(context, client_context(None, authority.certificate_path.read_bytes()), name) == b"seen hello\n"


def test_a_restart_keeps_the_certificate(tmp_path: Path, vault: Vault, authority: LanAuthority) -> None:
    first = authority.identity(NAMES, NOW)
    again = LanAuthority(tmp_path, vault).identity(NAMES, NOW + timedelta(days=59))
    assert again.der == first.der


@pytest.mark.parametrize("later", [timedelta(days=61), timedelta(days=400)], ids=["near its end", "over"])
def test_the_certificate_is_made_again_when_due(authority: LanAuthority, later: timedelta) -> None:
    first = authority.identity(NAMES, NOW)
    ca = authority.certificate_path.read_bytes()
    again = authority.identity(NAMES, NOW + later)
    assert again.der != first.der
    assert authority.certificate_path.read_bytes() == ca


def test_what_a_clock_that_was_ahead_made_is_made_again_with_the_same_key(authority: LanAuthority) -> None:
    first = authority.identity(NAMES, NOW)
    before = authority.certificates().authority
    again = authority.identity(NAMES, NOW - timedelta(days=30))
    after = authority.certificates().authority
    assert before is not None
    assert after is not None
    assert again.der != first.der
    assert after.not_valid_before_utc <= NOW - timedelta(days=30)
    assert after.public_key() == before.public_key()
    assert authority.certificates().former_authority == before


@pytest.mark.parametrize("wrong", [timedelta(days=-365 * 50), timedelta(days=20_000)], ids=["no battery", "far ahead"])
def test_nothing_is_made_again_for_a_date_that_may_be_wrong(authority: LanAuthority, wrong: timedelta) -> None:
    first = authority.identity(NAMES, NOW)
    ca = authority.certificate_path.read_bytes()
    assert authority.identity(NAMES, NOW + wrong, dated=False).der == first.der
    assert authority.certificate_path.read_bytes() == ca


@pytest.mark.conformity
def test_after_ninety_days_without_power_a_browser_sees_a_valid_certificate(tmp_path: Path, authority: LanAuthority, vault: Vault) -> None:
    first = authority.identity(NAMES, NOW)
    back = NOW + timedelta(days=91)
    again = LanAuthority(tmp_path, vault).identity(NAMES, back)
    assert first.certificate.not_valid_after_utc < back
    at = ("-attime", str(int(back.timestamp())), "-verify_hostname", "relais.local")
    assert openssl_verify(tmp_path, pem(first), *at).returncode != 0
    assert openssl_verify(tmp_path, pem(again), *at).returncode == 0


@pytest.mark.conformity
def test_the_authority_is_signed_anew_a_year_before_its_end_and_both_are_recognised(tmp_path: Path, authority: LanAuthority) -> None:
    authority.identity(NAMES, NOW)
    installed = authority.certificate_path.read_bytes()
    day = timedelta(days=1)
    authority.identity(NAMES, NOW + 3284 * day)
    assert authority.certificate_path.read_bytes() == installed
    later = NOW + 3286 * day
    leaf = authority.identity(NAMES, later)
    renewed = authority.certificate_path.read_bytes()
    assert renewed != installed
    assert authority.certificates().former_authority == x509.load_pem_x509_certificate(installed)
    (tmp_path / "installed.pem").write_bytes(installed)
    (tmp_path / "both.pem").write_bytes(installed + renewed)
    at = ("-attime", str(int(later.timestamp())), "-verify_hostname", "relais.local")
    for trusted in ("lan-ca.pem", "installed.pem", "both.pem"):
        assert openssl_verify(tmp_path, pem(leaf), *at, "-CAfile", str(tmp_path / trusted)).returncode == 0, trusted
    beyond = ("-attime", str(int((NOW + 3690 * day).timestamp())))
    last = authority.identity(NAMES, NOW + 3689 * day)
    assert openssl_verify(tmp_path, pem(last), *beyond).returncode == 0
    assert openssl_verify(tmp_path, pem(last), *beyond, "-CAfile", str(tmp_path / "installed.pem")).returncode != 0
    assert openssl_verify(tmp_path, pem(last), *beyond, "-CAfile", str(tmp_path / "both.pem")).returncode == 0


def test_a_cut_while_the_authority_is_signed_anew_leaves_one_that_serves(
    tmp_path: Path, authority: LanAuthority, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.identity(NAMES, NOW)
    installed = authority.certificates().authority
    later, kept = NOW + timedelta(days=3300), LanAuthority._keep

    def cut(self: LanAuthority, path: Path, *rest: object) -> None:
        raise OSError(path.name)

    monkeypatch.setattr(LanAuthority, "_keep", cut)
    with pytest.raises(LanKeyUnavailable):
        authority.identity(NAMES, later)
    assert authority.certificates().authority == authority.certificates().former_authority == installed
    monkeypatch.setattr(LanAuthority, "_keep", kept)
    LanAuthority(tmp_path, vault).identity(NAMES, later)
    assert authority.certificates().former_authority == installed
    assert authority.certificates().authority != installed


def test_new_names_make_a_new_certificate_of_the_same_authority(authority: LanAuthority) -> None:
    first = authority.identity(NAMES, NOW)
    again = authority.identity((*NAMES, "10.0.0.7"), NOW)
    assert again.der != first.der
    assert again.certificate.issuer == first.certificate.issuer


def test_ninety_days_and_a_server_purpose_only(authority: LanAuthority) -> None:
    leaf = authority.identity(NAMES, NOW).certificate
    assert leaf.not_valid_after_utc - NOW == timedelta(days=90)
    assert [one.dotted_string for one in leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value] == ["1.3.6.1.5.5.7.3.1"]


@pytest.mark.conformity
@pytest.mark.parametrize("stolen", ["mabanque.example", "8.8.8.8", "2001:db8::1"])
def test_the_authority_vouches_for_nothing_outside(tmp_path: Path, authority: LanAuthority, vault: Vault, stolen: str) -> None:
    authority.identity(NAMES, NOW)
    with pytest.raises(LanNameRefused) as refusal:
        authority.identity((*NAMES, stolen), NOW)
    assert stolen in refusal.value.explanation.what
    key, certificate = authority._open(tmp_path / "lan-ca.sealed", b"lan authority")
    names = [name for name in names_of([stolen]).values() if name is not None]
    forged = _leaf_certificate(ec.generate_private_key(ec.SECP256R1()), names, key, certificate, NOW)
    result = openssl_verify(tmp_path, forged.public_bytes(Encoding.PEM))
    assert result.returncode != 0
    assert "permitted subtree violation" in result.stdout + result.stderr


@pytest.mark.conformity
def test_a_configured_outside_name_is_part_of_the_authority_from_the_start(tmp_path: Path, authority: LanAuthority) -> None:
    leaf = authority.identity(("relais.cabinet.test", "203.0.113.9"), NOW)
    for option in (("-verify_hostname", "relais.cabinet.test"), ("-verify_ip", "203.0.113.9")):
        assert openssl_verify(tmp_path, pem(leaf), *option).returncode == 0


@pytest.mark.parametrize("wrong", ["", "re lais", "-relais", "a" * 64 + ".local", "relais..local", "é.local"])
def test_a_malformed_name_is_refused(authority: LanAuthority, wrong: str) -> None:
    with pytest.raises(LanNameRefused):
        authority.identity((wrong,), NOW)


def test_a_damaged_leaf_is_made_again_and_a_damaged_authority_says_so(tmp_path: Path, authority: LanAuthority) -> None:
    authority.identity(NAMES, NOW)
    (tmp_path / "lan-server.sealed").write_bytes(b"x" * 100)
    authority.identity(NAMES, NOW)
    ca = tmp_path / "lan-ca.sealed"
    ca.write_bytes(ca.read_bytes()[:-1] + b"\0")
    with pytest.raises(LanKeyUnavailable):
        authority.identity(NAMES, NOW)
