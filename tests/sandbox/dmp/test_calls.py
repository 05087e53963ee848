"""TD0.2, TD3.1, TD3.2, TD3.3c and the rights that go with them (dmp.md section 8, cases 1, 14 to 17)."""

from __future__ import annotations

import pytest
from lxml import etree

from gateway.sandbox.dmp.service import DmpService, PatientInvalid
from gateway.sandbox.exchange import Verdict
from tests.sandbox.dmp.conftest import FeedMaker
from tests.sandbox.dmp.stranger import (
    EXISTENCE,
    SEARCH,
    UPDATE,
    Cabinet,
    Clock,
    new_oid,
    plain_request,
    send,
)
from tests.sandbox.dmp.stranger_calls import (
    APPROVED,
    FIND_DOCUMENTS,
    GET_DOCUMENTS,
    deletion_body,
    existence_body,
    references,
    search_body,
)
from tests.sandbox.dmp.stranger_cda import Document
from tests.sandbox.dmp.test_token import fault_of

V3 = {"h": "urn:hl7-org:v3"}
PATIENT = "'279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH'"
RETRIEVE = (
    '<RetrieveDocumentSetRequest xmlns="urn:ihe:iti:xds-b:2007"><DocumentRequest><RepositoryUniqueId>1.2.250.1.213.4.1.1.1.2'
    "</RepositoryUniqueId><DocumentUniqueId>1.2.3</DocumentUniqueId></DocumentRequest></RetrieveDocumentSetRequest>"
)


def existence(service: DmpService, cabinet: Cabinet, clock: Clock, matricule: str) -> tuple[Verdict, str, str]:
    """The verdict, its queryResponseCode and the patient's statusCode."""
    resource = f"{matricule}^^^&amp;1.2.250.1.213.1.4.10&amp;ISO^NH"
    request = plain_request(cabinet, "patients", EXISTENCE, existence_body(matricule), clock.now, resource=resource)
    verdict = send(service, request)
    root = etree.fromstring(verdict.answer.body)
    response = root.find(".//h:queryAck/h:queryResponseCode", V3)
    status = root.find(".//h:patient/h:statusCode", V3)
    return verdict, "" if response is None else str(response.get("code")), "" if status is None else str(status.get("code"))


@pytest.mark.parametrize(
    ("matricule", "response", "status"),
    [("279035121518989", "OK", "active"), ("153078987658513", "OK", "terminated"), ("199999999999999", "NF", "")],
)
def test_dmp16_existence(service: DmpService, cabinet: Cabinet, clock: Clock, matricule: str, response: str, status: str) -> None:
    verdict, code, state = existence(service, cabinet, clock, matricule)
    assert verdict.failed_rules == ()
    assert (code, state) == (response, status)
    assert b"PRPA_IN201308UV02" in verdict.answer.body


def test_dmp17_existence_follows_the_declared_state(service: DmpService, cabinet: Cabinet, clock: Clock) -> None:
    patient = {"ins": {"matricule": "207058575627097", "oid": "1.2.250.1.213.1.4.10"}}
    for dmp, expected in (("none", ("NF", "")), ("closed", ("OK", "terminated")), ("active", ("OK", "active"))):
        service.add_patient({**patient, "dmp": dmp})
        assert existence(service, cabinet, clock, "207058575627097")[1:] == expected


@pytest.mark.parametrize("patient", [{}, {"ins": {"matricule": "1"}}, {"ins": {"matricule": "1", "oid": "1.2"}, "dmp": "ouvert"}])
def test_patient_without_ins_or_state_is_refused(service: DmpService, patient: dict[str, object]) -> None:
    with pytest.raises(PatientInvalid):
        service.add_patient(patient)


