"""What people and software do with identities, through the desk: written once, imputed to somebody, told when two files are one person."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gateway.flow.errors import ActorNeeded, ActorUnknown, IdentityChanged, PatientNotFound, ProposalGone
from gateway.flow.identities.request import AttributesBody, DecisionBody, InsBody, PatientBody, QualificationBody
from gateway.flow.intake import resolve_structure
from gateway.ins.datamatrix import DatamatrixNotQualified
from gateway.ins.refusals import InsConflict
from gateway.journal.records import InquiryRecord
from gateway.model.patient import MatriculeKeyWrong, TraitInvalid
from tests.flow.searching import DOCTOR, FIRST, SECOND, STATION, Office, ins_of, letters, national, patient, qualified

SECRETARY = msgspec.structs.replace(STATION, actor="accueil", structures=(FIRST,))
PROFESSIONAL = msgspec.structs.replace(SECRETARY, actor=DOCTOR)
SOFTWARE = msgspec.structs.replace(SECRETARY, actor=None)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def body(number: int, **changes: object) -> PatientBody:
    said = PatientBody(birth_family_name=letters(number), birth_given_names="ZOE", sex="F", birth_date="1975-12-31", birth_place="63220")
    return msgspec.structs.replace(said, **changes)


async def proposed(office: Office, number: int = 1, **changes: str) -> str:
    """A patient to whom INSi gave an answer; the id of what is to be decided."""
    office.insi.people[letters(number)] = national(number, **changes)
    await office.write(patient(number))
    identifier = await office.ask(f"P-{number}")
    async with office.working():
        await office.until_state(identifier, "done")
    proposal = (await office.known(f"P-{number}")).proposal
    assert proposal is not None
    return proposal.id


async def test_a_patient_is_created_once_looked_up_and_told_by_the_workstation(office: Office) -> None:
    view, created = await office.desk.put(SOFTWARE, "P-1", body(1))
    assert (created, view.status, view.task) == (True, "PROV", "search")
    view, created = await office.desk.put(SOFTWARE, "P-1", body(1))
    assert not created
    [waiting] = await office.store.inquiries_due(office.books.now(), ("deferred",), 10)
    assert isinstance(waiting, InquiryRecord)
    [line] = await office.acts("identity.created")
    assert (line.actor, line.patient_ref) == ("workstation:w-1", office.identities.reference(FIRST, "P-1"))
    assert [one.act for one in await office.desk.history(SOFTWARE, None, "P-1")] == ["identity.created"]


@pytest.mark.parametrize(
    ("said", "error", "field"),
    [
        (body(1, birth_date="31/12/1975"), TraitInvalid, "birth_date"),
        (body(1, birth_family_name=None), TraitInvalid, "birth_family_name"),
        (body(1, ins=InsBody(matricule="275126322074975", oid="1.2.250.1.213.1.4.8")), MatriculeKeyWrong, "matricule"),
    ],
)
async def test_what_cannot_be_written_names_its_field_and_leaves_nothing(
    office: Office, said: PatientBody, error: type[TraitInvalid | MatriculeKeyWrong], field: str
) -> None:
    with pytest.raises(error) as refusal:
        await office.desk.put(SOFTWARE, "P-1", said)
    assert refusal.value.field is not None
    assert refusal.value.field.endswith(field)
    with pytest.raises(PatientNotFound):
        await office.desk.read(SOFTWARE, None, "P-1")


async def test_a_person_takes_an_answer_and_its_traits_replace_those_of_the_practice(office: Office) -> None:
    proposal = await proposed(office, DateNaissance="1975-12-30")
    view = await office.desk.read(SECRETARY, None, "P-1")
    assert view.proposal is not None
    assert [(one.field, one.kind) for one in view.proposal.differences] == [("birth_date", "different")]
    view = await office.desk.decide(SECRETARY, "P-1", DecisionBody(decision="accept", proposal=proposal))
    assert (view.status, view.traits.birth_date, view.task, view.proposal) == ("RECUP", "1975-12-30", "qualify", None)
    [line] = await office.acts("identity.accepted")
    assert (line.actor, line.answer) == ("secretary:accueil", "RECUP")
    with pytest.raises(ProposalGone):
        await office.desk.decide(SECRETARY, "P-1", DecisionBody(decision="accept", proposal=proposal))


async def test_an_answer_refused_leaves_nothing_of_it(office: Office) -> None:
    proposal = await proposed(office, DateNaissance="1975-12-30")
    view = await office.desk.decide(SECRETARY, "P-1", DecisionBody(decision="refuse", proposal=proposal))
    assert (view.status, view.ins, view.proposal, view.traits.birth_date, view.task) == ("PROV", None, None, "1975-12-31", "search")
    kept = (await office.known("P-1")).kept
    assert ins_of(1).matricule.encode() not in msgspec.json.encode(kept)


async def test_an_answer_that_came_meanwhile_is_not_the_one_looked_at(office: Office) -> None:
    await proposed(office, DateNaissance="1975-12-30")
    with pytest.raises(ProposalGone):
        await office.desk.decide(SECRETARY, "P-1", DecisionBody(decision="accept", proposal="another"))
    assert (await office.known("P-1")).proposal is not None


async def test_acts_that_engage_a_person_need_one_whom_the_structure_knows(office: Office) -> None:
    proposal = await proposed(office, DateNaissance="1975-12-30")
    stranger = msgspec.structs.replace(SECRETARY, actor="nobody")
    for caller, error in ((SOFTWARE, ActorNeeded), (stranger, ActorUnknown)):
        with pytest.raises(error):
            await office.desk.decide(caller, "P-1", DecisionBody(decision="accept", proposal=proposal))
        with pytest.raises(error):
            await office.desk.qualify(caller, "P-1", QualificationBody(evidence="PA"))
        with pytest.raises(error):
            await office.desk.set_attributes(caller, "P-1", AttributesBody(attributes=("douteuse",)))
    assert (await office.known("P-1")).identity.status == "PROV"


async def test_a02_a_passport_qualifies_and_the_ins_may_be_printed(office: Office) -> None:
    await office.write(msgspec.structs.replace(qualified(1, 1), check=None))
    with pytest.raises(DatamatrixNotQualified):
        await office.desk.patient(SECRETARY, None, "P-1")
    view = await office.desk.qualify(SECRETARY, "P-1", QualificationBody(evidence="PA"))
    assert (view.status, view.task) == ("QUAL", None)
    assert view.checked is not None
    assert view.checked.by == "LOU PETIT"
    assert (await office.desk.patient(SECRETARY, None, "P-1")).ins == ins_of(1)
    [line] = await office.acts("identity.checked")
    assert line.detail["evidence"] == "PA"


async def test_a_document_compared_with_what_the_file_says_no_more_qualifies_nothing(office: Office) -> None:
    """The secretary looks at the passport; meanwhile the cabinet software corrects the traits: the check would be of a file nobody saw."""
    await office.write(msgspec.structs.replace(qualified(1, 1), check=None))
    looked_at = (await office.desk.read(SECRETARY, None, "P-1")).updated_at
    office.clock.advance(5)
    await office.desk.put(SOFTWARE, "P-1", body(2))
    with pytest.raises(IdentityChanged) as refusal:
        await office.desk.qualify(SECRETARY, "P-1", QualificationBody(evidence="PA", seen_at=looked_at))
    assert (refusal.value.status, refusal.value.field) == (409, "seen_at")
    assert (await office.known("P-1")).identity.check is None
    again = (await office.desk.read(SECRETARY, None, "P-1")).updated_at
    view = await office.desk.qualify(SECRETARY, "P-1", QualificationBody(evidence="PA", seen_at=again))
    assert view.checked is not None


async def test_a_doubt_takes_the_ins_away_and_a_software_may_not_bring_another(office: Office) -> None:
    await office.write(qualified(1, 1))
    other = InsBody(matricule=ins_of(2).matricule, oid=ins_of(2).oid)
    with pytest.raises(InsConflict):
        await office.desk.put(SOFTWARE, "P-1", body(1, ins=other, identity_status="QUAL"))
    view = await office.desk.set_attributes(SECRETARY, "P-1", AttributesBody(attributes=("douteuse",)))
    assert (view.status, view.ins, view.task) == ("PROV", None, None)


async def test_two_files_under_one_ins_are_told_on_both_and_never_merged(office: Office) -> None:
    await office.write(qualified(1, 1))
    twin = msgspec.structs.replace(qualified(1, 1), local_id="P-9", check=None)
    nia = msgspec.structs.replace(ins_of(1), oid="1.2.250.1.213.1.4.9")
    assert twin.recovery is not None
    await office.write(twin)
    await office.write(twin, SECOND)
    await office.write(msgspec.structs.replace(twin, local_id="P-8", recovery=msgspec.structs.replace(twin.recovery, ins=nia)))
    before = await office.store.patient_count(FIRST)
    page = await office.desk.worklist(SECRETARY)
    told = {one.local_id: [(warning.code, warning.what) for warning in one.warnings] for one in page.items}
    assert told == {
        "P-9": [("ins-duplicate", "La même INS se trouve dans un autre dossier de cette structure : P-1.")],
        "P-8": [],
    }
    assert [one.code for one in (await office.desk.read(SECRETARY, None, "P-1")).warnings] == ["ins-duplicate"]
    assert await office.store.patient_count(FIRST) == before == 3


async def test_a_duplicate_is_told_before_the_answer_is_taken(office: Office) -> None:
    proposal = await proposed(office, DateNaissance="1975-12-30")
    assert (await office.desk.read(SECRETARY, None, "P-1")).warnings == ()
    await office.write(msgspec.structs.replace(qualified(1, 1), local_id="P-9"))
    view = await office.desk.read(SECRETARY, None, "P-1")
    assert [one.code for one in view.warnings] == ["ins-duplicate"]
    assert ins_of(1).matricule not in str(view.warnings)
    view = await office.desk.decide(SECRETARY, "P-1", DecisionBody(decision="accept", proposal=proposal))
    assert (view.status, [one.code for one in view.warnings]) == ("RECUP", ["ins-duplicate"])


async def test_a_damaged_twin_hides_nobody(office: Office) -> None:
    await office.write(qualified(1, 1))
    row = (await office.write(msgspec.structs.replace(qualified(1, 1), local_id="P-9"))).record
    await office.store.commit(msgspec.structs.replace(row, sealed=b"damaged", version=row.version + 1))
    assert (await office.desk.read(SECRETARY, None, "P-1")).warnings == ()


async def test_the_worklist_is_walked_page_by_page_and_shows_its_structures_only(office: Office) -> None:
    for number in range(5):
        await office.write(patient(number))
        office.clock.advance(1)
    await office.write(patient(9), SECOND)
    page = await office.desk.worklist(SECRETARY, limit=2)
    pages = [[one.local_id for one in page.items]]
    while page.cursor is not None:
        page = await office.desk.worklist(SECRETARY, cursor=page.cursor, limit=2)
        pages.append([one.local_id for one in page.items])
    assert pages == [["P-0", "P-1"], ["P-2", "P-3"], ["P-4"]]
    assert page.counts == {"search": 5}
    assert resolve_structure(office.configuration, SECRETARY.structures, None).id == FIRST
    assert [one.local_id for one in (await office.desk.worklist(SECRETARY, cursor="rubbish", limit=1)).items] == ["P-0"]


async def test_what_a_change_gives_back_is_what_the_journal_holds(office: Office) -> None:
    await office.write(patient(1))
    written = await office.write(qualified(1, 1))
    assert written == await office.known("P-1")
    assert written.record.number > 0
