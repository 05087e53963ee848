"""What the check says of who may use the box: counts alone, never a name."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from gateway.flow.caller import OPERATOR, certificate_digest, new_workstation
from gateway.health.check import Severity, Site
from gateway.health.checks import workstations
from gateway.journal.memory import MemoryStore
from gateway.journal.records import WorkstationRecord
from gateway.kernel.clock import FrozenClock
from gateway.kernel.config import Pairing
from gateway.trust.keystore import KeyStore
from gateway.trust.vault import open_vault
from tests.api.rig import configuration_of
from tests.trust.pki import STRUCTURE

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    keys = KeyStore(tmp_path, open_vault(tmp_path, create=True))
    configuration = msgspec.structs.replace(configuration_of(), pairing=Pairing(token_days=90))
    return Site(home=tmp_path, configuration=configuration, store=MemoryStore(), keys=keys, clock=FrozenClock(NOW))


def station(name: str, *, days_ago: float = 0) -> WorkstationRecord:
    record, _ = new_workstation(name, (STRUCTURE,), int((NOW.timestamp() - days_ago * 86_400) * 1000))
    return record


async def found(site: Site) -> list[tuple[Severity, str]]:
    results = await workstations.check(site)
    assert all(bool(one.gesture) is (one.severity is not Severity.OK) for one in results)
    return [(one.severity, one.what) for one in results]


async def test_a_box_without_an_operator_says_so(site: Site) -> None:
    await site.store.commit(station("Accueil"), msgspec.structs.replace(station(OPERATOR), revoked=True))
    assert await found(site) == [(Severity.WARNING, "Ce boîtier n'a pas d'accès installateur.")]


async def test_tokens_that_end_are_counted(site: Site) -> None:
    renewed = msgspec.structs.replace(station("Cabinet 4", days_ago=200), token_at=int(NOW.timestamp() * 1000))
    by_certificate = msgspec.structs.replace(station("Cabinet 5", days_ago=200), token_digest=certificate_digest("ab" * 32))
    gone = msgspec.structs.replace(station("Cabinet 6", days_ago=200), revoked=True)
    await site.store.commit(
        station(OPERATOR, days_ago=400),
        station("Accueil", days_ago=90),
        station("Cabinet 1", days_ago=61),
        station("Cabinet 2", days_ago=89),
        station("Cabinet 3", days_ago=59),
        renewed,
        by_certificate,
        gone,
    )
    assert await found(site) == [
        (Severity.WARNING, "Postes dont le jeton a expiré : 1."),
        (Severity.WARNING, "Postes dont le jeton expire dans les trente jours : 2."),
    ]


async def test_where_nothing_ends_the_workstations_are_counted(site: Site) -> None:
    site = msgspec.structs.replace(site, configuration=configuration_of())
    await site.store.commit(station(OPERATOR, days_ago=4_000), station("Accueil", days_ago=4_000))
    assert await found(site) == [(Severity.OK, "Postes associés : 1.")]
