"""Searches that the box does by itself: retried, paused, found again after a stop; by the real client on a port that plays INSi."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.flow.errors import NotFound
from gateway.flow.identities.request import PatientBody
from gateway.ins.errors import InsiUnavailable
from gateway.ins.identity import Attribute
from gateway.wire.http import AnswerLost, PeerUnreachable
from tests.flow.searching import (
    ANYBODY,
    DOWN,
    FIRST,
    NAME_REFUSED,
    NOON,
    NUMBER_REFUSED,
    ONE_IN_THE_MORNING,
    OTHER_STATION,
    SECOND,
    STATION,
    Office,
    answered,
    criteria,
    ins_of,
    letters,
    national,
    patient,
    told,
)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def _deferred(office: Office, number: int = 1) -> str:
    entry = await office.write(patient(number))
    why = InsiUnavailable()
    return (await office.inquiries.defer(STATION, office.structure(), ANYBODY, entry, criteria(number), "care", why)).id


async def test_a20_three_failures_then_an_answer_are_four_attempts_and_one_result(office: Office) -> None:
    office.insi.people["NOMAAAAB"] = national(1)
    office.insi.faults = [DOWN, PeerUnreachable(), AnswerLost()]
    identifier = await _deferred(office)
    waits = []
    async with office.working():
        for attempt in (1, 2, 3):
            await office.until(lambda wanted=attempt: _waited(office, identifier, wanted))  # type: ignore[misc]
            record = await office.inquiry(identifier)
            assert record.next_attempt_at is not None
            assert record.explanation is not None
            waits.append(record.next_attempt_at - office.books.now())
            office.later(waits[-1] / 1000 - 0.001)
            await office.settle()
            assert len(office.insi.received) == attempt
            office.later(0.001)
        done = await office.until_state(identifier, "done")
        office.later(3600)
        await office.settle()
    assert waits == [2000, 2000, 4000]
    assert (done.attempts, done.outcome, done.explanation) == (4, "found_exact", None)
    assert len(set(office.insi.message_ids)) == len(office.insi.received) == 4
    events = [one for one in await office.store.events_after(0, 100) if one.kind == "inquiry.answered"]
    assert [(one.subject, one.workstation) for one in events] == [(identifier, "w-1")]
    view = await office.inquiries.view(STATION, identifier)
    assert view.result is not None
    assert (view.state, view.attempts, view.result.cr) == ("done", 4, "00")
    asked, ended = await office.acts("insi.asked"), await office.acts("insi.answered")
    assert [one.detail["message_id"] for one in asked] == office.insi.message_ids
    assert [one.answer for one in ended] == ["insi-unavailable", "insi-unreachable", "insi-answer-lost", "00"]


async def _waited(office: Office, identifier: str, attempts: int) -> bool:
    record = await office.inquiry(identifier)
    return (record.state, record.attempts) == ("waiting", attempts)


async def test_a_wait_is_spread_so_that_boxes_do_not_come_back_together(office: Office) -> None:
    office.spread = 1.2
    office.insi.faults = [DOWN]
    identifier = await _deferred(office)
    async with office.working():
        await office.until(lambda: _waited(office, identifier, 1))
    record = await office.inquiry(identifier)
    assert record.next_attempt_at == office.books.now() + 2400
    assert office.spreads == [(0.8, 1.2)]


async def test_a_service_down_for_a_day_leaves_it_to_a_person_and_is_not_hammered(office: Office) -> None:
    office.insi.rule = lambda _: DOWN
    identifier = await _deferred(office)
    async with office.working():
        await office.settle()
        while (record := await office.inquiry(identifier)).state != "failed":
            assert record.next_attempt_at is not None
            office.later((record.next_attempt_at - office.books.now()) / 1000)
            await office.settle()
    assert record.state == "failed"
    assert record.explanation is not None
    assert record.explanation.code == "search-given-up"
    assert 86_400 <= office.clock.monotonic() < 86_400 + 600
    assert 200 < len(office.insi.received) < 320
    assert max(later - earlier for earlier, later in pairwise(office.insi.at)) <= 600
    assert len([one for one in await office.store.events_after(0, 1000) if one.kind == "inquiry.answered"]) == 1


async def test_what_repetition_does_not_cure_is_not_repeated_all_day(office: Office) -> None:
    office.insi.rule = lambda _: answered(b"<html>", 200)
    identifier = await _deferred(office)
    async with office.working():
        for _ in range(20):
            await office.settle()
            office.later(600)
    record = await office.inquiry(identifier)
    assert (record.state, record.attempts, len(office.insi.received)) == ("failed", 5, 5)
    assert record.explanation is not None
    assert record.explanation.code == "insi-answer-unreadable"


async def test_a17_a_refused_number_pauses_that_software_alone_is_told_and_lifted(office: Office) -> None:
    office.insi.rule = lambda asked: NUMBER_REFUSED if told(asked, "IDAM") == "AAAAAAAAAAAA" else None
    for number in range(6):
        await office.write(patient(number))
    ours = [await office.ask(f"P-{number}", software="lgc-a") for number in (0, 1, 2)]
    theirs = [await office.ask(f"P-{number}", software="lgc-b") for number in (3, 4)]
    unnamed = await office.ask("P-5")
    async with office.working():
        for one in theirs:
            await office.until_state(one, "done")
        await office.settle()
        assert len([one for one in office.insi.received if told(one, "IDAM") == "AAAAAAAAAAAA"]) == 1
        states = [(await office.inquiry(one)).state for one in (*ours, unnamed)]
        assert states == ["waiting"] * 4
        [pause] = office.inquiries.paused()
        assert (pause.software, pause.structure, pause.explanation.code) == ("lgc-a", None, "insi-software-unknown")
        assert "Logiciel A" in pause.explanation.what
        assert "IDAM" in pause.explanation.gesture
        for _ in range(3):
            office.later(61)
            await office.settle()
        assert len([one for one in office.insi.received if told(one, "IDAM") == "AAAAAAAAAAAA"]) == 4
        office.insi.rule = lambda _: None
        office.later(61)
        for one in (*ours, unnamed):
            await office.until_state(one, "done")
        assert office.inquiries.paused() == ()
    lines = await office.acts("inquiries.paused", "inquiries.resumed")
    assert [(one.act, one.answer, one.detail) for one in lines] == [
        ("inquiries.paused", "insi-software-unknown", {"software": "lgc-a"}),
        ("inquiries.resumed", "answered", {"software": "lgc-a"}),
    ]


async def test_a_pause_that_lasts_is_told_again_each_hour_and_not_each_minute(office: Office) -> None:
    office.insi.rule = lambda _: NUMBER_REFUSED
    await office.write(patient(1))
    await office.ask("P-1")
    async with office.working():
        for _ in range(125):
            await office.settle()
            office.later(61)
    assert len(office.insi.received) > 100
    assert len(await office.acts("inquiries.paused")) == 3


async def test_a_certificate_refused_stops_its_structure_and_no_other(office: Office) -> None:
    office.insi.rule = lambda asked: NAME_REFUSED if FIRST in asked.xpath("string(.)") else None  # type: ignore[operator]
    for structure in (FIRST, SECOND):
        for number in (1, 2):
            await office.write(patient(number), structure)
    stopped = [await office.ask(f"P-{number}", structure=FIRST) for number in (1, 2)]
    going = [await office.ask(f"P-{number}", structure=SECOND) for number in (1, 2)]
    async with office.working():
        for one in going:
            await office.until_state(one, "done")
        await office.settle()
    assert [(await office.inquiry(one)).state for one in stopped] == ["waiting", "waiting"]
    assert len([one for one in office.insi.received if FIRST in str(one.xpath("string(.)"))]) == 1
    [pause] = office.inquiries.paused()
    assert (pause.software, pause.structure, pause.explanation.code) == (None, FIRST, "insi-access-refused")


async def test_a_software_taken_out_of_the_settings_stops_its_own_searches_only(office: Office) -> None:
    for number in (1, 2):
        await office.write(patient(number))
    gone, going = await office.ask("P-1", software="lgc-z"), await office.ask("P-2", software="lgc-b")
    async with office.working():
        await office.until_state(going, "done")
        assert (await office.inquiry(gone)).state == "waiting"
    assert [(one.software, one.structure) for one in office.inquiries.paused()] == [("lgc-z", None)]


async def test_a_pause_is_no_longer_told_when_nothing_tries_any_more(office: Office) -> None:
    office.insi.faults = [NUMBER_REFUSED]
    await office.write(patient(1))
    await office.ask("P-1")
    async with office.working():
        await office.settle()
        assert len(office.inquiries.paused()) == 1
    office.later(3600)
    assert office.inquiries.paused() == ()


async def test_a33_wherever_the_power_goes_the_same_answer_makes_one_record(tmp_path: Path) -> None:
    """Cut after each commit in turn; the next start asks again, under another MessageID, and the trail shows every call."""
    cuts, whole = 0, False
    while not whole:
        folder = tmp_path / str(cuts)
        folder.mkdir()
        office = Office(folder)
        office.insi.people["NOMAAAAB"] = national(1, ListePrenom="ZOE MARIE")
        identifier = await _deferred(office)
        await office.store.commit()
        office.store.left = cuts
        async with office.working():
            done = asyncio.create_task(office.until_state(identifier, "done"))
            cut = asyncio.create_task(office.store.cut.wait())
            await asyncio.wait({done, cut}, return_when=asyncio.FIRST_COMPLETED)
            whole = not office.store.cut.is_set()
            done.cancel()
            cut.cancel()
        office.store.left = None
        again = Office(folder, before=office)
        await again.calls.close_interrupted()
        async with again.working():
            record = await again.until_state(identifier, "done")
        entry = await again.known("P-1")
        assert record.outcome == "found_different"
        assert entry.proposal is not None
        assert entry.proposal.found.ins == ins_of(1)
        assert len(await again.acts("identity.answered")) == 1
        assert len([one for one in await again.store.events_after(0, 100) if one.kind == "inquiry.answered"]) == 1
        asked = await again.acts("insi.asked")
        assert {one.detail["message_id"] for one in asked} >= set(office.insi.message_ids)
        assert len(set(office.insi.message_ids)) == len(office.insi.received)
        assert len(await again.acts("insi.answered")) == len(asked)
        assert await again.store.unanswered_calls() == []
        assert await again.store.verify_audit() is None
        cuts += 1
    assert cuts >= 5


async def test_an_exact_answer_found_again_is_the_same_ins_and_no_new_task(office: Office) -> None:
    office.insi.people["NOMAAAAB"] = national(1)
    await office.write(patient(1))
    first, second = await office.ask("P-1"), await office.ask("P-1")
    async with office.working():
        assert (await office.until_state(first, "done")).outcome == "found_exact"
        assert (await office.until_state(second, "done")).outcome == "unchanged"
    entry = await office.known("P-1")
    assert entry.identity.recovery is not None
    assert entry.identity.recovery.ins == ins_of(1)
    assert (entry.kept.task, entry.proposal) == ("qualify", None)


async def test_a22_an_identity_barred_while_it_waited_is_not_asked_for(office: Office) -> None:
    entry = await office.write(patient(1))
    identifier = await _deferred(office)
    barred = entry.identity.__class__(local_id="P-1", traits=entry.identity.traits, attributes=frozenset({Attribute.DOUTEUSE}))
    await office.write(barred)
    async with office.working():
        record = await office.until_state(identifier, "done")
    assert (record.outcome, office.insi.received) == ("refused", [])


async def test_those_a_workstation_waits_for_go_first_and_one_structure_never_waits_for_another(office: Office) -> None:
    for number in range(6):
        await office.write(patient(number))
    await office.write(patient(9), SECOND)
    order = [
        await office.ask("P-0", kind="file"),
        await office.ask("P-1", kind="periodic"),
        await office.ask("P-2", kind="tomorrow"),
        await office.ask("P-3", kind="deferred"),
    ]
    elsewhere = await office.ask("P-9", kind="file", structure=SECOND)
    async with office.working():
        for one in (*order, elsewhere):
            await office.until_state(one, "done")
    assert office.insi.names.index("NOMAAAAJ") < 2
    assert [one for one in office.insi.names if one != "NOMAAAAJ"] == ["NOMAAAAD", "NOMAAAAC", "NOMAAAAB", "NOMAAAAA"]


async def test_what_waits_for_the_night_is_not_asked_by_day(tmp_path: Path) -> None:
    office = Office(tmp_path, start=NOON)
    await office.write(patient(1))
    identifier = await office.ask("P-1", kind="file", night=True)
    async with office.working():
        await office.settle()
        assert office.insi.received == []
        office.later((ONE_IN_THE_MORNING - NOON).total_seconds() % 86_400)
        await office.until_state(identifier, "done")


async def test_a_journal_that_takes_nothing_for_a_while_loses_no_search(office: Office) -> None:
    office.insi.people["NOMAAAAB"] = national(1)
    identifier = await _deferred(office)

    def full(_: object) -> None:
        office.store.left = 0

    office.insi.rule = full
    async with office.working():
        await office.store.cut.wait()
        office.insi.rule = lambda _: None
        office.store.left = None
        for _ in range(4):
            await office.settle()
            office.later(60)
        assert (await office.until_state(identifier, "done")).outcome == "found_exact"


async def test_a_search_is_shown_to_its_workstation_only(office: Office) -> None:
    identifier = await _deferred(office)
    assert (await office.inquiries.view(STATION, identifier)).state == "waiting"
    with pytest.raises(NotFound):
        await office.inquiries.view(OTHER_STATION, identifier)
    with pytest.raises(NotFound):
        await office.inquiries.view(STATION, "nobody")


async def test_a_new_patient_is_looked_up_once_a_day_at_most_and_never_without_settings(tmp_path: Path) -> None:
    for url, wanted in (("https://insi.relais.test", 2), (None, 0)):
        folder = tmp_path / str(wanted)
        folder.mkdir()
        office = Office(folder, insi={"url": url})
        await office.write(patient(1))
        for _ in range(3):
            await office.inquiries.curious(FIRST, "P-1", "w-1")
        office.clock.advance(86_401)
        await office.inquiries.curious(FIRST, "P-1", "w-1")
        assert sum((await office.store.waiting_inquiries()).values()) == wanted


async def test_bringing_patients_one_by_one_is_no_way_round_the_limit_of_searches(tmp_path: Path) -> None:
    """Whoever writes a patient has it looked up: a workstation that guesses so is stopped as one that searches, and told."""
    office = Office(tmp_path, insi={"misses_per_hour": 3, "calls_per_second": 1e6})
    for number in range(10):
        body = PatientBody(
            structure=FIRST, birth_family_name=letters(number), birth_given_names="ZOE", sex="F", birth_date="1975-12-31",
            birth_place="63220",
        )  # fmt: skip
        await office.desk.put(STATION, f"P-{number}", body)
    async with office.working():
        await office.settle()
        assert len(office.insi.received) == 3
        assert office.searches.alerts() == ("w-1",)
        [alert] = await office.acts("insi.search-limit")
        assert (alert.actor, alert.answer, alert.structure, alert.patient_ref) == ("workstation:w-1", "too-many-unknown", FIRST, None)
        assert sum((await office.store.waiting_inquiries()).values()) == 7
        other = await office.ask("P-9", workstation="w-2")
        await office.until_state(other, "done")
        office.later(3601)
        await office.settle()
        assert len(office.insi.received) == 7
        assert len(await office.acts("insi.search-limit")) == 2


async def test_waiting_for_the_limit_is_no_attempt_and_lifts_no_pause(tmp_path: Path) -> None:
    office = Office(tmp_path, insi={"misses_per_hour": 1, "calls_per_second": 1e6})
    for number in (1, 2):
        await office.write(patient(number))
    async with office.working():
        await office.until_state(await office.ask("P-1"), "done")
        second = await office.ask("P-2")
        await office.settle()
        held = await office.inquiry(second)
        assert (held.state, held.attempts, held.outcome) == ("waiting", 0, None)
        assert held.explanation is not None
        assert held.explanation.code == "too-many-unknown"
    assert await office.acts("inquiries.resumed") == []
