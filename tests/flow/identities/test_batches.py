"""Lists that the box verifies: progress, pace, hours, what a stop leaves, what cannot be taken, and the walk of old qualifications."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from lxml import etree

from gateway.flow.errors import NotFound, PatientNotFound
from gateway.flow.identities.patient_list import read_patient_list
from gateway.flow.identities.request import BatchBody, BatchPatient
from gateway.flow.identities.views import BatchView
from gateway.flow.people import THE_BOX, author_of
from gateway.model.patient import TraitInvalid
from tests.flow.searching import (
    ANYBODY,
    FIRST,
    NOON,
    NUMBER_REFUSED,
    ONE_IN_THE_MORNING,
    OTHER_STATION,
    SECOND,
    STATION,
    Office,
    letters,
    national,
    patient,
    qualified,
    told,
)
from tests.ins import answers

DAY = 86_400
SIX_YEARS_AGO = int((NOON - timedelta(days=2190)).timestamp() * 1000)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def listed(*numbers: int, **changes: Any) -> BatchBody:
    """A list of patients with their traits, now unless said."""
    patients = tuple(
        BatchPatient(
            local_id=f"P-{one}",
            birth_family_name=letters(one),
            birth_given_names="ZOE",
            sex="F",
            birth_date="1975-12-31",
            birth_place="63220",
        )
        for one in numbers
    )
    return msgspec.structs.replace(BatchBody(kind="tomorrow", patients=patients, when="now"), **changes)


def _of(*numbers: int) -> tuple[BatchPatient, ...]:
    return listed(*numbers).patients or ()


async def suspended(office: Office, patients: Sequence[BatchPatient]) -> BatchView:
    """The list of these patients once the box asks nothing more for its workstation; the page tells it."""
    batch = await started(office, msgspec.structs.replace(listed(), patients=tuple(patients)))

    async def stopped() -> bool:
        return office.searches.alerts() == ("w-1",)

    await office.until(stopped)
    await office.settle()
    return await viewed(office, batch)


async def started(office: Office, body: BatchBody) -> str:
    return (await office.batches.start(STATION, office.structure(), ANYBODY, body)).id


async def viewed(office: Office, batch: str) -> BatchView:
    return await office.batches.one(STATION, batch)


async def finished(office: Office, batch: str) -> BatchView:
    async def over() -> bool:
        return (await viewed(office, batch)).state == "done"

    await office.until(over)
    return await viewed(office, batch)


async def test_a_list_is_asked_patient_by_patient_and_tells_how_far_it_is(office: Office) -> None:
    office.insi.people = {letters(1): national(1), letters(2): national(2, DateNaissance="1975-12-30")}
    several = answers.result("02", "Plusieurs identites trouvees")
    office.insi.rule = lambda asked: several if told(asked, "NomNaissance") == letters(4) else None
    batch = await started(office, listed(1, 2, 3, 4))
    view = await viewed(office, batch)
    assert (view.state, view.total, view.done, view.outcomes) == ("running", 4, 0, {})
    assert view.estimated_end == NOON + timedelta(seconds=4 * 1.3 / 2)
    seen = []
    async with office.working():
        while (view := await viewed(office, batch)).state != "done":
            seen.append((view.done, view.estimated_end))
            await asyncio.sleep(0)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert {done for done, _ in seen} >= {0, 1, 2, 3}
    assert (view.done, view.estimated_end) == (4, None)
    assert view.outcomes == {"found_exact": 1, "found_different": 1, "not_found": 1, "several": 1}
    tasks = {one: (await office.known(f"P-{one}")).kept.task for one in (1, 2, 3, 4)}
    assert tasks == {1: "qualify", 2: "decide", 3: "search", 4: "search"}
    assert [(one.subject, one.workstation) for one in await office.store.events_after(0, 99) if one.kind == "batch.done"] == [
        (batch, "w-1")
    ]
    assert [one.detail["total"] for one in await office.acts("batch.started")] == [4]


async def test_insi_is_asked_at_its_pace_and_one_call_at_a_time(office: Office) -> None:
    together = 0

    def counted(_: object) -> None:
        nonlocal together
        together = max(together, len(office.insi.received) - len(asked))
        asked.append(1)

    asked: list[int] = []
    office.insi.rule = counted
    batch = await started(office, listed(*range(25)))
    async with office.working():
        await finished(office, batch)
    assert len(office.insi.at) == 25
    assert together == 1
    assert min(later - earlier for earlier, later in pairwise(office.insi.at)) >= 0.5


async def test_a_list_for_the_night_waits_for_it_says_so_and_stops_at_dawn(office: Office) -> None:
    batch = await started(office, listed(1, 2, when="night"))
    view = await viewed(office, batch)
    assert view.estimated_end is not None
    assert view.estimated_end.astimezone(NOON.tzinfo) == datetime(2026, 11, 25, 0, 0, 1, 300_000, tzinfo=NOON.tzinfo)
    async with office.working():
        await office.settle()
        assert office.insi.received == []
        office.later((ONE_IN_THE_MORNING - NOON).total_seconds() % DAY)
        await finished(office, batch)
    dawn = office.clock.now() + timedelta(hours=6)
    office.later((dawn - office.clock.now()).total_seconds())
    again = await started(office, listed(3, when="night"))
    async with office.working():
        await office.settle()
    assert (await viewed(office, again)).done == 0


async def _killed(tmp_path: Path, cut: int, body: BatchBody, people: int) -> bool:
    """Start a list over so many known patients, cut the power after so many commits, start again; False once it ended before the cut."""
    folder = tmp_path / str(cut)
    folder.mkdir()
    office = Office(folder, insi={"calls_per_second": 1000.0})
    for number in range(people):
        await office.write(patient(number))
        office.insi.people[letters(number)] = national(number)
    batch = await started(office, body)
    office.store.left = cut
    async with office.working():
        done = asyncio.create_task(finished(office, batch))
        power = asyncio.create_task(office.store.cut.wait())
        await asyncio.wait({done, power}, return_when=asyncio.FIRST_COMPLETED)
        for one in (done, power):
            one.cancel()
    was_cut = office.store.cut.is_set()
    office.store.left = None
    again = Office(folder, before=office)
    await again.calls.close_interrupted()
    async with again.working():
        view = await finished(again, batch)
    rows = await again.store.inquiries_of_batch(batch, 0, 1000)
    assert len({one.local_ref for one in rows}) == len(rows) == view.total == view.done
    assert sum(view.outcomes.values()) == view.total
    assert len([one for one in await again.store.events_after(0, 10_000) if one.kind == "batch.done"]) == 1
    for number in range(people):
        assert (await again.known(f"P-{number}")).kept.task == "qualify"
    assert len(set(again.insi.message_ids)) == len(again.insi.received) <= view.total + 1
    assert await again.store.unanswered_calls() == []
    assert await again.store.verify_audit() is None
    return was_cut


async def test_a_list_goes_on_after_a_kill_at_every_step(tmp_path: Path) -> None:
    cut = 0
    while await _killed(tmp_path, cut, listed(0, 1, 2), 3):
        cut += 1
    assert cut > 12


@pytest.mark.parametrize("cut", [0, 1, 2, 7, 250, 300, 333, 490])
async def test_the_walk_of_the_file_goes_on_where_it_was(tmp_path: Path, cut: int) -> None:
    """More patients than one stride: the place reached is written with the inquiries it gave."""
    assert await _killed(tmp_path, cut, BatchBody(kind="file", when="now"), 120)


async def test_a_patient_who_cannot_be_taken_is_told_and_the_neighbours_go_on(office: Office, tmp_path: Path) -> None:
    sound = listed(1, 2, 3)
    assert sound.patients is not None
    wrong = (
        sound.patients[0],
        msgspec.structs.replace(sound.patients[1], birth_date="31/12/1975"),
        BatchPatient(local_id="nobody"),
        sound.patients[2],
    )
    view = await office.batches.start(STATION, office.structure(), ANYBODY, msgspec.structs.replace(sound, patients=wrong))
    told_of = [(one.line, one.field, one.explanation.code) for one in view.refused]
    assert told_of == [(None, "patients[1].birth_date", "trait-invalid"), (None, "patients[2].local_id", "patient-not-found")]
    assert (view.total, view.done, view.outcomes) == (4, 2, {"refused": 2})
    async with office.working():
        view = await finished(office, view.id)
    assert (view.done, view.outcomes) == (4, {"refused": 2, "not_found": 2})
    assert sorted(office.insi.names) == [letters(1), letters(3)]
    again = await Office(tmp_path, before=office).batches.one(STATION, view.id)
    assert [(one.line, one.field, one.explanation.code) for one in again.refused] == told_of
    assert "1975" not in str(again.refused)


async def test_a_line_of_a_csv_is_told_by_its_number_and_its_column(office: Office) -> None:
    data = (
        "local_id;birth_family_name;birth_given_names;sex;birth_date;birth_place\n"
        f"P-1;{letters(1)};ZOE;F;1975-12-31;63220\n"
        ";MARTIN;;;;\n"
        f"P-2;{letters(2)};ZOE;X;1975-12-31;63220\n"
        f"P-3;{letters(3)};ZOE;F;1975-12-31;63220\n"
    ).encode()
    asked = BatchBody(kind="tomorrow", when="now")
    view = await office.batches.start(STATION, office.structure(), ANYBODY, asked, read_patient_list(data))
    assert [(one.line, one.field, one.explanation.code) for one in view.refused] == [
        (3, "local_id", "patient-line-invalid"),
        (4, "sex", "trait-invalid"),
    ]
    assert view.refused[1].explanation.what.startswith("Ligne 4, colonne sex : ")
    async with office.working():
        view = await finished(office, view.id)
    assert (view.total, view.outcomes) == (4, {"refused": 2, "not_found": 2})


async def test_a_list_of_which_nobody_can_be_taken_is_refused_and_leaves_nothing(office: Office) -> None:
    with pytest.raises(PatientNotFound) as refusal:
        await started(office, BatchBody(kind="tomorrow", patients=(BatchPatient(local_id="a"), BatchPatient(local_id="b"))))
    assert refusal.value.field == "patients[0].local_id"
    with pytest.raises(TraitInvalid):
        await started(office, listed(1, patients=(BatchPatient(local_id="a", birth_family_name="SEUL"),)))
    assert await office.batches.last((FIRST,)) == ()
    assert await office.store.patient_count(FIRST) == 0


async def test_what_is_done_stays_done_when_a_list_is_stopped(office: Office) -> None:
    batch = await started(office, listed(*range(6)))

    async def two() -> bool:
        return (await viewed(office, batch)).done >= 2

    async with office.working():
        await office.until(two)
        view = await office.batches.cancel(STATION, batch)
        await office.settle()
        office.later(DAY)
        await office.settle()
    assert view.state == "cancelled"
    after = await viewed(office, batch)
    assert 2 <= after.outcomes["not_found"] <= 3
    assert len(office.insi.received) == after.outcomes["not_found"]
    [line] = await office.acts("batch.cancelled")
    assert line.actor == author_of(office.structure(), STATION).imputed


async def test_a_damaged_record_of_the_file_is_left_aside_and_the_walk_goes_on(office: Office) -> None:
    for number in range(3):
        await office.write(patient(number))
    row = (await office.known("P-1")).record
    await office.store.commit(msgspec.structs.replace(row, sealed=b"damaged", version=row.version + 1))
    batch = await started(office, BatchBody(kind="file", when="now"))
    async with office.working():
        view = await finished(office, batch)
    assert (view.total, view.done) == (2, 2)
    assert sorted(office.insi.names) == [letters(0), letters(2)]


async def test_a_list_says_what_stops_it_and_not_what_stops_others(office: Office) -> None:
    office.insi.rule = lambda _: NUMBER_REFUSED
    stopped = await started(office, listed(1))
    async with office.working():
        await office.settle()
        other = (await office.batches.start(OTHER_STATION, office.structure(SECOND), ANYBODY, listed(2))).id
        view = await viewed(office, stopped)
        assert view.explanation is not None
        assert (view.explanation.code, view.done) == ("insi-software-unknown", 0)
    office.insi.rule = lambda _: None
    elsewhere = await office.batches.one(OTHER_STATION, other)
    assert elsewhere.explanation is None or "Logiciel B" in elsewhere.explanation.what


async def test_a_list_of_guesses_waits_says_why_and_goes_on_an_hour_later(tmp_path: Path) -> None:
    """Mostly unknown to INSi: guesses, or columns exchanged. Nobody is asked for beyond the limit of a workstation."""
    office = Office(tmp_path, insi={"misses_per_hour": 3, "calls_per_second": 1e6})
    async with office.working():
        batch = await started(office, listed(*range(5)))
        await office.settle()
        view = await viewed(office, batch)
        assert (len(office.insi.received), view.state, view.done) == (3, "running", 3)
        assert view.explanation is not None
        assert view.explanation.code == "too-many-unknown"
        office.later(3601)
        end = await finished(office, batch)
    assert (end.outcomes, end.explanation) == ({"not_found": 5}, None)


async def test_a_list_of_real_patients_goes_to_its_end_whatever_the_number_of_unknown_ones(tmp_path: Path) -> None:
    office = Office(tmp_path, insi={"misses_per_hour": 3, "calls_per_second": 1e6})
    office.insi.people = {letters(number): national(number) for number in range(0, 40, 2)}
    async with office.working():
        end = await finished(office, await started(office, listed(*range(40))))
    assert end.outcomes == {"found_exact": 20, "not_found": 20}
    assert office.searches.alerts() == ()


async def test_patients_already_known_vouch_for_no_guess(tmp_path: Path) -> None:
    """Twenty true patients in front of ten guesses: they were true before the list."""
    office = Office(tmp_path, insi={"misses_per_hour": 3, "calls_per_second": 1e6})
    known = range(100, 120)
    office.insi.people = {letters(number): national(number) for number in known}
    for number in known:
        await office.write(qualified(number, 1))
    async with office.working():
        view = await suspended(office, [*[BatchPatient(local_id=f"P-{number}") for number in known], *_of(*range(10))])
    assert (view.outcomes, view.state) == ({"unchanged": 20, "not_found": 3}, "running")


async def test_the_same_people_under_other_numbers_vouch_for_no_guess(tmp_path: Path) -> None:
    office = Office(tmp_path, insi={"misses_per_hour": 3, "calls_per_second": 1e6})
    office.insi.people = {letters(100): national(100), letters(101): national(101)}
    await office.write(qualified(101, 1))
    copies = [msgspec.structs.replace(_of(number)[0], local_id=f"X-{number}-{copy}") for copy in range(10) for number in (100, 101)]
    async with office.working():
        view = await suspended(office, [*copies, *_of(*range(10))])
    assert view.outcomes == {"found_exact": 20, "not_found": 3}


async def test_an_ins_that_only_the_software_said_is_a_guess_like_another(tmp_path: Path) -> None:
    office = Office(tmp_path, insi={"misses_per_hour": 3, "calls_per_second": 1e6, "verification": True})
    office.insi.rule = lambda _: answers.result("01", "Aucune identite trouvee")
    for number in range(10):
        said = qualified(number, 1)
        assert said.recovery is not None
        await office.write(msgspec.structs.replace(said, recovery=msgspec.structs.replace(said.recovery, asserted=True)))
    async with office.working():
        view = await suspended(office, [BatchPatient(local_id=f"P-{number}") for number in range(10)])
    assert view.outcomes == {"unverified": 3}


async def test_a_list_walked_by_ws_ins3_says_that_it_is_reconstructed(tmp_path: Path) -> None:
    """Patients who hold an INS are verified, the others searched for."""
    office = Office(tmp_path, insi={"calls_per_second": 1e6, "verification": True})
    office.insi.people = {letters(1): national(1)}
    office.insi.rule = lambda asked: answers.result("00", "OK") if b"IndividuVerifie" in etree.tostring(asked) else None
    await office.write(qualified(0, 1))
    async with office.working():
        body = msgspec.structs.replace(listed(), patients=(BatchPatient(local_id="P-0"), *_of(1)))
        view = await finished(office, await started(office, body))
        assert (view.outcomes, view.reconstructed) == ({"verified": 1, "found_exact": 1}, True)
        other = await finished(office, await started(office, listed(2)))
        assert (other.outcomes, other.reconstructed) == ({"not_found": 1}, False)


async def test_a_list_is_shown_to_its_structure_only(office: Office) -> None:
    batch = await started(office, listed(1))
    stranger = msgspec.structs.replace(STATION, structures=(SECOND,))
    for act in (office.batches.one, office.batches.cancel):
        with pytest.raises(NotFound):
            await act(stranger, batch)
    assert await office.batches.last((SECOND,)) == ()


def _periodic(tmp_path: Path, days: int = 1095, **insi: Any) -> Office:
    return Office(tmp_path, identification={"verify_after_days": days}, insi={"calls_per_second": 1000.0, **insi})


async def _seven(office: Office) -> None:
    """Three old qualified patients, one of them unknown to INSi by now; a young one, a provisional one, two old ones elsewhere."""
    for number in (0, 1, 2):
        await office.write(qualified(number, SIX_YEARS_AGO))
    await office.write(qualified(3, int(NOON.timestamp() * 1000)))
    await office.write(patient(4))
    office.insi.people = {letters(number): national(number) for number in (0, 1, 3, 4)}


async def test_old_qualifications_are_verified_again_at_night_and_only_they(tmp_path: Path) -> None:
    office = _periodic(tmp_path)
    await _seven(office)
    async with office.working():
        await office.settle()
        [view] = await office.batches.last((FIRST,))
        assert (view.kind, view.total, view.done) == ("periodic", 3, 0)
        assert view.estimated_end is not None
        assert office.insi.received == []
        office.later((ONE_IN_THE_MORNING - NOON).total_seconds() % DAY)
        view = await finished(office, view.id)
    assert view.outcomes == {"unchanged": 2, "not_found": 1}
    assert sorted(office.insi.names) == [letters(0), letters(1), letters(2)]
    for number, fresh in ((0, True), (1, True), (2, False)):
        entry = await office.known(f"P-{number}")
        assert entry.identity.status == "QUAL"
        assert (entry.record.recovered_at != SIX_YEARS_AGO) is fresh
    [line] = await office.acts("batch.started")
    assert (line.actor, line.detail["kind"]) == (THE_BOX.imputed, "periodic")


async def test_a_walk_comes_once_a_month_at_most_whatever_it_could_not_confirm(tmp_path: Path) -> None:
    office = _periodic(tmp_path)
    office.clock.advance((ONE_IN_THE_MORNING - NOON).total_seconds() % DAY)
    await _seven(office)
    async with office.working():
        for day in range(65):
            await office.settle()
            walks = await office.batches.last((FIRST,))
            assert len(walks) == 1 + day // 30
            assert {one.state for one in walks} == {"done"}
            office.later(DAY)
    outcomes = [one.outcomes for one in await office.batches.last((FIRST,))]
    assert outcomes == [{"not_found": 1}, {"not_found": 1}, {"unchanged": 2, "not_found": 1}]


@pytest.mark.parametrize(("days", "url"), [(0, "https://insi.relais.test"), (1095, None)])
async def test_nothing_is_verified_again_unless_it_is_asked_for(tmp_path: Path, days: int, url: str | None) -> None:
    office = _periodic(tmp_path, days, url=url)
    await _seven(office)
    async with office.working():
        await office.settle()
    assert await office.batches.last((FIRST,)) == ()


async def test_ages_are_not_measured_with_a_clock_in_doubt(tmp_path: Path) -> None:
    office = _periodic(tmp_path)
    await _seven(office)
    office.clock.is_trusted = False
    async with office.working():
        await office.settle()
    assert await office.batches.last((FIRST,)) == ()


async def test_what_ws_ins3_does_not_confirm_is_withdrawn(tmp_path: Path) -> None:
    """Reconstructed service [R], behind its flag: 00 confirms, 01 does not."""
    office = _periodic(tmp_path, verification=True)
    for number in (0, 1):
        await office.write(qualified(number, SIX_YEARS_AGO))
    confirmed, unknown = answers.result("00", "OK"), answers.result("01", "Aucune identite trouvee")
    office.insi.rule = lambda asked: confirmed if letters(0) in asked.xpath("string(.)") else unknown  # type: ignore[operator]
    async with office.working():
        await office.settle()
        [view] = await office.batches.last((FIRST,))
        office.later((ONE_IN_THE_MORNING - NOON).total_seconds() % DAY)
        view = await finished(office, view.id)
    assert (view.outcomes, view.reconstructed) == ({"verified": 1, "unverified": 1}, True)
    assert (await office.known("P-0")).identity.status == "QUAL"
    withdrawn = await office.known("P-1")
    assert (withdrawn.identity.status, withdrawn.kept.task) == ("VALI", "search")
    assert len(await office.acts("identity.verified")) == len(await office.acts("identity.invalidated")) == 1


async def test_a_lunar_date_decided_once_is_confirmed_without_another_task(tmp_path: Path) -> None:
    office = _periodic(tmp_path)
    held = qualified(0, SIX_YEARS_AGO, birth_date="1975-12-31")
    assert held.recovery is not None
    recovery = msgspec.structs.replace(held.recovery, national_birth_date="1975-00-00")
    await office.write(msgspec.structs.replace(held, recovery=recovery))
    office.insi.people = {letters(0): national(0, DateNaissance="1975-00-00")}
    async with office.working():
        await office.settle()
        [view] = await office.batches.last((FIRST,))
        office.later((ONE_IN_THE_MORNING - NOON).total_seconds() % DAY)
        view = await finished(office, view.id)
    assert view.outcomes == {"unchanged": 1}
    assert [told(one, "DateNaissance") for one in office.insi.received] == ["1975-00-00"]
    entry = await office.known("P-0")
    assert (entry.kept.task, entry.identity.traits.birth_date) == (None, "1975-12-31")
