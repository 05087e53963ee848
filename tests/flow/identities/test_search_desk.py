"""Searches that people ask for: in time or handed to the box, counted by workstation, never for a barred identity nor with another card."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.flow.decoding import RequestInvalid
from gateway.flow.errors import ActorUnknown, NotFound, PatientNotFound, RequestIncomplete
from gateway.flow.identities.request import CardBody, InsBody, SearchBody, SearchTraits, VerifyBody, VitaleBody
from gateway.flow.identities.search_desk import CardChanged, CardReadingTooOld
from gateway.flow.identities.search_limit import SearchLimit
from gateway.flow.identities.views import DeferredView, SearchView
from gateway.ins.errors import InsiAnswerLost, InsiUnavailable
from gateway.ins.identity import Attribute
from gateway.ins.refusals import IdentityBarred
from gateway.kernel.errors import Refused
from gateway.model.patient import Ins, matricule_key
from tests.flow.searching import (
    DOCTOR,
    DOWN,
    FIRST,
    NOON,
    OTHER_STATION,
    STATION,
    Office,
    ins_of,
    letters,
    national,
    patient,
    qualified,
    told,
)
from tests.ins import answers

CALLER = msgspec.structs.replace(STATION, actor=DOCTOR, roles={FIRST: "professional"}, structures=(FIRST,))


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def said(number: int, **changes: Any) -> SearchTraits:
    traits = SearchTraits(birth_family_name=letters(number), given_names=("ZOE",), sex="F", birth_date="1975-12-31")
    return msgspec.structs.replace(traits, **changes)


async def found(office: Office, body: SearchBody) -> SearchView:
    view = await office.searches.search(CALLER, body)
    assert isinstance(view, SearchView)
    return view


async def test_an_exact_answer_is_taken_and_a_different_one_waits_for_a_person(office: Office) -> None:
    office.insi.people = {letters(1): national(1), letters(2): national(2, LieuNaissance="75056")}
    for number in (1, 2):
        await office.write(patient(number))
    exact, different = await found(office, SearchBody(local_id="P-1")), await found(office, SearchBody(local_id="P-2"))
    assert (exact.cr, exact.status, exact.proposal, exact.differences) == ("00", "RECUP", None, ())
    assert (different.cr, different.status, different.status_if_accepted) == ("00", "PROV", "RECUP")
    assert [(one.field, one.kind) for one in different.differences] == [("birth_place", "different")]
    assert (await office.known("P-2")).identity.traits.birth_place == "63220"
    lines = await office.acts("insi.asked")
    assert {(one.actor, one.detail["purpose"], one.detail["workstation"]) for one in lines} == {(f"professional:{DOCTOR}", "care", "w-1")}
    assert [one.patient_ref for one in lines] == [office.identities.reference(FIRST, f"P-{one}") for one in (1, 2)]


async def test_a11_nobody_or_several_stores_nothing_and_advises(office: Office) -> None:
    before = (await office.write(patient(1))).kept
    for code in ("01", "02"):
        body = answers.result(code, "libelle")
        office.insi.rule = lambda _, body=body: body  # type: ignore[misc]
        view = await found(office, SearchBody(local_id="P-1"))
        assert (view.cr, view.ins, view.proposal) == (code, None, None)
        assert view.advice
        assert (await office.known("P-1")).kept == before


async def test_a23_a_lunar_patient_is_asked_for_with_the_date_insi_gave(office: Office) -> None:
    held = qualified(1, 1, birth_date="1950-12-31")
    assert held.recovery is not None
    await office.write(msgspec.structs.replace(held, recovery=msgspec.structs.replace(held.recovery, national_birth_date="1950-00-00")))
    moved = msgspec.structs.replace(held, local_id="P-2")
    await office.write(msgspec.structs.replace(moved, recovery=msgspec.structs.replace(held.recovery, national_birth_date="1949-00-00")))
    for local_id in ("P-1", "P-2"):
        await found(office, SearchBody(local_id=local_id))
    assert [told(one, "DateNaissance") for one in office.insi.received] == ["1950-00-00", "1950-12-31"]


async def test_a22_a_barred_identity_is_refused_before_any_call(office: Office) -> None:
    for number, mark in enumerate((Attribute.DOUTEUSE, Attribute.FICTIVE)):
        await office.write(msgspec.structs.replace(patient(number), attributes=frozenset({mark})))
        for act in (
            lambda number=number: office.searches.search(CALLER, SearchBody(local_id=f"P-{number}")),
            lambda number=number: office.searches.by_card(CALLER, card(local_id=f"P-{number}")),
            lambda number=number: office.searches.verify(CALLER, VerifyBody(local_id=f"P-{number}")),
        ):
            with pytest.raises(IdentityBarred):
                await act()
    assert office.insi.received == []


async def test_a_patient_nobody_knows_and_a_search_without_traits_are_refused(office: Office) -> None:
    for body, error in ((SearchBody(local_id="nobody"), PatientNotFound), (SearchBody(), RequestIncomplete)):
        with pytest.raises(error):
            await office.searches.search(CALLER, body)
    assert office.insi.received == []


async def test_a_service_that_is_down_is_told_or_handed_to_the_box(office: Office) -> None:
    office.insi.people = {letters(1): national(1)}
    await office.write(patient(1))
    office.insi.faults = [DOWN]
    with pytest.raises(InsiUnavailable):
        await office.searches.search(CALLER, SearchBody(local_id="P-1"))
    office.insi.faults = [DOWN]
    view = await office.searches.search(CALLER, SearchBody(local_id="P-1", defer=True))
    assert isinstance(view, DeferredView)
    assert view.explanation.code == "insi-unavailable"
    async with office.working():
        await office.until_state(view.id, "done")
    assert (await office.searches.inquiry(CALLER, view.id)).result is not None
    with pytest.raises(NotFound):
        await office.searches.inquiry(OTHER_STATION, view.id)


async def test_nobody_waits_beyond_the_budget(tmp_path: Path) -> None:
    office = Office(tmp_path, insi={"budget_seconds": 0.0})
    await office.write(patient(1))
    with pytest.raises(InsiAnswerLost):
        await office.searches.search(CALLER, SearchBody(local_id="P-1"))
    assert isinstance(await office.searches.search(CALLER, SearchBody(local_id="P-1", defer=True)), DeferredView)


async def test_guessing_is_stopped_with_429_and_one_alert(tmp_path: Path) -> None:
    office = Office(tmp_path, insi={"misses_per_hour": 3, "searches_per_hour": 100})
    office.insi.people = {letters(9): national(9)}
    for _ in range(5):
        await found(office, SearchBody(traits=said(9)))
    for number in range(3):
        await found(office, SearchBody(traits=said(number)))
    calls = len(office.insi.received)
    for _ in range(10):
        with pytest.raises(SearchLimit) as refusal:
            await office.searches.search(CALLER, SearchBody(traits=said(9)))
        assert refusal.value.status == 429
    with pytest.raises(SearchLimit):
        await office.searches.verify(CALLER, VerifyBody(ins=InsBody(matricule=ins_of(9).matricule, oid=ins_of(9).oid), traits=said(9)))
    with pytest.raises(SearchLimit):
        await office.searches.by_card(CALLER, card())
    assert len(office.insi.received) == calls
    [alert] = await office.acts("insi.search-limit")
    assert (alert.actor, alert.answer, alert.patient_ref) == (CALLER.imputed, "search-limit", None)
    assert office.searches.alerts() == ("w-1",)
    assert isinstance(await office.searches.search(OTHER_STATION, SearchBody(structure=FIRST, traits=said(9))), SearchView)
    office.clock.advance(3600)
    assert (await found(office, SearchBody(traits=said(9)))).cr == "00"
    assert office.searches.alerts() == ()


def card(**changes: Any) -> VitaleBody:
    digits = ins_of(1).matricule
    reading = CardBody(
        serial="0123456789",
        read_at=NOON.isoformat(),
        insured_nir=digits[:13],
        insured_key=matricule_key(digits[:13]),
        birth_date="1975-12-31",
    )
    body = VitaleBody(selected_serial="0123456789", card=reading)
    return msgspec.structs.replace(body, **changes)


async def test_a24_another_card_than_the_chosen_one_asks_nothing(office: Office) -> None:
    with pytest.raises(CardChanged) as refusal:
        await office.searches.by_card(CALLER, card(selected_serial="9876543210"))
    assert (refusal.value.field, office.insi.received) == ("card.serial", [])


@pytest.mark.parametrize(
    ("minutes", "accepted"), [(0, True), (20, True), (20.1, False), (-4.9, True), (-5.1, False), (60 * 24 * 365, False)]
)
async def test_a_card_is_read_again_when_its_reading_is_old_or_of_tomorrow(office: Office, minutes: float, accepted: bool) -> None:
    body = card()
    read_at = (office.clock.now() - timedelta(minutes=minutes)).isoformat()
    body = msgspec.structs.replace(body, card=msgspec.structs.replace(body.card, read_at=read_at))
    if accepted:
        assert (await office.searches.by_card(CALLER, body)).cr == "01"
    else:
        with pytest.raises(CardReadingTooOld):
            await office.searches.by_card(CALLER, body)
    assert len(office.insi.received) == accepted


@pytest.mark.parametrize("read_at", ["hier", "2026-11-24T11:00:00", ""])
async def test_an_instant_that_is_none_is_no_age(office: Office, read_at: str) -> None:
    body = card()
    with pytest.raises(RequestInvalid) as refusal:
        await office.searches.by_card(CALLER, msgspec.structs.replace(body, card=msgspec.structs.replace(body.card, read_at=read_at)))
    assert refusal.value.field == "card.read_at"


@pytest.mark.parametrize("authority", ["1.2.250.1.213.1.4.8", "1.2.250.1.213.1.4.10", "1.2.250.1.213.1.4.11"])
async def test_an_ins_is_verified_whatever_the_authority_the_platform_gives(office: Office, authority: str) -> None:
    office.insi.people = {letters(1): national(1)}
    held = qualified(1, 1)
    assert held.recovery is not None
    ins = Ins(matricule=ins_of(1).matricule, oid=authority)
    await office.write(msgspec.structs.replace(held, recovery=msgspec.structs.replace(held.recovery, ins=ins)))
    view = await office.searches.verify(CALLER, VerifyBody(local_id="P-1"))
    assert (view.verified, view.reconstructed) == (True, False)
    view = await office.searches.verify(CALLER, VerifyBody(ins=InsBody(matricule=ins.matricule, oid=authority), traits=said(1)))
    assert view.verified
    nia = InsBody(matricule=ins.matricule, oid="1.2.250.1.213.1.4.9")
    assert not (await office.searches.verify(CALLER, VerifyBody(ins=nia, traits=said(1)))).verified
    other = InsBody(matricule=ins_of(2).matricule, oid=authority)
    assert not (await office.searches.verify(CALLER, VerifyBody(ins=other, traits=said(1)))).verified


async def test_there_must_be_an_ins_to_verify(office: Office) -> None:
    await office.write(patient(1))
    for body in (VerifyBody(local_id="P-1"), VerifyBody(traits=said(1))):
        with pytest.raises(RequestIncomplete):
            await office.searches.verify(CALLER, body)
    with pytest.raises(Refused):
        await office.searches.verify(CALLER, VerifyBody(ins=InsBody(matricule="275126322074975", oid=ins_of(1).oid), traits=said(1)))
    assert office.insi.received == []


@pytest.mark.parametrize(("code", "status"), [("00", "QUAL"), ("01", "VALI")])
async def test_ws_ins3_confirms_or_withdraws_the_ins_it_was_asked_about(tmp_path: Path, code: str, status: str) -> None:
    office = Office(tmp_path, insi={"verification": True})
    await office.write(qualified(1, 1))
    office.insi.rule = lambda _: answers.result(code, "libelle")
    view = await office.searches.verify(CALLER, VerifyBody(local_id="P-1"))
    assert (view.verified, view.reconstructed) == (code == "00", True)
    assert (await office.known("P-1")).identity.status == status
    [line] = await office.acts("identity.verified", "identity.invalidated")
    assert (line.act, line.actor) == ("identity.verified" if code == "00" else "identity.invalidated", f"professional:{DOCTOR}")


@pytest.mark.parametrize("code", ["00", "01"])
async def test_ws_ins3_asked_with_other_traits_says_nothing_of_the_patient_s_own(tmp_path: Path, code: str) -> None:
    """An INS that goes with somebody else's traits is not confirmed for this patient, nor withdrawn by traits that are not his."""
    office = Office(tmp_path, insi={"verification": True})
    await office.write(qualified(1, 1))
    before = await office.known("P-1")
    office.insi.rule = lambda _: answers.result(code, "libelle")
    view = await office.searches.verify(CALLER, VerifyBody(local_id="P-1", traits=said(2)))
    assert view.verified == (code == "00")
    assert await office.known("P-1") == before
    assert await office.acts("identity.verified", "identity.invalidated") == []


