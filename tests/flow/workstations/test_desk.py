"""The workstations: who sees and does what, what ends with an access, and what never does."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest
from typing_extensions import override

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import OPERATOR, Caller, Gate, certificate_digest, new_workstation
from gateway.flow.cards.reader_pairings import ReaderPairings
from gateway.flow.decoding import RequestInvalid
from gateway.flow.errors import RateLimited, StructureUnknown, TokenExpired, Unauthenticated
from gateway.flow.scanners.pairings import ScannerPairings
from gateway.flow.workstations.desk import NameBody, WorkstationBody, WorkstationDesk
from gateway.flow.workstations.errors import (
    LastOperator,
    OperatorNameFixed,
    WorkstationNameTaken,
    WorkstationNotFound,
    WorkstationsReserved,
)
from gateway.journal.memory import MemoryStore
from gateway.journal.records import Change
from gateway.journal.store import NotAccepting
from gateway.kernel.clock import FrozenClock
from tests.api.rig import NOW, OTHER_STRUCTURE, configuration_of
from tests.trust.pki import STRUCTURE


class Office:
    """A box with its operator and one workstation; `days`: life of its tokens."""

    def __init__(self, *, structures: tuple[str, ...] = (STRUCTURE,), days: int = 0, store: MemoryStore | None = None) -> None:
        self.configuration = configuration_of(structures)
        self.clock, self.store = FrozenClock(NOW), store or MemoryStore()
        self.books = Bookkeeper(self.store, self.clock)
        self.gate = Gate(self.store, self.clock, 600, self.configuration.structures, token_days=days)
        self.desk = WorkstationDesk(self.configuration, self.store, self.books, self.gate)
        self.operator, self.operator_token = new_workstation(OPERATOR, (), self.books.now())
        self.station, self.token = new_workstation("Accueil", (STRUCTURE,), self.books.now())

    async def open(self) -> Office:
        await self.store.commit(self.operator, self.station)
        return self

    async def admin(self) -> Caller:
        return await self.gate.recognise(self.operator_token, None)

    async def acts(self) -> list[tuple[str, str, dict[str, object]]]:
        return [(one.act, one.actor, dict(one.detail)) for one in await self.store.audit_after(0, 100)]


@pytest.fixture
async def office() -> Office:
    return await Office().open()


async def test_a_revoked_workstation_is_refused_from_the_next_request_on_and_the_others_are_not(office: Office) -> None:
    other = await office.desk.add(await office.admin(), WorkstationBody(name="Cabinet 2"))
    was = await office.desk.revoke(await office.admin(), office.station.id)
    assert (was.name, was.here, was.operator) == ("Accueil", False, False)
    with pytest.raises(Unauthenticated):
        await office.gate.recognise(office.token, None)
    assert (await office.gate.recognise(other.token, None)).name == "Cabinet 2"
    act, actor, detail = (await office.acts())[-1]
    assert (act, actor, detail) == (
        "workstation.revoked",
        f"workstation:{office.operator.id}",
        {"workstation": office.station.id, "devices": 0},
    )
    with pytest.raises(WorkstationNotFound):
        await office.desk.revoke(await office.admin(), office.station.id)


async def test_its_readers_and_scanners_are_free_for_another(office: Office) -> None:
    readers, scanners = ReaderPairings(office.store, office.books), ScannerPairings(office.store, office.books, {})
    first = await office.gate.recognise(office.token, None)
    await readers.pair(first, "reader-1")
    await scanners.pair(first, "scanner-1")
    await office.desk.revoke(await office.admin(), office.station.id)
    assert {one.device: one.workstation for one in await office.store.pairings()} == {"reader-1": None, "scanner-1": None}
    assert (await office.acts())[-1][2]["devices"] == 2
    paired = await office.desk.add(await office.admin(), WorkstationBody(name="Accueil"))
    second = await office.gate.recognise(paired.token, None)
    await readers.pair(second, "reader-1")
    await scanners.pair(second, "scanner-1")
    assert await readers.desk(second, "reader-1") == "here"


async def test_what_it_listens_to_ends_at_once(office: Office) -> None:
    ending, kept = office.gate.ending(office.station.id), office.gate.ending(office.operator.id)
    await office.desk.revoke(await office.admin(), office.station.id)
    assert (ending.is_set(), kept.is_set()) == (True, False)


async def test_the_last_operator_stays(office: Office) -> None:
    with pytest.raises(LastOperator):
        await office.desk.revoke(await office.admin(), office.operator.id)
    second = await office.desk.add(await office.admin(), WorkstationBody(operator=True))
    await office.desk.revoke(await office.gate.recognise(second.token, None), office.operator.id)
    with pytest.raises(LastOperator):
        await office.desk.revoke(await office.gate.recognise(second.token, None), second.workstation)


async def test_of_two_operators_who_revoke_each_other_at_once_one_stays(office: Office) -> None:
    second = await office.desk.add(await office.admin(), WorkstationBody(operator=True))
    first, other = await office.admin(), await office.gate.recognise(second.token, None)
    answers = await asyncio.gather(
        office.desk.revoke(first, second.workstation), office.desk.revoke(other, office.operator.id), return_exceptions=True
    )
    assert sum(isinstance(one, LastOperator) for one in answers) == 1
    assert sum(one.name == OPERATOR and not one.revoked for one in await office.store.workstations()) == 1


async def test_only_the_operator_does_any_of_it(office: Office) -> None:
    desk = await office.gate.recognise(office.token, None)
    for asked in (
        office.desk.add(desk, WorkstationBody(name="Cabinet 2")),
        office.desk.add(desk, WorkstationBody(operator=True)),
        office.desk.rename(desk, office.station.id, NameBody(name="Cabinet 2")),
        office.desk.renew(desk, office.station.id),
        office.desk.revoke(desk, office.station.id),
        office.desk.revoke(desk, "nobody"),
    ):
        with pytest.raises(WorkstationsReserved):
            await asked
    assert await office.acts() == []


async def test_a_workstation_sees_those_of_its_structures_and_no_operator() -> None:
    office = await Office(structures=(STRUCTURE, OTHER_STRUCTURE)).open()
    office.clock.advance(60)
    other = await office.desk.add(await office.admin(), WorkstationBody(name="Voisin", structure=OTHER_STRUCTURE))
    seen = await office.desk.all(await office.gate.recognise(office.token, None))
    assert [(one.name, one.here) for one in seen] == [("Accueil", True)]
    assert [one.name for one in await office.desk.all(await office.gate.recognise(other.token, None))] == ["Voisin"]
    whole = await office.desk.all(await office.admin())
    assert [(one.name, one.operator, one.here) for one in whole] == [
        ("Voisin", False, False),
        (OPERATOR, True, True),
        ("Accueil", False, False),
    ]
    assert b"token_digest" not in msgspec.json.encode(whole)


async def test_an_operator_made_before_the_structures_reaches_them_all() -> None:
    office = await Office(structures=(STRUCTURE, OTHER_STRUCTURE)).open()
    assert (await office.admin()).structures == (STRUCTURE, OTHER_STRUCTURE)


async def test_a_new_name_changes_nothing_else(office: Office) -> None:
    view = await office.desk.rename(await office.admin(), office.station.id, NameBody(name="Secrétariat"))
    assert view.name == "Secrétariat"
    caller = await office.gate.recognise(office.token, None)
    assert (caller.workstation, caller.name) == (office.station.id, "Secrétariat")
    await office.desk.rename(await office.admin(), office.station.id, NameBody(name="secrétariat"))
    assert [act for act, _, _ in await office.acts()] == ["workstation.renamed"] * 2


@pytest.mark.parametrize("name", ["operator", "Operator", "accueil"])
async def test_no_two_have_one_name_and_none_becomes_the_operator(office: Office, name: str) -> None:
    other = await office.desk.add(await office.admin(), WorkstationBody(name="Cabinet 2"))
    for asked in (
        office.desk.add(await office.admin(), WorkstationBody(name=name)),
        office.desk.rename(await office.admin(), other.workstation, NameBody(name=name)),
    ):
        with pytest.raises(WorkstationNameTaken) as refused:
            await asked
        assert refused.value.field == "name"
    with pytest.raises(OperatorNameFixed):
        await office.desk.rename(await office.admin(), office.operator.id, NameBody(name="Cabinet 3"))


async def test_a_workstation_to_be_added_needs_its_name_and_its_structure() -> None:
    office = await Office(structures=(STRUCTURE, OTHER_STRUCTURE)).open()
    with pytest.raises(RequestInvalid) as refused:
        await office.desk.add(await office.admin(), WorkstationBody(structure=STRUCTURE))
    assert refused.value.field == "name"
    with pytest.raises(StructureUnknown):
        await office.desk.add(await office.admin(), WorkstationBody(name="Cabinet 2"))


async def test_another_token_ends_the_former_and_keeps_the_readers(office: Office) -> None:
    readers = ReaderPairings(office.store, office.books)
    await readers.pair(await office.gate.recognise(office.token, None), "reader-1")
    ending = office.gate.ending(office.station.id)
    office.clock.advance(3_600)
    renewed = await office.desk.renew(await office.admin(), office.station.id)
    assert ending.is_set()
    with pytest.raises(Unauthenticated):
        await office.gate.recognise(office.token, None)
    caller = await office.gate.recognise(renewed.token, None)
    assert (caller.workstation, await readers.desk(caller, "reader-1")) == (office.station.id, "here")
    [view] = [one for one in await office.desk.all(caller) if one.here]
    assert view.token_given_at - view.paired_at == timedelta(hours=1)
    kept = b"".join(msgspec.json.encode(one) for one in [*await office.store.workstations(), *await office.store.audit_after(0, 100)])
    assert renewed.token.encode() not in kept


async def test_a_token_ends_on_its_day_and_another_goes_on_from_there() -> None:
    office = await Office(days=30).open()
    [view] = [one for one in await office.desk.all(await office.gate.recognise(office.token, None)) if one.here]
    assert view.token_expires_at == NOW + timedelta(days=30)
    office.clock.advance(30 * 86_400 - 1)
    await office.gate.recognise(office.token, None)
    office.clock.advance(1)
    with pytest.raises(TokenExpired):
        await office.gate.recognise(office.token, None)
    assert (await office.admin()).sees_all, "who gives others"
    renewed = await office.desk.renew(await office.admin(), office.station.id)
    assert (await office.gate.recognise(renewed.token, None)).workstation == office.station.id


async def test_no_clock_that_is_not_trusted_ends_a_token() -> None:
    office = await Office(days=1).open()
    office.clock.advance(40 * 86_400)
    office.clock.is_trusted = False
    assert (await office.gate.recognise(office.token, None)).workstation == office.station.id


async def test_a_certificate_has_dates_of_its_own() -> None:
    office = await Office(days=1).open()
    await office.store.commit(msgspec.structs.replace(office.station, token_digest=certificate_digest("ab" * 32)))
    office.clock.advance(40 * 86_400)
    assert (await office.gate.recognise_certificate("ab" * 32, None)).workstation == office.station.id


class FullStore(MemoryStore):
    """Read as ever, and written no more once it is full."""

    full = False

    @override
    async def commit(self, *changes: Change) -> None:
        if self.full:
            raise NotAccepting("full")
        await super().commit(*changes)


async def test_nothing_ends_that_the_journal_did_not_take() -> None:
    store = FullStore()
    office = await Office(store=store).open()
    ending, admin = office.gate.ending(office.station.id), await office.admin()
    store.full = True
    for asked in (office.desk.revoke(admin, office.station.id), office.desk.renew(admin, office.station.id)):
        with pytest.raises(NotAccepting):
            await asked
    assert not ending.is_set()
    assert (await office.gate.recognise(office.token, None)).workstation == office.station.id


async def test_an_ended_access_leaves_nothing_of_its_pace_behind(office: Office) -> None:
    gate = Gate(office.store, office.clock, 1, office.configuration.structures)
    await gate.recognise(office.token, None)
    with pytest.raises(RateLimited):
        await gate.recognise(office.token, None)
    gate.end(office.station.id)
    assert (await gate.recognise(office.token, None)).workstation == office.station.id
