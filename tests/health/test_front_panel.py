"""The self-check of the front panel, over the real socket of a device process that says what the test says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firmware.protocol import Devices as Listed
from firmware.protocol import PanelState
from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.panel.reset_requests import ResetRequests
from gateway.health.check import Severity, Site
from gateway.health.checks import front_panel
from gateway.journal.memory import MemoryStore
from gateway.kernel.clock import FrozenClock
from gateway.kernel.config import Devices
from gateway.trust.keystore import KeyStore
from gateway.trust.vault import open_vault
from tests.api.rig import configuration_of
from tests.firmware.devices.desk import served
from tests.health.test_card_checks import Lists

OK, WARNING = Severity.OK, Severity.WARNING
WELL = PanelState(connected=True, watchdog=True)


def site_of(home: Path, **devices: Any) -> Site:
    settings = Devices(**{"start": "service", "socket": str(home / "s"), **devices})
    configuration = msgspec.structs.replace(configuration_of(), devices=settings)
    clock = FrozenClock(datetime(2026, 11, 30, tzinfo=UTC))
    keys = KeyStore(home, open_vault(home, create=not (home / "box.key").exists()))
    return Site(home=home, configuration=configuration, store=MemoryStore(), keys=keys, clock=clock)


async def told(site: Site, listed: Listed) -> list[tuple[Severity, str]]:
    async with served(site.home / "s", Lists(listed)):
        results = await front_panel.check(site)
    assert all(one.gesture for one in results if one.severity is not OK)
    return [(one.severity, f"{one.what} {one.gesture}") for one in results]


@pytest.mark.parametrize(
    ("devices", "panel", "state", "expected"),
    [
        ({}, "rp2040", WELL, [(OK, "répond")]),
        ({}, None, PanelState(), [(OK, "pas de façade")]),
        ({"start": "gateway", "panel": "usb"}, None, PanelState(), [(WARNING, "« none »")]),
        ({}, "rp2040", PanelState(trouble="panel-not-opened"), [(WARNING, "dialout")]),
        ({}, "rp2040", PanelState(trouble="panel-lost"), [(WARNING, "câble")]),
        ({"panel_watchdog_seconds": 60}, "kernel", PanelState(connected=True), [(OK, "répond"), (WARNING, "panel_watchdog_seconds")]),
        ({"panel_watchdog_seconds": 60}, "rp2040", WELL, [(OK, "répond")]),
        ({}, "rp2040", PanelState(connected=True, watchdog=True, resets=2), [(OK, "répond"), (WARNING, "2 fois")]),
    ],
)
async def test_how_the_panel_stands_with_its_fix(
    tmp_path: Path, devices: dict[str, Any], panel: str | None, state: PanelState, expected: list[tuple[Severity, str]]
) -> None:
    found = await told(site_of(tmp_path, **devices), Listed(panel=panel, panel_state=state))
    assert [severity for severity, _ in found] == [severity for severity, _ in expected]
    for (_, said), (_, word) in zip(found, expected, strict=True):
        assert word in said


async def test_a_box_set_to_have_no_panel_says_so(tmp_path: Path) -> None:
    [(severity, said)] = await told(site_of(tmp_path, start="gateway", panel="none"), Listed())
    assert severity is OK
    assert "pas de façade" in said


async def test_nothing_is_said_of_a_box_without_devices(tmp_path: Path) -> None:
    assert await front_panel.check(site_of(tmp_path, start="none")) == []


async def test_a_process_that_does_not_answer_is_said(tmp_path: Path) -> None:
    [result] = await front_panel.check(site_of(tmp_path))
    assert result.severity is WARNING


async def test_a_button_held_for_ten_seconds_is_said_until_it_is_taken_back(tmp_path: Path) -> None:
    site = site_of(tmp_path, start="none")
    await ResetRequests(tmp_path, site.store, Bookkeeper(site.store, site.clock)).record()
    [result] = await front_panel.check(site)
    assert result.severity is WARNING
    assert "sans annulation" in result.what
