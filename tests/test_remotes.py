"""The clients of the national services while certificates change on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.kernel.clock import SystemClock
from gateway.remotes import Remotes
from gateway.trust.errors import KeyUnavailable
from gateway.trust.keystore import KeyStore
from gateway.trust.roles import Role
from gateway.trust.vault import open_vault
from tests.api.rig import configuration_of
from tests.trust.handshakes import shown
from tests.trust.pki import AUTH_CLI, PASSPHRASE, SERVER, SIGN, STRUCTURE, Leaf, Profile, shared_leaf, shared_pki
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
