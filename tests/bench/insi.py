"""What INSi costs the box beside the network: one search from the desk to the registry, its stages, and the check made at start.

The search is the product's own, over a journal on the disk; only the teleservice is a port that answers at once with bytes made before.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from lxml import etree
from structlog.testing import capture_logs

from gateway.app import system_clock
from gateway.flow.identities.request import SearchBody
from gateway.flow.identities.views import DeferredView
from gateway.health.check import Severity, Site
from gateway.health.checks import insi
from gateway.ins.criteria import Software
from gateway.ins.envelope import envelope, new_message_id
from gateway.ins.question import question
from gateway.ins.reading import read_answer
from gateway.ins.requests import Operation, traits_body
from gateway.journal.sqlite import SqliteStore
from gateway.kernel.clock import FrozenClock, SystemClock
from gateway.kernel.config import Configuration, read_configuration
from gateway.kernel.home import Home
from gateway.remotes import Remotes
from gateway.trust.keystore import KeyStore
from gateway.trust.vault import open_vault
from gateway.wire.http import HttpRequest, HttpResponse
from tests.bench.figures import Figure, median
from tests.bench.floor import cpu_of
from tests.bench.process import load_average
from tests.flow import searching
from tests.flow.searching import FIRST, NOON, STATION, Office, answered, criteria, national, patient
from tests.ins import answers
from tests.rig.processes import running

_MOST, _CHECK_MOST = 5.0, 1.0
_COMMITS = 3
"""Of one search: the question, its end, the identity."""
_JSON = "application/soap+xml; charset=utf-8"


class _Prepared:
    """The teleservice: bytes made before, in order."""

    def __init__(self) -> None:
        self.waiting: list[HttpResponse] = []

    async def send(self, _request: HttpRequest) -> HttpResponse:
        return self.waiting.pop()

    async def close(self) -> None:
        return


@dataclass
class _Ground:
    """What a box finds when it starts: a journal on the disk."""

    store: SqliteStore
    configuration: Configuration
    clock: FrozenClock = field(default_factory=lambda: FrozenClock(NOON))
    insi: _Prepared = field(default_factory=_Prepared)


def measure_search(folder: Path, *, searches: int) -> list[Figure]:
    """CPU of one search that finds (median of `searches`, each of another patient), and of its two stages that are plain computing."""
    with capture_logs():
        taken = asyncio.run(_searched(folder, searches))
    asked = question(criteria(1), "ZOE", with_place=False)
    software = Software(idam="AAAAAAAAAAAA", name="Logiciel A", version="1")
    answer = answers.result(person=national(1))

    def build() -> bytes:
        return envelope(
            Operation.TRAITS.action, message_id=new_message_id(), moment=NOON, sender=FIRST, software=software,
            installation=str(uuid.UUID(int=7, version=4)), body=traits_body(asked),
        )  # fmt: skip

    def read() -> object:
        return read_answer(answer, _JSON, environment="test", platform="prod", software="Logiciel A")

    average = load_average()
    return [
        Figure(
            name="CPU of one INSi search beside the network", value=median(taken) * 1000, unit="ms", most=_MOST,
            floor=(_bare_commits(folder) + cpu_of(lambda: etree.fromstring(answer))) * 1000, load=average,
            note=f"median of {searches}; floor: bare parse of the answer and {_COMMITS} bare commits",
        ),
        Figure(name="stage: INSi request", value=cpu_of(build) * 1000, unit="ms", load=average),
        Figure(name="stage: INSi answer read", value=cpu_of(read) * 1000, unit="ms", load=average),
    ]  # fmt: skip


async def _searched(folder: Path, searches: int) -> list[float]:
    """CPU seconds of each search: all threads of this process, the journal's included."""
    open_vault(folder, create=True)
    fast = {"calls_per_second": 1e9, "searches_per_hour": 10**9}
    ground = _Ground(await SqliteStore.open(folder / "journal.db"), searching._configuration(insi=fast))
    try:
        office = Office(folder, before=cast("Office", ground))
        for number in range(searches + 1):
            await office.write(patient(number))
        taken = []
        for number in range(searches + 1):
            ground.insi.waiting.append(answered(answers.result(person=national(number))))
            start = time.process_time_ns()
            view = await office.searches.search(STATION, SearchBody(structure=FIRST, local_id=f"P-{number}"))
            taken.append((time.process_time_ns() - start) / 1e9)
            if isinstance(view, DeferredView) or (await office.known(f"P-{number}")).identity.recovery is None:
                raise AssertionError("a search of the benchmark was not taken into the registry")
    finally:
        await ground.store.close()
    return taken[1:]


def _bare_commits(folder: Path) -> float:
    """CPU seconds of as many commits of a page's worth of bytes, with SQLite alone."""
    with sqlite3.connect(folder / "bare.db") as bare:
        bare.execute("PRAGMA journal_mode = WAL")
        bare.execute("CREATE TABLE kept (bytes BLOB)")

        def commits() -> None:
            for _ in range(_COMMITS):
                bare.execute("INSERT INTO kept VALUES (?)", (bytes(2048),))
                bare.commit()

        taken = cpu_of(commits)
    bare.close()
    return taken


def measure_check(folder: Path, *, times: int) -> list[Figure]:
    """Seconds of what is verified before any call to INSi, for an enrolled home: settings, certificates and their names, TLS contexts."""
    folder.mkdir()
    with running(folder) as (_, gateway):
        home = Home(gateway.home)
        wall, cpu = [], []
        for _ in range(times):
            before = time.process_time_ns()
            start = time.perf_counter()
            asyncio.run(_checked(home))
            wall.append(time.perf_counter() - start)
            cpu.append((time.process_time_ns() - before) / 1e9)
    average = load_average()
    note = f"median of {times}: journal and keys opened, INSi checked, both clients made"
    return [
        Figure(name="start-up check of INSi", value=median(wall), unit="s", most=_CHECK_MOST, load=average, note=note),
        Figure(name="start-up check of INSi, CPU", value=median(cpu), unit="s", load=average),
    ]


async def _checked(home: Home) -> None:
    configuration = read_configuration(home.configuration)
    store = await SqliteStore.open(home.journal)
    try:
        keys = KeyStore(home.root, open_vault(home.root))
        found = await insi.check(
            Site(home=home.root, configuration=configuration, store=store, keys=keys, clock=system_clock(configuration))
        )
        if any(one.severity is Severity.ERROR for one in found):
            raise AssertionError("INSi of the benchmark is not well configured")
        remotes = Remotes(configuration, keys, home.anchors.read_bytes(), SystemClock(), None)
        for structure in configuration.structures:
            for user in (True, False):
                remotes.insi(structure.id, user=user)
        await remotes.close()
    finally:
        await store.close()
