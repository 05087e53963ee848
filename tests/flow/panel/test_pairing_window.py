"""The pairing window: what opens and ends it, who gets a token, and what the audit trail keeps of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import OPERATOR, Caller, Gate, new_workstation
from gateway.flow.errors import RateLimited, StructureUnknown
from gateway.flow.panel.errors import PairingClosed, PairingReserved
from gateway.flow.panel.pairing_window import PairingBody, PairingWindow, StrangerPace
from gateway.flow.workstations.errors import WorkstationNameTaken
from gateway.journal.memory import MemoryStore
from gateway.journal.sqlite import SqliteStore
from gateway.journal.store import NotAccepting, Store
from gateway.kernel.clock import FrozenClock
from gateway.kernel.config import Configuration, Pairing
from tests.api.rig import NOW, OTHER_STRUCTURE, configuration_of
from tests.trust.pki import STRUCTURE

DESK = Caller(workstation="w", name="Accueil", structures=(STRUCTURE,))
ADMIN = Caller(workstation="o", name=OPERATOR, structures=(STRUCTURE,))


class Office:
    """One window over its store and clock."""

    def __init__(self, configuration: Configuration | None = None, store: Store | None = None) -> None:
        self.configuration = configuration or configuration_of()
        self.clock, self.store = FrozenClock(NOW), store or MemoryStore()
        self.books = Bookkeeper(self.store, self.clock)
        self.window = PairingWindow(self.configuration, self.store, self.books, self.clock)

    async def acts(self) -> list[tuple[str, str]]:
        return [(one.act, one.actor) for one in await self.store.audit_after(0, 100)]


def named(name: str, structure: str | None = None) -> PairingBody:
    return PairingBody(name=name, structure=structure)


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    one = Office()
    yield one
    await one.store.close()


async def test_it_is_closed_until_the_button_is_pressed_and_closes_with_the_first_workstation(office: Office) -> None:
    with pytest.raises(PairingClosed):
        await office.window.pair(named("Cabinet 1"))
    await office.window.open_by_button()
    assert office.window.view().seconds_left == 120
    paired = await office.window.pair(named("Cabinet 1"))
    assert not office.window.is_open
    caller = await Gate(office.store, office.clock, 600).recognise(paired.token, None)
    assert (caller.workstation, caller.name, caller.structures, caller.sees_all) == (paired.workstation, "Cabinet 1", (STRUCTURE,), False)
    with pytest.raises(PairingClosed):
        await office.window.pair(named("Cabinet 2"))
    assert await office.acts() == [("pairing.opened", "system"), ("pairing.paired", f"workstation:{paired.workstation}")]


async def test_of_two_at_once_exactly_one_gets_a_token(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "journal.sqlite")
    office = Office(store=store)
    await office.window.open_by_button()
    asked = [office.window.pair(named(f"Poste {number}")) for number in range(8)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(one, PairingClosed) for one in answers) == 7
    assert len(await store.workstations()) == 1
    await store.close()


async def test_it_closes_by_itself_and_says_so(office: Office) -> None:
    running = asyncio.create_task(office.window.run())
    await office.window.open_by_button()
    async with asyncio.timeout(10):
        while [act for act, _ in await office.acts()] != ["pairing.opened", "pairing.expired"]:  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert not office.window.is_open
    assert office.clock.monotonic() == pytest.approx(120)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_its_time_is_over_even_before_anything_noticed(office: Office) -> None:
    await office.window.open_by_button()
    office.clock.advance(120)
    with pytest.raises(PairingClosed):
        await office.window.pair(named("Cabinet 1"))
    assert office.window.view() == msgspec.structs.replace(office.window.view(), open=False, seconds_left=0)


async def test_a_second_press_gives_the_whole_time_again() -> None:
    office = Office(msgspec.structs.replace(configuration_of(), pairing=Pairing(minutes=5)))
    await office.window.open_by_button()
    office.clock.advance(200)
    assert office.window.view().seconds_left == 100
    await office.window.open_by_button()
    assert office.window.view().seconds_left == 300


async def test_it_does_not_open_when_the_journal_cannot_say_so() -> None:
    store = MemoryStore()
    office = Office(store=store)
    store.accepting = False
    with pytest.raises(NotAccepting):
        await office.window.open_by_button()
    assert not office.window.is_open


async def test_a_token_that_could_not_be_kept_is_not_given_and_the_window_stays_open() -> None:
    store = MemoryStore()
    office = Office(store=store)
    await office.window.open_by_button()
    store.accepting = False
    with pytest.raises(NotAccepting):
        await office.window.pair(named("Cabinet 1"))
    store.accepting = True
    assert (await office.window.pair(named("Cabinet 1"))).name == "Cabinet 1"


async def test_only_the_operator_opens_and_closes_it_from_afar(office: Office) -> None:
    for act in (office.window.open_by, office.window.close_by):
        with pytest.raises(PairingReserved):
            await act(DESK)
    assert (await office.window.open_by(ADMIN)).open
    assert not (await office.window.close_by(ADMIN)).open
    await office.window.close_by(ADMIN)
    assert await office.acts() == [("pairing.opened", "workstation:o"), ("pairing.closed", "workstation:o")]


@pytest.mark.parametrize("name", ["operator", "Operator", "OPERATOR", "accueil", "Accueil"])
async def test_no_two_workstations_have_one_name_and_none_is_the_operator(office: Office, name: str) -> None:
    record, _ = new_workstation("Accueil", (STRUCTURE,), 1)
    await office.store.commit(record)
    await office.window.open_by_button()
    with pytest.raises(WorkstationNameTaken) as refused:
        await office.window.pair(named(name))
    assert refused.value.field == "name"
    assert (await office.window.pair(named("Accueil 2"))).name == "Accueil 2", "the window stayed open"


async def test_the_name_of_a_revoked_workstation_is_free(office: Office) -> None:
    record, _ = new_workstation("Accueil", (STRUCTURE,), 1)
    await office.store.commit(msgspec.structs.replace(record, revoked=True))
    await office.window.open_by_button()
    assert (await office.window.pair(named("Accueil"))).workstation != record.id


async def test_a_box_of_several_structures_asks_for_which() -> None:
    office = Office(configuration_of((STRUCTURE, OTHER_STRUCTURE)))
    await office.window.open_by_button()
    for wrong in (None, "10B0000000"):
        with pytest.raises(StructureUnknown):
            await office.window.pair(named("Cabinet 1", wrong))
    assert (await office.window.pair(named("Cabinet 1", OTHER_STRUCTURE))).structures == (OTHER_STRUCTURE,)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        " operator",
        "operator ",
        "a" * 41,
        "x\ny",
        "x\n",
        "<b>",
        "op\u200berator",
        "a/b",
        "-",
        "\u202eposte",
        "ｏperator",
        'a"b',
        "a;b",
    ],
)
def test_names_that_could_deceive_are_refused(name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode({"name": name}), type=PairingBody)


@pytest.mark.parametrize("name", ["A", "Accueil", "Cabinet 2 (étage)", "Salle d'attente", "Poste n.1", "Œuvre", "a" * 40])
def test_names_people_give_are_taken(name: str) -> None:
    assert msgspec.json.decode(msgspec.json.encode({"name": name}), type=PairingBody).name == name


def test_an_address_may_ask_twenty_times_a_minute_and_does_not_slow_another_one() -> None:
    clock = FrozenClock(NOW)
    pace = StrangerPace(clock.monotonic)
    for _ in range(20):
        pace.take("192.0.2.1")
    for _ in range(3):
        with pytest.raises(RateLimited):
            pace.take("192.0.2.1")
    pace.take("192.0.2.2")
    clock.advance(3)
    pace.take("192.0.2.1")
    with pytest.raises(RateLimited):
        pace.take("192.0.2.1")


def test_addresses_without_end_take_no_more_memory() -> None:
    pace = StrangerPace(FrozenClock(NOW).monotonic, known=16)
    for number in range(1000):
        pace.take(f"2001:db8::{number:x}")
    assert len(pace._levels) == 16
