"""What `relais check` says of the place of the box key."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gateway.health.check import Severity, Site
from gateway.health.checks import box_key
from gateway.journal.memory import MemoryStore
from gateway.kernel.clock import SystemClock
from gateway.kernel.config import BoxKey
from gateway.trust.keystore import KeyStore
from gateway.trust.vault import open_vault
from tests.api.rig import configuration_of


def site(home: Path, environment: str = "production", **box: str) -> Site:
    keys = KeyStore(home, open_vault(home, create=True))
    settings = msgspec.structs.replace(configuration_of(), environment=environment, box_key=msgspec.convert(box, BoxKey))
    return Site(home=home, configuration=settings, store=MemoryStore(), keys=keys, clock=SystemClock())


@pytest.mark.parametrize(("environment", "severity"), [("production", Severity.WARNING), ("test", Severity.OK)])
async def test_a_plain_file_is_said_to_protect_little(tmp_path: Path, environment: str, severity: Severity) -> None:
    [found] = await box_key.check(site(tmp_path, environment))
    assert found.severity is severity
    assert "simple fichier" in found.what
    assert bool(found.gesture) is (severity is Severity.WARNING)


async def test_a_seal_without_a_way_back_is_an_error_before_it_is_needed(tmp_path: Path) -> None:
    here = site(tmp_path)
    (tmp_path / "box.key").unlink()
    (tmp_path / "box.key.tpm").write_bytes(b"{}")
    [found] = await box_key.check(here)
    assert found.severity is Severity.ERROR
    assert "sans copie de secours" in found.what
    (tmp_path / "box.key.recovery").write_bytes(b"{}")
    [found] = await box_key.check(here)
    assert (found.severity, found.gesture) == (Severity.OK, "")


async def test_a_passphrase_and_a_credential_are_said(tmp_path: Path) -> None:
    here = site(tmp_path)
    (tmp_path / "box.key").unlink()
    (tmp_path / "box.key.passphrase").write_bytes(b"{}")
    assert "mot de passe" in (await box_key.check(here))[0].what
    imposed = msgspec.structs.replace(here.configuration, box_key=BoxKey(custody="credential"))
    assert "systemd" in (await box_key.check(msgspec.structs.replace(here, configuration=imposed)))[0].what


@pytest.mark.parametrize("left", ["box.key", ".box.key.0123456789abcdef"])
async def test_a_plain_key_that_a_cut_left_beside_the_protected_one_is_told(tmp_path: Path, left: str) -> None:
    here = site(tmp_path)
    (tmp_path / "box.key").rename(tmp_path / left)
    (tmp_path / "box.key.passphrase").write_bytes(b"{}")
    [found] = await box_key.check(here)
    assert found.severity is Severity.ERROR
    assert "relais boxkey passphrase" in found.gesture
