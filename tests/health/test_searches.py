"""What the checks say of suspended searches, from the audit trail alone: nobody's name, and nothing of what is over."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.health.check import Result, Severity, Site
from gateway.health.checks import searches
from gateway.journal.memory import MemoryStore
from gateway.journal.records import AuditRecord
from gateway.kernel.clock import FrozenClock
from gateway.trust.keystore import KeyStore
from gateway.trust.vault import open_vault
from tests.api.rig import configuration_of
from tests.flow.searching import NUMBER_REFUSED, Office, patient
from tests.trust.pki import STRUCTURE

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    keys = KeyStore(tmp_path, open_vault(tmp_path, create=True))
    return Site(home=tmp_path, configuration=configuration_of(), store=MemoryStore(), keys=keys, clock=FrozenClock(NOW))


async def write(site: Site, act: str, *, minutes_ago: float = 1, software: str | None = None, actor: str = "system") -> None:
    at = int((NOW.timestamp() - minutes_ago * 60) * 1000)
    detail: dict[str, str | int | bool | None] = {"software": software} if act.startswith("inquiries") else {}
    await site.store.commit(AuditRecord(at=at, act=act, actor=actor, structure=STRUCTURE, answer="insi-software-unknown", detail=detail))


async def found(site: Site) -> list[str]:
    results: list[Result] = await searches.check(site)
    assert all(bool(one.gesture) is (one.severity is Severity.WARNING) for one in results)
    return [one.what for one in results if one.severity is Severity.WARNING]


async def test_nothing_suspended_is_ok(site: Site) -> None:
    [result] = await searches.check(site)
    assert result.severity is Severity.OK
    for number in range(40):
        await write(site, "document.accepted", minutes_ago=40 - number)
    assert await found(site) == []


async def test_a_paused_software_is_told_until_its_searches_go_on(site: Site) -> None:
    await write(site, "inquiries.paused", software="lgc-a", minutes_ago=50)
    await write(site, "inquiries.paused", software="lgc-b", minutes_ago=40)
    assert ["lgc-a" in one or "lgc-b" in one for one in await found(site)] == [True, True]
    assert "insi-software-unknown" in (await found(site))[0]
    await write(site, "inquiries.resumed", software="lgc-a")
    [left] = await found(site)
    assert "« lgc-b »" in left


async def test_a_paused_structure_is_told_by_its_name(site: Site) -> None:
    await write(site, "inquiries.paused")
    [told] = await found(site)
    assert "CABINET MEDICAL DU PORT" in told
    await write(site, "inquiries.resumed")
    assert await found(site) == []


async def test_a_pause_of_before_a_restart_is_forgotten_since_one_that_lasts_is_written_each_hour(site: Site) -> None:
    await write(site, "inquiries.paused", software="lgc-a", minutes_ago=121)
    assert await found(site) == []


async def test_suspended_workstations_are_counted_for_an_hour_and_not_named(site: Site) -> None:
    await write(site, "insi.search-limit", minutes_ago=61, actor="workstation:old")
    assert await found(site) == []
    await write(site, "insi.search-limit", minutes_ago=59, actor="workstation:one")
    await write(site, "insi.search-limit", minutes_ago=58, actor="workstation:one")
    await write(site, "insi.search-limit", minutes_ago=57, actor="workstation:two")
    [told] = await found(site)
    assert "2 poste(s)" in told
    assert "one" not in told.split()


@pytest.mark.parametrize("lines", [0, 1, 2, 3, 7, 8, 1023, 1024, 1025])
async def test_the_end_of_the_trail_is_found_whatever_its_length(site: Site, lines: int) -> None:
    await site.store.commit(*(AuditRecord(at=1, act="delivery.sent", actor="system") for _ in range(lines)))
    await write(site, "insi.search-limit")
    assert len(await found(site)) == 1


async def test_what_the_box_itself_writes_is_what_the_check_reads(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "office"
    folder.mkdir()
    office = Office(folder, start=NOW)
    office.insi.rule = lambda _: NUMBER_REFUSED
    await office.write(patient(1))
    identifier = await office.ask("P-1", software="lgc-b")
    beside = Site(home=folder, configuration=office.configuration, store=office.store, keys=site.keys, clock=office.clock)
    async with office.working():
        await office.settle()
        [told] = await found(beside)
        assert "« lgc-b »" in told
        office.insi.rule = lambda _: None
        office.later(61)
        await office.until_state(identifier, "done")
    assert await found(beside) == []
