"""Suspended searches in the state of the box: each structure sees its own, and no patient is in it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gateway.flow.caller import new_workstation
from gateway.flow.identities.request import SearchBody, SearchTraits
from gateway.flow.identities.search_limit import SearchLimit
from gateway.flow.scheduler import Scheduler
from gateway.flow.status import SearchTroubleView, StatusBoard
from gateway.journal.records import DeliveryRecord
from gateway.kernel.errors import RelaisError
from gateway.trust.keystore import KeyStore
from tests.flow.searching import FIRST, NAME_REFUSED, NUMBER_REFUSED, SECOND, STATION, Office, letters, patient, told


async def _never(record: DeliveryRecord) -> RelaisError | None:
    raise AssertionError(record.id)


def board(office: Office, home: Path) -> StatusBoard:
    scheduler = Scheduler(office.configuration, office.store, office.clock, _never)
    keys = KeyStore(home, office.vault)
    return StatusBoard(
        home, office.configuration, office.store, scheduler, keys, office.clock, office.inquiries.paused, office.searches.alerts
    )


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path, insi={"misses_per_hour": 1})


async def troubles(office: Office, home: Path, *structures: str) -> tuple[SearchTroubleView, ...]:
    return (await board(office, home).view(structures or None)).searches


async def test_nothing_is_told_while_every_search_may_be_made(office: Office, tmp_path: Path) -> None:
    assert await troubles(office, tmp_path) == ()


async def test_a_paused_software_is_told_to_everybody_and_a_paused_structure_to_itself(office: Office, tmp_path: Path) -> None:
    office.insi.rule = lambda asked: NUMBER_REFUSED if told(asked, "IDAM") == "AAAAAAAAAAAA" else NAME_REFUSED
    for structure in (FIRST, SECOND):
        await office.write(patient(1), structure)
    await office.ask("P-1", structure=FIRST, software="lgc-a")
    await office.ask("P-1", structure=SECOND, software="lgc-b")
    async with office.working():
        await office.settle()
        first, second = await troubles(office, tmp_path, FIRST), await troubles(office, tmp_path, SECOND)
        assert [(one.software, one.structure) for one in first] == [("lgc-a", None)]
        assert {(one.software, one.structure) for one in second} == {("lgc-a", None), (None, SECOND)}
        assert len(await troubles(office, tmp_path)) == 2
    for one in second:
        assert one.explanation.what
        assert one.explanation.gesture


async def test_a_suspended_workstation_is_told_by_its_name_to_the_structures_it_serves(office: Office, tmp_path: Path) -> None:
    record, _ = new_workstation("Accueil", (FIRST,), 1)
    await office.store.commit(record)
    caller = msgspec.structs.replace(STATION, workstation=record.id, structures=(FIRST,))
    traits = SearchTraits(birth_family_name=letters(1), given_names=("ZOE",), sex="F", birth_date="1975-12-31")
    await office.searches.search(caller, SearchBody(traits=traits))
    with pytest.raises(SearchLimit):
        await office.searches.search(caller, SearchBody(traits=traits))
    [trouble] = await troubles(office, tmp_path, FIRST)
    assert (trouble.workstation, trouble.explanation.code) == ("Accueil", "search-limit")
    assert "« Accueil »" in trouble.explanation.what
    assert not any(datum in msgspec.json.encode(trouble).decode() for datum in (letters(1), "ZOE", "1975"))
    assert await troubles(office, tmp_path, SECOND) == ()
    office.clock.advance(3600)
    assert await troubles(office, tmp_path, FIRST) == ()
