"""A ready CDA against the request that brings it: what would stop the queue or leave under another name is refused at the door."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from gateway.flow.admitted import Admitted
from gateway.flow.decoding import RequestInvalid
from gateway.flow.errors import ReplacedPending, ReplacedUnknown, RequestContradictsCda
from gateway.flow.identities.assertion import asserted
from gateway.flow.identities.entries import Entry, Kept, identity_of
from gateway.flow.intake import Lineage, admit_cda, admit_pdf
from gateway.flow.lane import Lane
from gateway.flow.letter import Letters, Material
from gateway.flow.request import AuthorPart, Deliver, DocumentPart, DocumentRequest, InsPart, PatientPart
from gateway.journal.records import PatientRecord
from gateway.kernel import oids
from gateway.kernel.clock import SystemClock
from gateway.kernel.config import Configuration, Dmp, Retry
from gateway.model.document import ClinicalHeader
from gateway.model.patient import IdentityStatus, Ins, InsAuthorityUnknown, Patient
from gateway.model.people import Organization
from tests.model.test_patient import TRAITS
from tests.xds.documents import CABINET, INS, UNIQUE_ID, header

LATEST = datetime(2026, 11, 25, tzinfo=UTC)


def admitted(given: ClinicalHeader, known: Patient | None = None, latest: datetime | None = LATEST, **parts: Any) -> Admitted:
    request = DocumentRequest(deliver=Deliver(dmp=True), **parts)
    return admit_cda(request, given, CABINET, known=known, environment="test", latest=latest, actor=None, original="o")


def remembered(oid: str) -> Entry:
    patient = Patient(local_id="P", traits=TRAITS, status=IdentityStatus.QUALIFIEE, ins=Ins.checked("279035121518989", oid))
    row = PatientRecord(structure="S", local_ref="r", wrapped_key=b"", sealed=b"", created_at=1, updated_at=1)
    return Entry(kept=Kept(identity=identity_of(patient, 1, "w")), record=row)


def test_a_ready_cda_is_admitted_for_the_structure_it_names() -> None:
    assert admitted(header()).structure == CABINET.id


def test_a_ready_cda_of_another_structure_is_refused() -> None:
    other = msgspec.structs.replace(header(), custodian=Organization(id="10B0000000", name="Autre"))
    with pytest.raises(RequestContradictsCda) as refusal:
        admitted(other)
    assert refusal.value.field == "structure"


def test_a_document_that_replaces_itself_is_refused() -> None:
    with pytest.raises(ReplacedUnknown):
        admitted(header(replaces=UNIQUE_ID))


def test_a_document_that_waits_for_its_former_version_says_nothing_of_the_destination() -> None:
    lane = Lane("s/dmp", 4, Retry(dead_after=3), SystemClock())
    for _ in range(5):
        lane.account(ReplacedPending())
    assert not lane.dead


@pytest.mark.parametrize("oid", [oids.INS_NIR_TEST, oids.INS_NIR_DEMO])
def test_a_remembered_test_identity_is_refused_in_production(oid: str) -> None:
    known = remembered(oid)
    with pytest.raises(InsAuthorityUnknown) as refusal:
        asserted(known, PatientPart(local_id="P"), "P", "w", 1, "production")
    assert refusal.value.field == "patient.ins.oid"
    assert asserted(known, PatientPart(local_id="P"), "P", "w", 1, "test") == known.kept


def test_a_test_box_takes_production_authorities() -> None:
    known = remembered(oids.INS_NIR)
    assert asserted(known, PatientPart(local_id="P"), "P", "w", 1, "test") == known.kept
    assert asserted(known, PatientPart(local_id="P"), "P", "w", 1, "production") == known.kept


def test_a_mail_with_a_test_identity_is_not_written_in_production() -> None:
    configuration = Configuration(environment="production", dmp=Dmp(url="https://dmp.test"), structures=(CABINET,))
    material = Material(
        admitted=admitted(header()), structure=CABINET, header=header(), cda=b"", mime_type="text/xml", pdf=b"", now=header().created_at
    )
    with pytest.raises(InsAuthorityUnknown):
        Letters(configuration).write("d", "dr@medecin.test", material)


def repeated(**changes: Any) -> PatientPart:
    """The patient of the CDA as its own request would say it again, some members changed."""
    one = admitted(header()).patient
    traits = msgspec.structs.asdict(one.traits)
    said: dict[str, Any] = {"local_id": one.local_id, "ins": InsPart(matricule=INS.matricule, oid=INS.oid), "identity_status": "QUAL"}
    return PatientPart(**(traits | said | changes))


def test_a_request_that_repeats_the_cda_is_admitted_whatever_the_case_and_the_accents() -> None:
    family = header().subject.traits.birth_family_name.lower().replace("-", " ")
    assert admitted(header(), patient=repeated(birth_family_name=family)).patient.qualified


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("local_id", "SOMEONE-ELSE"), ("birth_family_name", "AUTRE"), ("birth_given_names", "AUTRE"), ("first_birth_given_name", "AUTRE"),
        ("used_family_name", "AUTRE"), ("sex", "U"), ("birth_date", "1990-01-01"), ("birth_place", "75101"),
    ],
)  # fmt: skip
def test_a_request_about_another_patient_than_the_cda_s_is_refused(member: str, value: str) -> None:
    with pytest.raises(RequestContradictsCda) as refusal:
        admitted(header(), patient=repeated(**{member: value}))
    assert refusal.value.field == f"patient.{member}"


def test_another_ins_or_authority_than_the_cda_s_is_refused() -> None:
    for part, member in (
        (InsPart(matricule="255069999999934", oid=INS.oid), "matricule"),
        (InsPart(matricule=INS.matricule, oid=oids.INS_NIR), "oid"),
    ):
        with pytest.raises(RequestContradictsCda) as refusal:
            admitted(header(), patient=repeated(ins=part))
        assert refusal.value.field == f"patient.ins.{member}"


@pytest.mark.parametrize("member", ["created_at", "service_start", "service_stop", "replaces", "title", "type"])
def test_another_document_than_the_cda_is_refused(member: str) -> None:
    given = header()
    said: dict[str, Any] = {"type": given.type.code, "title": given.title, "created_at": given.created_at}
    assert admitted(given, document=DocumentPart(**said)).title == given.title
    instant = given.created_at - timedelta(days=3)
    wrong = {"replaces": UNIQUE_ID, "title": "Autre", "type": "11488-4"}.get(member, instant)
    with pytest.raises(RequestContradictsCda) as refusal:
        admitted(given, document=DocumentPart(**(said | {member: wrong})))
    assert refusal.value.field == f"document.{member}"


@pytest.mark.parametrize(
    ("asserted", "known", "expected"),
    [
        (None, None, "QUAL"), (None, "QUAL", "QUAL"), (None, "VALI", "VALI"), (None, "PROV", "PROV"),
        ("VALI", None, "VALI"), ("PROV", "QUAL", "PROV"), ("QUAL", "PROV", "QUAL"),
    ],
)  # fmt: skip
def test_a_cda_with_an_ins_is_qualified_unless_somebody_says_less(asserted: str | None, known: str | None, expected: str) -> None:
    remembered = Patient(local_id="P", traits=TRAITS, status=IdentityStatus(known)) if known is not None else None
    parts: dict[str, Any] = {"patient": repeated(identity_status=asserted)} if asserted is not None else {}
    assert admitted(header(), remembered, **parts).patient.status == expected


def test_a_cda_without_ins_is_never_qualified() -> None:
    bare = header(ins=None, qualified=False)
    assert admitted(bare).patient.status is IdentityStatus.PROVISOIRE
    with pytest.raises(RequestContradictsCda) as refusal:
        admitted(bare, patient=repeated(ins=None))
    assert refusal.value.field == "patient.identity_status"


BOUNDS = [
    (datetime(1899, 12, 31, tzinfo=UTC), False), (datetime(1900, 1, 1, tzinfo=UTC), True), (LATEST, True),
    (LATEST + timedelta(seconds=1), False), (datetime.fromisoformat("9999-12-31T23:59:59-12:00"), False),
    (datetime.fromisoformat("0001-01-01T00:00:00+14:00"), False),
]  # fmt: skip


@pytest.mark.parametrize("member", ["created_at", "service_start", "service_stop"])
@pytest.mark.parametrize(("instant", "accepted"), BOUNDS)
def test_a_date_of_a_document_is_between_1900_and_tomorrow(member: str, instant: datetime, accepted: bool) -> None:
    said: dict[str, Any] = {"type": "57833-6", "title": "T", "created_at": header().created_at} | {member: instant}
    request = DocumentRequest(author=AuthorPart(id=CABINET.professionals[0].id), document=DocumentPart(**said), deliver=Deliver(dmp=True))
    patient, lineage = admitted(header()).patient, Lineage(set_id="2.25.1", version=1)
    cda = msgspec.structs.replace(header(), **{member: instant})
    if accepted:
        assert admit_pdf(request, CABINET, patient, lineage, latest=LATEST, actor=None, original="o").title == "T"
        assert admitted(cda).media == "cda"
        return
    with pytest.raises(RequestInvalid) as refusal:
        admit_pdf(request, CABINET, patient, lineage, latest=LATEST, actor=None, original="o")
    assert refusal.value.field == f"document.{member}"
    with pytest.raises(RequestInvalid):
        admitted(cda)


def test_without_a_trusted_clock_no_date_is_called_future() -> None:
    assert admitted(msgspec.structs.replace(header(), created_at=LATEST + timedelta(days=400)), latest=None).media == "cda"
