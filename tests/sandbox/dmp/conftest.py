"""Fixtures of the simulated DMP: one PKI per session, a service per test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.sandbox.dmp.options import DmpOptions
from gateway.sandbox.dmp.service import DmpService
from tests.sandbox.dmp.pki import Pki, make_pki
from tests.sandbox.dmp.stranger import OTHER_STRUCTURE, STRUCTURE, Cabinet, Clock, Feed

ServiceMaker = Callable[[DmpOptions], DmpService]
FeedMaker = Callable[..., Feed]

PATIENTS = (
    ("279035121518989", "active"),
    ("207058575627097", "active"),
    ("153078987658513", "closed"),
)


@pytest.fixture(scope="session")
def pki() -> Pki:
    return make_pki()


@pytest.fixture(scope="session")
def cabinet(pki: Pki) -> Cabinet:
    return Cabinet.of(pki, STRUCTURE)


@pytest.fixture(scope="session")
def other_cabinet(pki: Pki) -> Cabinet:
    return Cabinet.of(pki, OTHER_STRUCTURE)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def revoked() -> set[int]:
    return set()


@pytest.fixture
def make_service(tmp_path: Path, pki: Pki, clock: Clock, revoked: set[int]) -> Iterator[ServiceMaker]:
    made: list[DmpService] = []

    def make(options: DmpOptions) -> DmpService:
        service = DmpService(tmp_path / "dmp", pki.anchors, revoked.__contains__, clock, options)
        made.append(service)
        for matricule, dmp in PATIENTS:
            service.add_patient({"ins": {"matricule": matricule, "oid": "1.2.250.1.213.1.4.10"}, "sex": "F", "dmp": dmp})
        return service

    yield make
    for service in made:
        service.close()


@pytest.fixture
def service(make_service: ServiceMaker) -> DmpService:
    return make_service(DmpOptions())


@pytest.fixture
def feed(cabinet: Cabinet, clock: Clock) -> FeedMaker:
    def make(**changes: object) -> Feed:
        return Feed(**{"cabinet": cabinet, "now": clock.now, **changes})  # type: ignore[arg-type]

    return make
