from __future__ import annotations

from pathlib import Path

import pytest

from firmware.scratch import Place
from gateway.health.check import Severity, Site
from gateway.health.checks import scratch
from gateway.journal.memory import MemoryStore
from gateway.kernel.clock import SystemClock
from gateway.trust.keystore import KeyStore
from gateway.trust.vault import open_vault
from tests.api.rig import configuration_of


@pytest.mark.parametrize(("volatile", "severity"), [(True, Severity.OK), (False, Severity.WARNING)])
async def test_work_on_the_disk_is_a_warning_with_its_gesture(
    volatile: bool, severity: Severity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "scratch_place", lambda fallback: Place(fallback, volatile))
    keys = KeyStore(tmp_path, open_vault(tmp_path, create=True))
    site = Site(home=tmp_path, configuration=configuration_of(), store=MemoryStore(), keys=keys, clock=SystemClock())
    [result] = await scratch.check(site)
    assert result.severity is severity
    assert bool(result.gesture) is (severity is Severity.WARNING)