def test_existence_of_another_patient_than_the_tokens_is_a_fault(service: DmpService, cabinet: Cabinet, clock: Clock) -> None:
    verdict = send(service, plain_request(cabinet, "patients", EXISTENCE, existence_body("207058575627097"), clock.now))
    assert verdict.failed_rules == ("dmp.existence.patient",)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ('code="TEST_EXST"', 'code="CONSULT"', "reason"),
        ('root="1.2.250.1.213.4.1.1.1"', 'root="1.2.3"', "receiver"),
        ('<statusCode code="new"/>', "", "query-status"),
        ("Patient.id", "Patient.nom", "semantics"),
        ('<acceptAckCode code="AL"/>', '<acceptAckCode code="NE"/>', "accept"),
        ("PRPA_IN201307UV02", "PRPA_IN201309UV02", "message"),
    ],
)
def test_malformed_existence_request_is_a_fault(service: DmpService, cabinet: Cabinet, clock: Clock, old: str, new: str, rule: str) -> None:
    body = existence_body()
    assert old in body
    verdict = send(service, plain_request(cabinet, "patients", EXISTENCE, body.replace(old, new), clock.now))
    assert verdict.failed_rules == (f"dmp.existence.{rule}",)


def test_dmp01_search_by_unique_id_and_by_patient(service: DmpService, feed: FeedMaker, cabinet: Cabinet, clock: Clock) -> None:
    first, second = feed(), feed()
    assert first.send(service).failed_rules == second.send(service).failed_rules == ()
    found = references(service, cabinet, first.document.unique_id, clock.now)
    assert len(found) == 1
    assert found[0].startswith("urn:uuid:")
    assert references(service, cabinet, "1.2.3", clock.now) == []
    body = search_body(FIND_DOCUMENTS, XDSDocumentEntryPatientId=PATIENT, XDSDocumentEntryStatus=APPROVED)
    verdict = send(service, plain_request(cabinet, "registry", SEARCH, body, clock.now))
    assert verdict.answer.body.count(b"<rim:ObjectRef ") == 2
    again = search_body(GET_DOCUMENTS, XDSDocumentEntryEntryUUID=f"('{found[0]}')")
    assert found[0].encode() in send(service, plain_request(cabinet, "registry", SEARCH, again, clock.now)).answer.body


def test_search_shows_nobody_elses_documents(service: DmpService, feed: FeedMaker, cabinet: Cabinet, clock: Clock) -> None:
    sent = feed()
    assert sent.send(service).failed_rules == ()
    assert references(service, cabinet, sent.document.unique_id, clock.now, patient="207058575627097") == []


@pytest.mark.parametrize(
    ("query", "slots", "rule", "code"),
    [
        ("urn:uuid:f26abbcb-ac74-4422-8a30-edb644bbc1a9", {}, "stored-query", "XDSUnknownStoredQuery"),
        (GET_DOCUMENTS, {}, "parameter", "XDSStoredQueryMissingParam"),
        (GET_DOCUMENTS, {"XDSDocumentEntryUniqueId": "1.2.3"}, "parameter-form", "XDSStoredQueryParamNumber"),
        (FIND_DOCUMENTS, {"XDSDocumentEntryPatientId": PATIENT}, "parameter", "XDSStoredQueryMissingParam"),
        (FIND_DOCUMENTS, {"XDSDocumentEntryPatientId": f"({PATIENT})"}, "parameter", "XDSStoredQueryMissingParam"),
        (
            FIND_DOCUMENTS,
            {"XDSDocumentEntryPatientId": PATIENT.replace("279", "179"), "XDSDocumentEntryStatus": APPROVED},
            "patient",
            "XDSUnknownPatientId",
        ),
    ],
)
def test_wrong_searches_are_refused(
    service: DmpService, cabinet: Cabinet, clock: Clock, query: str, slots: dict[str, str], rule: str, code: str
) -> None:
    verdict = send(service, plain_request(cabinet, "registry", SEARCH, search_body(query, **slots), clock.now))
    assert verdict.failed_rules == (f"dmp.query.{rule}",)
    assert f'errorCode="{code}"'.encode() in verdict.answer.body


