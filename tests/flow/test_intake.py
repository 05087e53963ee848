"""A ready CDA against the request that brings it: what would stop the queue or leave under another name is refused at the door."""

from __future__ import annotations

import msgspec
import pytest

from gateway.flow.admitted import Admitted
from gateway.flow.errors import ReplacedPending, ReplacedUnknown, RequestContradictsCda
from gateway.flow.intake import admit_cda, patient_of
from gateway.flow.lane import Lane
from gateway.flow.letter import Letters, Material
from gateway.flow.request import Deliver, DocumentRequest, PatientPart
from gateway.kernel import oids
from gateway.kernel.clock import SystemClock
from gateway.kernel.config import Configuration, Dmp, Retry
from gateway.model.document import ClinicalHeader
from gateway.model.patient import IdentityStatus, Ins, InsAuthorityUnknown, Patient
from gateway.model.people import Organization
from tests.model.test_patient import TRAITS
from tests.xds.documents import CABINET, UNIQUE_ID, header


def admitted(given: ClinicalHeader) -> Admitted:
    return admit_cda(DocumentRequest(deliver=Deliver(dmp=True)), given, CABINET, environment="test", actor=None, original="o")


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
    known = Patient(local_id="P", traits=TRAITS, status=IdentityStatus.QUALIFIEE, ins=Ins.checked("279035121518989", oid))
    with pytest.raises(InsAuthorityUnknown) as refusal:
        patient_of(PatientPart(local_id="P"), known, "production")
    assert refusal.value.field == "patient.ins.oid"
    assert patient_of(PatientPart(local_id="P"), known, "test") is known


def test_a_test_box_takes_production_authorities() -> None:
    known = Patient(local_id="P", traits=TRAITS, status=IdentityStatus.QUALIFIEE, ins=Ins.checked("279035121518989", oids.INS_NIR))
    assert patient_of(PatientPart(local_id="P"), known, "test") is known
    assert patient_of(PatientPart(local_id="P"), known, "production") is known


def test_a_mail_with_a_test_identity_is_not_written_in_production() -> None:
    configuration = Configuration(environment="production", dmp=Dmp(url="https://dmp.test"), structures=(CABINET,))
    material = Material(
        admitted=admitted(header()), structure=CABINET, header=header(), cda=b"", mime_type="text/xml", pdf=b"", now=header().created_at
    )
    with pytest.raises(InsAuthorityUnknown):
        Letters(configuration).write("d", "dr@medecin.test", material)
