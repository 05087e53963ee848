"""The clients of the national services while certificates change on the disk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from gateway.kernel.clock import SystemClock
from gateway.kernel.config import Insi, InsiSoftware
from gateway.remotes import Remotes
from gateway.sandbox.pki import Pki as SandboxPki
from gateway.trust.errors import CertificateWrongName, KeyUnavailable, RevocationListStale
from gateway.trust.keystore import KeyStore
from gateway.trust.revocation import certificate_lists, is_stale
from gateway.trust.roles import Role
from gateway.trust.vault import open_vault
from tests.api.rig import configuration_of
from tests.trust.handshakes import shown
from tests.trust.pki import AUTH_CLI, PASSPHRASE, SERVER, SIGN, STRUCTURE, Leaf, Profile, shared_leaf, shared_pki
from tests.trust.seated import seat
from tests.wire.tls_peer import server_context


def place(home: Path, leaf: Leaf, role: Role) -> None:
    """As another process would."""
    anchors = shared_pki().anchors_pem
    KeyStore(home, open_vault(home)).import_pkcs12(STRUCTURE, role, leaf.pkcs12(), PASSPHRASE, environment="test", anchors=anchors)


@pytest.fixture
def remotes(tmp_path: Path) -> Remotes:
    vault = open_vault(tmp_path, create=True)
    place(tmp_path, shared_leaf(AUTH_CLI), Role.AUTH_CLI)
    place(tmp_path, shared_leaf(SIGN), Role.SIGN)
    return Remotes(configuration_of(), KeyStore(tmp_path, vault), shared_pki().anchors_pem, SystemClock(), None)


def shows(remotes: Remotes) -> bytes | None:
    """What the newest client shows when it connects."""
    client = remotes._contexts[-1][1]
    client.check_hostname = False
    _, der = shown(client, server_context(leaf=shared_leaf(SERVER)), "dmp.relais.test")
    return der


async def test_without_a_change_clients_are_kept(remotes: Remotes) -> None:
    dmp, operator = remotes.dmp(STRUCTURE), remotes.operator(STRUCTURE)
    await remotes.refresh()
    assert (remotes.dmp(STRUCTURE), remotes.operator(STRUCTURE)) == (dmp, operator)
    await remotes.close()


@pytest.mark.parametrize(("role", "profile"), [(Role.AUTH_CLI, AUTH_CLI), (Role.SIGN, SIGN)])
async def test_a_new_certificate_is_used_without_a_restart(remotes: Remotes, tmp_path: Path, role: Role, profile: Profile) -> None:
    dmp, operator = remotes.dmp(STRUCTURE), remotes.operator(STRUCTURE)
    former = shows(remotes)
    assert former == shared_leaf(AUTH_CLI).der
    renewed = shared_pki().issue(profile)
    place(tmp_path, renewed, role)
    assert remotes.dmp(STRUCTURE) is dmp, "nothing changes in the middle of an hour"
    await remotes.refresh()
    assert remotes.dmp(STRUCTURE) is not dmp
    assert remotes.operator(STRUCTURE) is not operator
    assert shows(remotes) == (renewed.der if role is Role.AUTH_CLI else former)
    assert remotes._keys.certificate(STRUCTURE, role) == renewed.der
    await remotes.refresh()
    await remotes.close()


async def test_a_certificate_taken_away_stops_its_structure_and_a_damaged_file_stops_nothing(remotes: Remotes, tmp_path: Path) -> None:
    dmp = remotes.dmp(STRUCTURE)
    path = tmp_path / "keys" / STRUCTURE / f"{Role.AUTH_CLI}.sealed"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    await remotes.refresh()
    assert remotes.dmp(STRUCTURE) is dmp
    path.unlink()
    await remotes.refresh()
    with pytest.raises(KeyUnavailable):
        remotes.dmp(STRUCTURE)
    await remotes.close()


def with_insi(home: Path) -> Remotes:
    """A box that starts with what its home holds."""
    software = (InsiSoftware(id="lgc", idam="AAAAAAAAAAAA", name="Logiciel", version="1"),)
    configuration = msgspec.structs.replace(configuration_of(), insi=Insi(url="https://insi.relais.test/lps", software=software))
    return Remotes(configuration, KeyStore(home, open_vault(home)), shared_pki().anchors_pem, SystemClock(), None)


async def test_a18_a_certificate_of_another_name_is_told_at_start_and_no_call_is_made_with_it(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path, open_vault(tmp_path, create=True))
    seat(keys, Role.INSI_MANU, "Padoa")
    seat(keys, Role.INSI_AUTO, "INSI-AUTO")
    with capture_logs() as told:
        remotes = with_insi(tmp_path)
    assert [(one["log_level"], one["role"], one["code"]) for one in told] == [("error", "insi_manu", "certificate-wrong-name")]
    with pytest.raises(CertificateWrongName):
        remotes.insi(STRUCTURE, user=True)
    assert remotes._insi_ports == {}
    remotes.insi(STRUCTURE, user=False)
    await remotes.close()


async def test_a_box_whose_insi_certificates_are_right_or_that_does_not_use_insi_starts_without_a_word(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path, open_vault(tmp_path, create=True))
    with capture_logs() as told:
        await Remotes(configuration_of(), keys, shared_pki().anchors_pem, SystemClock(), None).close()
        seat(keys, Role.INSI_MANU, "INSI-MANU")
        seat(keys, Role.INSI_AUTO, "INSI-AUTO")
        await with_insi(tmp_path).close()
    assert told == []


async def test_the_stale_list_of_a_configured_authority_keeps_mail_back_and_that_of_no_other(remotes: Remotes, tmp_path: Path) -> None:
    other = SandboxPki(tmp_path / "other")
    other.publish_crl(datetime.now(UTC) - timedelta(days=90))
    [held] = certificate_lists([other.crl_der])
    assert is_stale(held, datetime.now(UTC))
    remotes.heed([other.crl_der])
    assert remotes.operator(STRUCTURE) is not None
    past = datetime.now(UTC) - timedelta(days=1)
    remotes.heed([other.crl_der, shared_pki().crl_der(issued=past - timedelta(days=1), next_update=past)])
    with pytest.raises(RevocationListStale):
        remotes.operator(STRUCTURE)
    await remotes.close()