def test_dmp14_metadata_search_is_refused_by_rights(service: DmpService, cabinet: Cabinet, clock: Clock) -> None:
    body = search_body(GET_DOCUMENTS, "LeafClass", XDSDocumentEntryUniqueId="('1.2.3')")
    verdict = send(service, plain_request(cabinet, "registry", SEARCH, body, clock.now))
    assert verdict.failed_rules == ("dmp.rights.matrix",)


def test_dmp14_retrieval_is_refused_by_rights(service: DmpService, cabinet: Cabinet, clock: Clock) -> None:
    verdict = send(service, plain_request(cabinet, "repository", "urn:ihe:iti:2007:RetrieveDocumentSet", RETRIEVE, clock.now))
    assert verdict.failed_rules == ("dmp.rights.matrix",)
    assert fault_of(verdict)[2].startswith("Accès refusé")


def test_retrieval_by_another_mode_is_not_simulated(service: DmpService, cabinet: Cabinet, clock: Clock) -> None:
    request = plain_request(cabinet, "repository", "urn:ihe:iti:2007:RetrieveDocumentSet", RETRIEVE, clock.now, mode="INDIRECTE_RENFORCEE")
    verdict = send(service, request)
    assert verdict.failed_rules == ("dmp.not-simulated",)
    assert fault_of(verdict)[0] == "soap:Receiver"


def test_dmp15_deletion_of_ones_own_document(service: DmpService, feed: FeedMaker, cabinet: Cabinet, clock: Clock) -> None:
    sent = feed()
    assert sent.send(service).failed_rules == ()
    [target] = references(service, cabinet, sent.document.unique_id, clock.now)
    verdict = send(service, plain_request(cabinet, "registry", UPDATE, deletion_body(target), clock.now))
    assert verdict.failed_rules == ()
    assert b"UpdateDocumentSet-Response" in verdict.answer.body
    assert [one["status"] for one in service.ledger()] == ["Deleted"]
    assert references(service, cabinet, sent.document.unique_id, clock.now) == []
    again = send(service, plain_request(cabinet, "registry", UPDATE, deletion_body(target), clock.now))
    assert again.failed_rules == ("dmp.update.original-status",)


def test_dmp15_deletion_of_another_structures_document_is_refused(
    service: DmpService, feed: FeedMaker, cabinet: Cabinet, other_cabinet: Cabinet, clock: Clock
) -> None:
    document = Document(unique_id=new_oid(), structure=other_cabinet.structure)
    assert feed(cabinet=other_cabinet, document=document).send(service).failed_rules == ()
    [target] = references(service, other_cabinet, document.unique_id, clock.now)
    verdict = send(service, plain_request(cabinet, "registry", UPDATE, deletion_body(target), clock.now))
    assert verdict.failed_rules == ("dmp.rights.other-structure",)
    assert [one["status"] for one in service.ledger()] == ["Approved"]


def test_dmp15_unknown_target_and_repeated_lot(service: DmpService, feed: FeedMaker, cabinet: Cabinet, clock: Clock) -> None:
    unknown = deletion_body("urn:uuid:00000000-0000-4000-8000-000000000000")
    assert send(service, plain_request(cabinet, "registry", UPDATE, unknown, clock.now)).failed_rules == ("dmp.update.target",)
    sent = feed()
    assert sent.send(service).failed_rules == ()
    [target] = references(service, cabinet, sent.document.unique_id, clock.now)
    repeated = deletion_body(target, lot_id=sent.lot_id)
    assert send(service, plain_request(cabinet, "registry", UPDATE, repeated, clock.now)).failed_rules == ("dmp.update.lot",)


def test_dmp15_archiving_is_refused_by_rights(service: DmpService, cabinet: Cabinet, clock: Clock) -> None:
    body = deletion_body("urn:uuid:00000000-0000-4000-8000-000000000000", "urn:asip:ci-sis:2010:StatusType:Archived")
    verdict = send(service, plain_request(cabinet, "registry", UPDATE, body, clock.now))
    assert verdict.failed_rules == ("dmp.rights.matrix",)
