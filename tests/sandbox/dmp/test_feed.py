"""TD2.1 accepted: the ledger, the answer, the forms a conforming client may choose (dmp.md section 8, cases 1 to 3, 18)."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from gateway.sandbox.dmp.options import DmpOptions
from gateway.sandbox.dmp.service import DmpService
from tests.sandbox.dmp.conftest import FeedMaker, ServiceMaker
from tests.sandbox.dmp.stranger import Clock, new_oid
from tests.sandbox.dmp.stranger_calls import references
from tests.sandbox.dmp.stranger_cda import Document
from tests.tools import need_tool

VSM = {
    "type_code": "60591-5",
    "class_code": "11",
    "format_code": "urn:asip:ci-sis:vsm:2012",
    "format_system": "1.2.250.1.213.1.1.4.2.282",
    "template": "1.2.250.1.213.1.1.1.13",
    "structured": True,
    "title": "Synthèse médicale",
}


def test_dmp01_pdf_prescription_is_accepted_and_found(service: DmpService, feed: FeedMaker, clock: Clock) -> None:
    sent = feed()
    verdict = sent.send(service)
    assert verdict.failed_rules == ()
    assert verdict.answer.status == 200
    assert b"ResponseStatusType:Success" in verdict.answer.body
    assert service.ledger() == [
        {
            "unique_id": sent.document.unique_id,
            "submission_set_id": sent.lot_id,
            "patient": "279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH",
            "sha1": hashlib.sha1(sent.bodies()[0], usedforsecurity=False).hexdigest(),
            "status": "Approved",
            "times_committed": 1,
        }
    ]
    assert len(references(service, sent.cabinet, sent.document.unique_id, clock.now)) == 1


def test_dmp01_nothing_is_held_before_the_commit(service: DmpService, feed: FeedMaker) -> None:
    verdict = service.judge(feed().request())
    assert verdict.failed_rules == ()
    assert service.ledger() == []
    verdict.commit()
    assert len(service.ledger()) == 1


def test_dmp02_structured_document_is_accepted(service: DmpService, feed: FeedMaker) -> None:
    verdict = feed(document=Document(unique_id=new_oid(), **VSM)).send(service)  # type: ignore[arg-type]
    assert verdict.failed_rules == ()


def test_dmp03_two_documents_share_one_signature(service: DmpService, feed: FeedMaker) -> None:
    second = Document(unique_id=new_oid(), title="Certificat", type_code="89601-9", class_code="52")
    assert feed(others=(second,)).send(service).failed_rules == ()
    assert [held["unique_id"] for held in service.ledger()][-1] == second.unique_id
    assert len(service.ledger()) == 2


@pytest.mark.parametrize("suite", ["sha1", "sha256"])
@pytest.mark.parametrize("xades", ["1.1.1", "1.3.2"])
def test_dmp01_both_suites_and_both_namespaces(service: DmpService, feed: FeedMaker, suite: str, xades: str) -> None:
    assert feed(signature={"suite": suite, "xades": xades}).send(service).failed_rules == ()


def test_suite_and_namespace_can_be_narrowed(make_service: ServiceMaker, feed: FeedMaker) -> None:
    service = make_service(
        DmpOptions(lot_digests=frozenset({"sha256"}), lot_xades=frozenset({"1.1.1"}), vihf_digests=frozenset({"sha256"}))
    )
    assert "dmp.signature.algorithm" in feed(signature={"suite": "sha1"}).send(service).failed_rules
    assert feed(signature={"xades": "1.3.2"}).send(service).failed_rules == ("dmp.signature.references",)
    assert feed(vihf={"suite": "sha1"}).send(service).failed_rules == ("dmp.vihf.signature-algorithm",)
    assert feed().send(service).failed_rules == ()


def test_manifest_digest_is_that_of_the_canonical_form_whatever_the_bytes(service: DmpService, feed: FeedMaker, tmp_path: Path) -> None:
    xmllint = need_tool("xmllint")

    def untidy(body: bytes) -> bytes:
        text = body.replace(b"></realmCode>", b" />").replace(b"<title>", b"<!-- titre --><title  >")
        return b'<?xml version="1.0" encoding="UTF-8"?>\r\n<!-- avant -->\r\n' + text + b"\n<!-- apres -->\n"

    def canonical(body: bytes) -> bytes:
        path = tmp_path / "document.xml"
        path.write_bytes(body)
        return subprocess.run([xmllint, "--c14n", str(path)], check=True, capture_output=True).stdout

    sent = feed(cda_edit=untidy, canonical=canonical)
    assert canonical(sent.bodies()[0]) != sent.bodies()[0]
    assert sent.send(service).failed_rules == ()


def test_dmp20_replaced_characters_of_a_name_are_the_same_name(service: DmpService, feed: FeedMaker) -> None:
    document = Document(unique_id=new_oid(), family="L'HÉRAULT-D'ÉTÉ")
    edits = [("PID-5|L'HÉRAULT-D'ÉTÉ^", "PID-5|L HÉRAULT D'ÉTÉ^")]
    assert feed(document=document, edits=edits).send(service).failed_rules == ()


def test_a_broken_judge_still_answers(service: DmpService, feed: FeedMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("gateway.sandbox.dmp.service.perform", broken)
    verdict = feed().send(service)
    assert verdict.failed_rules == ("dmp.internal.ZeroDivisionError",)
    assert verdict.answer.status == 500
