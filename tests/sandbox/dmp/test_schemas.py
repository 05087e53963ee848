"""Answers and structural verdicts compared with the official schemas."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from gateway.sandbox.dmp.refusals import SoapRefusal
from gateway.sandbox.dmp.service import DmpService
from gateway.sandbox.dmp.structure import check_provide_and_register
from tests.sandbox.dmp.conftest import FeedMaker
from tests.sandbox.dmp.schemas import body_of, hl7_schema, inlined, is_valid
from tests.sandbox.dmp.stranger import EXISTENCE, SEARCH, UPDATE, Cabinet, Clock, plain_request, send
from tests.sandbox.dmp.stranger_calls import GET_DOCUMENTS, deletion_body, existence_body, references, search_body
from tests.sandbox.dmp.stranger_cda import Document
from tests.shared import need

RS = ("ebRS", "rs.xsd")
QUERY = ("ebRS", "query.xsd")
REPOSITORY = ("IHE", "XDS.b_DocumentRepository.xsd")
ENVELOPE_HEADERS = ("Action", "MessageID", "To", "RelatesTo")


@pytest.fixture(autouse=True)
def _schemas_are_here() -> None:
    need("data", "dmp", "schema")


def test_what_the_stranger_sends_is_valid(feed: FeedMaker) -> None:
    assert is_valid(REPOSITORY, inlined(feed()))
    assert is_valid(REPOSITORY, inlined(feed(others=(Document(unique_id="1.2.3"),))))
    assert is_valid(QUERY, etree.fromstring(search_body(GET_DOCUMENTS, XDSDocumentEntryUniqueId="('1.2.3')")))


def test_answers_to_feeds_are_valid(service: DmpService, feed: FeedMaker) -> None:
    accepted = feed().send(service).answer
    refused = feed(edits=[("<rim:Value>fr-FR</rim:Value>", "<rim:Value>en</rim:Value>")]).send(service).answer
    assert service.fault("partial", 1)
    partial = feed().send(service).answer
    for answer in (accepted, refused, partial):
        assert answer.content_type == "application/soap+xml; charset=UTF-8"
        assert is_valid(RS, body_of(answer.body))
        header = etree.fromstring(answer.body)[0]
        assert tuple(etree.QName(one).localname for one in header) == ENVELOPE_HEADERS
        assert header[0].text == "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-bResponse"


def test_answers_to_searches_and_deletions_are_valid(service: DmpService, feed: FeedMaker, cabinet: Cabinet, clock: Clock) -> None:
    sent = feed()
    assert sent.send(service).failed_rules == ()
    for query in (search_body(GET_DOCUMENTS, XDSDocumentEntryUniqueId=f"('{sent.document.unique_id}')"), search_body(GET_DOCUMENTS)):
        answer = send(service, plain_request(cabinet, "registry", SEARCH, query, clock.now)).answer
        assert is_valid(QUERY, body_of(answer.body))
    [target] = references(service, cabinet, sent.document.unique_id, clock.now)
    for _ in range(2):
        answer = send(service, plain_request(cabinet, "registry", UPDATE, deletion_body(target), clock.now)).answer
        assert is_valid(RS, body_of(answer.body))


def test_answers_to_existence_tests_are_valid(service: DmpService, cabinet: Cabinet, clock: Clock, tmp_path: Path) -> None:
    xsd = hl7_schema(tmp_path, "PRPA_IN201308UV02")
    official = body_of(need("data", "dmp", "messages", "TD0.2-Test_d_existence_reponse.xml").read_bytes())
    assert xsd.validate(official), xsd.error_log
    for matricule in ("279035121518989", "153078987658513", "199999999999999"):
        resource = f"{matricule}^^^&amp;1.2.250.1.213.1.4.10&amp;ISO^NH"
        request = plain_request(cabinet, "patients", EXISTENCE, existence_body(matricule), clock.now, resource=resource)
        assert xsd.validate(body_of(send(service, request).answer.body)), xsd.error_log


OWNER = 'classifiedObject="Document01" id="Document01-class-42"'
FIRST_CODE = '<rim:Classification classificationScheme="urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d" classifiedObject="Document01"'
CHANGES = {
    "untouched": ("", ""),
    "no id": (' id="as1"', ""),
    "no association type": ('associationType="urn:ihe:iti:2007:AssociationType:signs" ', ""),
    "no classified object": (OWNER, 'id="Document01-class-42"'),
    "no registry object": (' registryObject="Document01" value="279', ' value="279'),
    "no identifier value": (' value="1.2.250.1.999.1"', ""),
    "unknown attribute": (OWNER, OWNER + ' colour="red"'),
    "unknown element": ("</rim:RegistryPackage>", "<rim:Colour/></rim:RegistryPackage>"),
    "foreign element": ("</rim:RegistryPackage>", '<x xmlns="urn:x"/></rim:RegistryPackage>'),
    "stray text": ("</rim:RegistryPackage>", "texte</rim:RegistryPackage>"),
    "stray text in a list": ("</rim:RegistryObjectList>", "texte</rim:RegistryObjectList>"),
    "slot after name": ("</rim:RegistryPackage>", '<rim:Slot name="x"><rim:ValueList/></rim:Slot></rim:RegistryPackage>'),
    "name twice": ('<rim:Slot name="submissionTime">', '<rim:Name/><rim:Name/><rim:Slot name="submissionTime">'),
    "slot without name": ('<rim:Slot name="submissionTime">', "<rim:Slot>"),
    "slot without list": ('<rim:Slot name="submissionTime">', '<rim:Slot name="x"/><rim:Slot name="submissionTime">'),
    "slot with two lists": ('<rim:Slot name="submissionTime">', '<rim:Slot name="submissionTime"><rim:ValueList/>'),
    "empty list": ('<rim:Slot name="submissionTime">', '<rim:Slot name="x"><rim:ValueList/></rim:Slot><rim:Slot name="submissionTime">'),
    "slot with a type": ('<rim:Slot name="submissionTime">', '<rim:Slot name="submissionTime" slotType="urn:x">'),
    "long value": ("<rim:Value>fr-FR</rim:Value>", f"<rim:Value>{'é' * 257}</rim:Value>"),
    "value at its limit": ("<rim:Value>fr-FR</rim:Value>", f"<rim:Value>{'é' * 256}</rim:Value>"),
    "long identifier": (' value="1.2.250.1.999.1"', f' value="{"1" * 257}"'),
    "long label": ('value="Lot d’essai"', f'value="{"é" * 1025}"'),
    "label at its limit": ('value="Lot d’essai"', f'value="{"é" * 1024}"'),
    "label without value": ('value="Lot d’essai" ', ""),
    "label with an unknown attribute": ('value="Lot d’essai" ', 'value="Lot" colour="red" '),
    "comment": ("</rim:RegistryPackage>", "<!-- rien --></rim:RegistryPackage>"),
    "version": (FIRST_CODE, f'<rim:VersionInfo versionName="{"1" * 16}"/>{FIRST_CODE}'),
    "long version": (FIRST_CODE, f'<rim:VersionInfo versionName="{"1" * 17}"/>{FIRST_CODE}'),
    "version too late": ("</rim:ExtrinsicObject>", "<rim:VersionInfo/></rim:ExtrinsicObject>"),
    "object reference": ("</rim:RegistryObjectList>", '<rim:ObjectRef id="urn:uuid:1"/></rim:RegistryObjectList>'),
    "no list": ("rim:RegistryObjectList", "rim:Liste"),
    "document without id": ('<xdsb:Document id="Signature01">', "<xdsb:Document>"),
    "document with an attribute": ('<xdsb:Document id="Signature01">', '<xdsb:Document id="Signature01" x="y">'),
    "document before the lot": ("<lcm:SubmitObjectsRequest>", '<xdsb:Document id="x"/><lcm:SubmitObjectsRequest>'),
}


def rules_of(request: etree._Element) -> tuple[str, ...]:
    """The structural rule that a request breaks, if any."""
    try:
        check_provide_and_register(request)
    except SoapRefusal as refusal:
        return refusal.rules
    return ()


@pytest.mark.parametrize("name", CHANGES)
def test_structural_verdicts_are_those_of_the_schema(feed: FeedMaker, name: str) -> None:
    request = inlined(feed(edits=[CHANGES[name]] if name != "untouched" else []))
    rules = rules_of(request)
    assert all(rule.startswith("dmp.structure.") for rule in rules)
    assert (rules == ()) == is_valid(REPOSITORY, request)


def test_the_changes_are_of_both_kinds(feed: FeedMaker) -> None:
    verdicts = [is_valid(REPOSITORY, inlined(feed(edits=[change] if change[0] else []))) for change in CHANGES.values()]
    assert verdicts.count(True) >= 8
    assert verdicts.count(False) >= 20
