"""The self-checks of readers and of the card service, over the real socket of a device process that says what the test says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from typing_extensions import override

from firmware.protocol import Devices as Listed
from firmware.protocol import Reader, Request, Response
from gateway.flow.caller import new_workstation
from gateway.health.check import Result, Severity, Site
from gateway.health.checks import card_readers, card_service
from gateway.journal.memory import MemoryStore
from gateway.journal.records import PairingRecord
from gateway.kernel.clock import FrozenClock
from gateway.kernel.config import Devices
from gateway.trust.keystore import KeyStore
from gateway.trust.vault import open_vault
from tests.api.rig import configuration_of
from tests.firmware.devices.desk import ScriptedDesk, served

READER = "reader-0a1b2c3d"


class Lists(ScriptedDesk):
    """Lists these devices."""

    def __init__(self, listed: Listed) -> None:
        super().__init__()
        self.listed = listed

    @override
    async def answer(self, request: Request) -> Response:
        await super().answer(request)
        return self.listed


@pytest.fixture
def site(tmp_path: Path) -> Site:
    keys = KeyStore(tmp_path, open_vault(tmp_path, create=True))
    configuration = msgspec.structs.replace(configuration_of(), devices=Devices(start="service", socket=str(tmp_path / "s")))
    clock = FrozenClock(datetime(2026, 11, 30, tzinfo=UTC))
    return Site(home=tmp_path, configuration=configuration, store=MemoryStore(), keys=keys, clock=clock)


async def told(site: Site, listed: Listed) -> list[Result]:
    async with served(site.home / "s", Lists(listed)):
        return [*await card_service.check(site), *await card_readers.check(site)]


async def test_nothing_is_said_of_a_box_without_devices(site: Site) -> None:
    off = msgspec.structs.replace(site, configuration=configuration_of())
    assert await card_service.check(off) == []
    assert await card_readers.check(off) == []


async def test_a_process_that_is_away_is_told_once_with_its_fix(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_service, "_PATIENCE", 0.3)
    [result] = await card_service.check(site)
    assert (result.severity, result.what) == (Severity.WARNING, "Le service des lecteurs ne répond pas.")
    assert "systemctl start relais-devices" in result.gesture
    assert await card_readers.check(site) == []


async def test_pcscd_that_is_away_is_told(site: Site) -> None:
    [result] = await told(site, Listed(service=False))
    assert "pcscd" in result.what
    assert "systemctl start pcscd" in result.gesture


async def test_a_missing_library_and_no_reader_are_told(site: Site) -> None:
    alive, library, reader = await told(site, Listed())
    assert (alive.severity, library.severity, reader.severity) == (Severity.OK, Severity.WARNING, Severity.WARNING)
    assert "token_library" in library.gesture
    assert reader.what == "Aucun lecteur de cartes n'est branché."


async def test_a_reader_of_no_desk_is_told_until_it_is_paired(site: Site) -> None:
    listed = Listed(readers=(Reader(id=READER, name="Lecteur"),), token_library=True)
    _, reader = await told(site, listed)
    assert "1 lecteur(s) de cartes sur 1 ne sont associés à aucun poste" in reader.what
    station, _ = new_workstation("Bureau", ("10B0152872",), 0)
    await site.store.commit(station, PairingRecord(device=READER, workstation=station.id, at=0))
    alive, reader = await told(site, listed)
    assert (alive.severity, reader.severity) == (Severity.OK, Severity.OK)
