"""Paths, wrapping, SOAP and client certificates (dmp.md section 8, cases 33 to 35)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.sandbox.dmp.options import DmpOptions
from gateway.sandbox.dmp.service import DmpService
from tests.sandbox.dmp.conftest import FeedMaker, ServiceMaker
from tests.sandbox.dmp.pki import Pki, make_pki
from tests.sandbox.dmp.stranger import EXISTENCE, PROVIDE, STRUCTURE, Cabinet, Clock, plain_request, send, write_request
from tests.sandbox.dmp.stranger_calls import existence_body
from tests.sandbox.dmp.test_token import fault_of

PARAMETERS = 'type="application/xop+xml"; start="<root@test>"; start-info="application/soap+xml"; boundary="essai_7f1c"'


def test_dmp33_soap_11_is_a_fault(service: DmpService, feed: FeedMaker) -> None:
    edits = [("http://www.w3.org/2003/05/soap-envelope", "http://schemas.xmlsoap.org/soap/envelope/")]
    verdict = feed(edits=edits).send(service)
    assert verdict.failed_rules == ("dmp.soap.version",)
    assert fault_of(verdict)[0] == "soap:Sender"


@pytest.mark.parametrize("action", ["urn:ihe:iti:2007:RetrieveDocumentSet", EXISTENCE, "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet"])
def test_dmp33_wrong_action_header_is_a_fault(service: DmpService, feed: FeedMaker, action: str) -> None:
    assert feed(action=action).send(service).failed_rules == ("dmp.soap.action-mismatch",)


@pytest.mark.parametrize(
    ("content_type", "rule"),
    [
        (f"multipart/related; {PARAMETERS}", "dmp.soap.action-mismatch"),
        (f'multipart/related; {PARAMETERS}; action="{EXISTENCE}"', "dmp.soap.action-mismatch"),
        (f'multipart/mixed; {PARAMETERS}; action="{PROVIDE}"', "dmp.mtom.content-type"),
        (f'multipart/related; {PARAMETERS.replace("soap+xml", "text")}; action="{PROVIDE}"', "dmp.mtom.content-type"),
        (f'multipart/related; {PARAMETERS.replace("root@test", "autre")}; action="{PROVIDE}"', "dmp.mtom.start"),
        (f'multipart/related; {PARAMETERS.replace("essai_7f1c", "essai_0000")}; action="{PROVIDE}"', "dmp.mtom.delimiter"),
        (f'multipart/related; {PARAMETERS.replace("essai_7f1c", "é")}; action="{PROVIDE}"', "dmp.mtom.boundary"),
        ("text/xml", "dmp.mtom.content-type"),
    ],
)
def test_dmp33_content_type_must_announce_the_action_and_mtom(service: DmpService, feed: FeedMaker, content_type: str, rule: str) -> None:
    assert feed(content_type=content_type).send(service).failed_rules == (rule,)


def test_dmp33_lot_without_mtom_is_a_fault(service: DmpService, feed: FeedMaker, cabinet: Cabinet) -> None:
    declared = f'application/soap+xml; charset=UTF-8; action="{PROVIDE}"'
    verdict = send(service, write_request("repository", declared, feed().envelope().encode(), cabinet.auth))
    assert verdict.failed_rules == ("dmp.mtom.content-type",)


def test_dmp33_inline_document_is_a_fault(service: DmpService, feed: FeedMaker) -> None:
    include = '<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:Document01%40test"/>'
    assert feed(edits=[(include, "PENsaW5pY2FsRG9jdW1lbnQvPg==")]).send(service).failed_rules == ("dmp.mtom.inline",)


def test_dmp34_lf_only_multipart_is_refused_in_strict_mode(make_service: ServiceMaker, feed: FeedMaker) -> None:
    assert feed(newline=b"\n").send(make_service(DmpOptions())).failed_rules == ("dmp.mtom.crlf",)
    assert feed(newline=b"\n").send(make_service(DmpOptions(strict_multipart=False))).failed_rules == ()


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (b"Content-Transfer-Encoding: binary", b"Content-Transfer-Encoding: base64", "dmp.mtom.encoding"),
        (b"Content-ID: <Document01@test>", b"Content-ID: Document01@test", "dmp.mtom.content-id"),
        (b"Content-ID: <Document01@test>", b"Content-ID: <Signature01@test>", "dmp.mtom.content-id"),
        (b"Content-ID: <Document01@test>", b"X: y", "dmp.mtom.content-id"),
        (b'type="application/soap+xml"\r\n', b'type="text/xml"\r\n', "dmp.mtom.root"),
        (b"\r\n--essai_7f1c--\r\n", b"", "dmp.mtom.unterminated"),
        (b"\r\n\r\n<ClinicalDocument", b"\r\n<ClinicalDocument", "dmp.mtom.headers"),
    ],
)
def test_dmp33_broken_parts(service: DmpService, feed: FeedMaker, old: bytes, new: bytes, rule: str) -> None:
    request = feed().request()
    assert old in request.body
    assert service.judge(replace(request, body=request.body.replace(old, new))).failed_rules == (rule,)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"", "dmp.soap.syntax"),
        (b"pas du XML", "dmp.soap.syntax"),
        (b"\xff\xfe\x00", "dmp.soap.syntax"),
        (b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>', "dmp.soap.doctype"),
        (b"<x/>", "dmp.soap.envelope"),
        (b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body/></e:Envelope>', "dmp.soap.envelope"),
        (b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Header/><e:Body/></e:Envelope>', "dmp.soap.body"),
        (b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Header/><e:Body><x/></e:Body></e:Envelope>', "dmp.soap.action"),
    ],
)
def test_what_is_not_an_envelope_is_a_fault(service: DmpService, cabinet: Cabinet, body: bytes, rule: str) -> None:
    verdict = send(service, write_request("patients", "application/soap+xml", body, cabinet.auth))
    assert verdict.failed_rules == (rule,)
    assert fault_of(verdict)[0] == "soap:Sender"


def test_other_media_type_is_a_fault(service: DmpService, cabinet: Cabinet) -> None:
    assert send(service, write_request("patients", "text/xml", b"<x/>", cabinet.auth)).failed_rules == ("dmp.soap.content-type",)


def test_unknown_paths_and_methods(service: DmpService, cabinet: Cabinet) -> None:
    assert service.judge(write_request("habilitations", "text/xml", b"", cabinet.auth)).answer.status == 404
    assert service.judge(write_request("../patients", "text/xml", b"", cabinet.auth)).answer.status == 404
    assert service.judge(write_request("patients", "text/xml", b"", cabinet.auth, method="GET")).answer.status == 405


def test_message_too_large_is_a_fault(make_service: ServiceMaker, feed: FeedMaker) -> None:
    assert feed().send(make_service(DmpOptions(message_bytes=1000))).failed_rules == ("dmp.http.size",)
    assert feed().send(make_service(DmpOptions(envelope_bytes=1000))).failed_rules == ("dmp.soap.size",)


def test_dmp35_client_certificates(service: DmpService, feed: FeedMaker, pki: Pki, clock: Clock, revoked: set[int]) -> None:
    sent = feed()
    assert feed(client=sent.cabinet.sign).send(service).failed_rules == ("dmp.tls.usage",)
    assert feed(client=make_pki().issue("auth", STRUCTURE)).send(service).failed_rules == ("dmp.tls.chain",)
    expired = pki.issue("auth", STRUCTURE, end=clock.now - timedelta(days=1))
    assert feed(client=expired).send(service).failed_rules == ("dmp.tls.validity",)
    gone = pki.issue("auth", STRUCTURE)
    revoked.add(gone.certificate.serial_number)
    verdict = feed(client=gone).send(service)
    assert verdict.failed_rules == ("dmp.tls.revoked",)
    assert fault_of(verdict)[1] == "DMPInvalidCertificate"
    anonymous = write_request("repository", "text/xml", b"", None)
    assert send(service, anonymous).failed_rules == ("dmp.tls.missing",)


def test_dmp35_one_structures_revocation_leaves_the_other_alone(
    service: DmpService, cabinet: Cabinet, other_cabinet: Cabinet, clock: Clock
) -> None:
    assert service.fault("revoke_certificate", 0, serial=cabinet.auth.certificate.serial_number)
    ours = plain_request(cabinet, "patients", EXISTENCE, existence_body(), clock.now)
    theirs = plain_request(other_cabinet, "patients", EXISTENCE, existence_body(), clock.now)
    assert send(service, ours).failed_rules == ("dmp.tls.revoked",)
    assert send(service, theirs).failed_rules == ()
    service.reset()
    assert send(service, plain_request(cabinet, "patients", EXISTENCE, existence_body(), clock.now)).failed_rules == ()
