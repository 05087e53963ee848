"""What the checks say of INSi before anything is asked: settings, and the two certificates under their exact names (insi.md 2.3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.health.check import Severity, Site
from gateway.health.checks import insi
from gateway.journal.memory import MemoryStore
from gateway.kernel.clock import FrozenClock
from gateway.kernel.config import Configuration, Insi, InsiSoftware
from gateway.trust.keystore import KeyStore
from gateway.trust.roles import Role
from gateway.trust.vault import open_vault
from tests.api.rig import configuration_of
from tests.trust.seated import seat

SOFTWARE = (InsiSoftware(id="lgc", idam="AAAAAAAAAAAA", name="Logiciel", version="1"),)
NOW = datetime.now(UTC)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(
        home=tmp_path,
        configuration=with_insi(url="https://insi.relais.test/lps", software=SOFTWARE),
        store=MemoryStore(),
        keys=KeyStore(tmp_path, open_vault(tmp_path, create=True)),
        clock=FrozenClock(NOW),
    )


def with_insi(**settings: Any) -> Configuration:
    return msgspec.structs.replace(configuration_of(), insi=Insi(**settings))


async def found(site: Site) -> list[tuple[Severity, str]]:
    return [(one.severity, one.what) for one in await insi.check(site)]


async def test_a18_a_certificate_of_another_name_is_an_error_that_says_the_name_wanted(site: Site) -> None:
    seat(site.keys, Role.INSI_MANU, "Padoa")
    seat(site.keys, Role.INSI_AUTO, "INSI-AUTO")
    manu, auto = (await found(site))[1:]
    assert manu[0] is Severity.ERROR
    assert "INSI-MANU" in manu[1]
    assert auto[0] is Severity.OK


async def test_a_box_without_insi_says_so_and_asks_for_nothing(site: Site) -> None:
    bare = msgspec.structs.replace(site, configuration=with_insi())
    assert [severity for severity, _ in await found(bare)] == [Severity.OK]


async def test_without_a_number_nobody_could_ask(site: Site) -> None:
    bare = msgspec.structs.replace(site, configuration=with_insi(url="https://insi.relais.test/lps"))
    [(severity, what)] = await found(bare)
    assert (severity, "Aucun logiciel" in what) == (Severity.ERROR, True)


async def test_what_is_missing_is_told_by_who_cannot_ask(site: Site) -> None:
    manu, auto = (await found(site))[1:]
    assert (manu[0], auto[0]) == (Severity.ERROR, Severity.WARNING)
    assert "les recherches du personnel" in manu[1]


@pytest.mark.parametrize(("days", "severity"), [(-1, Severity.ERROR), (89, Severity.WARNING), (91, Severity.OK)])
async def test_the_end_of_a_certificate_is_told_ninety_days_before(site: Site, days: int, severity: Severity) -> None:
    seat(site.keys, Role.INSI_MANU, "INSI-MANU", until=NOW + timedelta(days=days, hours=1))
    manu = (await found(site))[1]
    assert manu[0] is severity, manu[1]
