"""A birth date that nobody knows whole, said by a cabinet software: completed by the rule of entry, told, and asked for as it was said."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gateway.flow.identities.request import DecisionBody, PatientBody, SearchBody
from gateway.model.patient import TraitInvalid
from tests.flow.identities.test_identity_desk import SECRETARY, SOFTWARE, body
from tests.flow.searching import Office, letters, national, told


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def put(office: Office, said: PatientBody) -> tuple[str | None, list[str]]:
    view, _ = await office.desk.put(SOFTWARE, "P-1", said)
    return view.traits.birth_date, [one.code for one in view.warnings]


@pytest.mark.parametrize(
    ("said", "made"),
    [
        ("1979-03-00", "1979-03-01"),
        ("1979-00-15", "1979-01-15"),
        ("1979-00-00", "1979-12-31"),
        ("1979-13-15", "1979-01-15"),
        ("1979-20-42", "1979-12-31"),
        ("0000-00-00", None),
        ("1979-02-31", "1979-02-01"),
    ],
)
async def test_exi_id_11_an_incomplete_date_is_completed_by_the_rule_and_told(office: Office, said: str, made: str | None) -> None:
    if made is None:
        with pytest.raises(TraitInvalid) as refused:
            await put(office, body(1, birth_date=said))
        assert refused.value.field == "birth_date"
        return
    assert await put(office, body(1, birth_date=said)) == (made, ["birth-date-uncertain"])
    assert (await office.known("P-1")).identity.traits.birth_date == made


async def test_a_whole_date_is_told_nothing_of(office: Office) -> None:
    assert await put(office, body(1)) == ("1975-12-31", [])


async def test_insi_is_asked_with_the_date_that_was_said(office: Office) -> None:
    await put(office, body(1, birth_date="1975-00-00"))
    office.insi.people = {letters(1): national(1, DateNaissance="1975-00-00")}
    found = await office.searches.search(SOFTWARE, SearchBody(local_id="P-1"))
    assert [told(one, "DateNaissance") for one in office.insi.received] == ["1975-00-00"]
    entry = await office.known("P-1")
    assert entry.proposal is not None
    assert entry.identity.traits.birth_date == "1975-12-31"
    view = await office.desk.decide(SECRETARY, "P-1", DecisionBody(decision="accept", proposal=entry.proposal.id))
    assert (view.status, view.traits.birth_date) == ("RECUP", "1975-12-31")
    recovery = (await office.known("P-1")).identity.recovery
    assert recovery is not None
    assert recovery.national_birth_date == "1975-00-00"
    assert isinstance(found, msgspec.Struct)


async def test_what_is_said_again_changes_nothing_and_what_is_left_out_stays_as_it_was_said(office: Office) -> None:
    await put(office, body(1, birth_date="1975-00-00"))
    before = await office.known("P-1")
    assert await put(office, body(1, birth_date="1975-00-00")) == ("1975-12-31", ["birth-date-uncertain"])
    assert (await office.known("P-1")).kept == before.kept
    await put(office, PatientBody(birth_place="75056"))
    await office.searches.search(SOFTWARE, SearchBody(local_id="P-1"))
    assert told(office.insi.received[-1], "DateNaissance") == "1975-00-00"


async def test_a_whole_date_takes_the_place_of_an_incomplete_one(office: Office) -> None:
    await put(office, body(1, birth_date="1975-00-00"))
    assert await put(office, body(1, birth_date="1975-06-02")) == ("1975-06-02", [])
    await office.searches.search(SOFTWARE, SearchBody(local_id="P-1"))
    assert told(office.insi.received[-1], "DateNaissance") == "1975-06-02"