async def test_guessing_by_ws_ins3_is_stopped_too(tmp_path: Path) -> None:
    office = Office(tmp_path, insi={"verification": True, "misses_per_hour": 2})
    office.insi.rule = lambda _: answers.result("01", "libelle")
    body = VerifyBody(ins=InsBody(matricule=ins_of(9).matricule, oid=ins_of(9).oid), traits=said(9))
    for _ in range(2):
        assert not (await office.searches.verify(CALLER, body)).verified
    with pytest.raises(SearchLimit):
        await office.searches.verify(CALLER, body)


async def test_a_search_that_tries_twenty_given_names_is_twenty_guesses_even_when_one_is_right(tmp_path: Path) -> None:
    office = Office(tmp_path, insi={"misses_per_hour": 15, "calls_per_second": 1e6})
    nobody, names = answers.result("01", "Aucune identite trouvee"), tuple(f"NOM{chr(65 + one)}" for one in range(20))
    office.insi.people = {letters(1): national(1)}
    office.insi.rule = lambda asked: None if told(asked, "Prenom") == names[-1] else nobody
    assert (await found(office, SearchBody(traits=said(1, given_names=names)))).cr == "00"
    with pytest.raises(SearchLimit):
        await found(office, SearchBody(traits=said(1)))


async def test_the_alert_names_a_person_only_when_the_structure_knows_them(tmp_path: Path) -> None:
    office = Office(tmp_path, insi={"searches_per_hour": 0})
    for said_actor, refusal in (("MARTIN Louise 1975-12-31", ActorUnknown), (None, SearchLimit), (DOCTOR, SearchLimit)):
        office.clock.advance(3600)
        with pytest.raises(refusal):
            await office.searches.search(msgspec.structs.replace(CALLER, actor=said_actor), SearchBody(traits=said(1)))
    assert [one.actor for one in await office.acts("insi.search-limit")] == ["workstation:w-1", f"professional:{DOCTOR}"]


async def test_an_answer_about_an_ins_held_no_more_withdraws_nothing(tmp_path: Path) -> None:
    """While INSi is asked, a person accepts another INS: the refusal of the former one says nothing of it."""
    office = Office(tmp_path, insi={"verification": True})
    await office.write(qualified(1, 1))
    other = qualified(2, 2)

    async def replaced() -> object:
        return await office.write(msgspec.structs.replace(other, local_id="P-1"))

    office.insi.meanwhile = replaced
    office.insi.rule = lambda _: answers.result("01", "libelle")
    assert not (await office.searches.verify(CALLER, VerifyBody(local_id="P-1"))).verified
    after = (await office.known("P-1")).identity
    assert after.status == "QUAL"
    assert after.recovery == other.recovery
