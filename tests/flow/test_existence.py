"""What is remembered of a patient's DMP: of that matricule, and of the past only."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.dmp.client import DmpClient
from gateway.dmp.errors import NoDmp
from gateway.dmp.existence import Existence
from gateway.flow.attempt import Trip
from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.dmp_courier import DmpCourier
from gateway.journal.memory import MemoryStore
from gateway.journal.records import ExistenceRecord
from gateway.kernel.clock import FrozenClock
from gateway.kernel.config import Configuration, Dmp
from gateway.model.patient import Ins
from gateway.trust.keystore import KeyStore
from gateway.trust.vault import open_vault
from tests.xds.documents import CABINET, DOCTOR, INS

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
OTHER = Ins.checked("255069999999934", INS.oid)


class Asked:
    """A DMP that says nobody has one, and counts."""

    def __init__(self) -> None:
        self.times = 0

    async def exists(self, *_arguments: object) -> Existence:
        self.times += 1
        return Existence.NONE


class Stage:
    """A courier on a journal in memory."""

    def __init__(self, folder: Path) -> None:
        self.store, self.dmp, vault = MemoryStore(), Asked(), open_vault(folder, create=True)
        self.pseudonym = vault.pseudonym
        configuration = Configuration(dmp=Dmp(url="https://dmp.test"), structures=(CABINET,))
        books = Bookkeeper(self.store, FrozenClock(NOW))
        client = cast(DmpClient, self.dmp)
        self.courier = DmpCourier(configuration, self.store, KeyStore(folder, vault), lambda _name: client, books, vault.pseudonym)

    async def remember(self, ins: Ins, at: int) -> None:
        reference = self.pseudonym("ins", f"{ins.oid}/{ins.matricule}")
        await self.store.commit(ExistenceRecord(structure=CABINET.id, patient_ref=reference, answer="active", at=at))

    async def check(self, ins: Ins) -> None:
        async def enter(_phase: object) -> None:
            return None

        trip: Any = SimpleNamespace(record=SimpleNamespace(structure=CABINET.id), enter=enter)
        await self.courier._check_existence(cast(Trip, trip), cast(DmpClient, self.dmp), ins, DOCTOR)


def before(seconds: int) -> int:
    return int(NOW.timestamp() * 1000) - seconds * 1000


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def test_an_answer_of_today_is_not_asked_again(stage: Stage) -> None:
    await stage.remember(INS, before(3600))
    await stage.check(INS)
    assert stage.dmp.times == 0


@pytest.mark.parametrize("seconds", [90_000, -3600], ids=["yesterday's", "tomorrow's"])
async def test_an_answer_of_another_day_is_asked_again(stage: Stage, seconds: int) -> None:
    await stage.remember(INS, before(seconds))
    with pytest.raises(NoDmp):
        await stage.check(INS)
    assert stage.dmp.times == 1


async def test_a_corrected_ins_never_borrows_the_answer_of_the_former_one(stage: Stage) -> None:
    await stage.remember(OTHER, before(60))
    with pytest.raises(NoDmp):
        await stage.check(INS)
