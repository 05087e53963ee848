"""The four official signed samples (esignsante, IGC-Santé TEST): the right verdict, and the reason of the broken one."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from gateway.trust.report import Report, Rule, Verdict
from gateway.trust.verify import verify_signature
from tests.shared import need
from tests.trust.judges import accepted, xmlsec_verify
from tests.trust.pki import shared_pki

pytestmark = pytest.mark.conformity

AT = datetime(2026, 11, 24, tzinfo=UTC)
SOUND = ("signedpom.xml", "esignsante_docSigne_withproof.xml", "esignsante_proof.xml")
BROKEN = "signedipsfra.xml"


def anchors() -> bytes:
    return b"".join(need("data", "cda", "pki", name).read_bytes() for name in ("ACR-EL-TEST.pem", "ACI-EL-ORG-TEST.pem"))


def sample(name: str) -> bytes:
    return need("data", "cda", "signed", name).read_bytes()


def judged(name: str, **more: list[bytes]) -> Report:
    return verify_signature(sample(name), anchors=anchors(), at=AT, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [*SOUND, BROKEN])
def test_our_verdict_is_that_of_xmlsec1(tmp_path: Path, name: str) -> None:
    assert accepted(xmlsec_verify(sample(name), tmp_path), 2) is judged(name).valid
    assert judged(name).valid is (name in SOUND)


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_sample_passes_every_rule_but_revocation(name: str) -> None:
    report = judged(name)
    assert {finding.rule for finding in report.findings if finding.verdict is not Verdict.PASSED} == {Rule.REVOCATION}
    assert report.verdict(Rule.REVOCATION) is Verdict.NOT_CHECKED
    assert "expiré depuis le 08/09/2022" in report.sentence(Rule.CERTIFICATE_PERIOD)
    assert report.signing_time == datetime(2021, 8, 16, 9, 51, 41, tzinfo=UTC)
    assert report.signer is not None
    assert report.signer.endswith(",OU=318751275100020,O=ASIP-SANTE,ST=Paris (75),C=FR")


def test_the_original_is_what_was_signed() -> None:
    report = judged("signedpom.xml")
    root = etree.fromstring(sample("signedpom.xml"))
    assert report.packaging == "ENVELOPING"
    assert report.original == base64.b64decode(root[-1].text or "")
    proof = judged("esignsante_proof.xml")
    assert proof.packaging == "ENVELOPED"
    assert proof.original is not None
    assert b"ASIPProofInfo" in proof.original
    assert b"SignatureValue" not in proof.original


def test_the_broken_sample_says_why() -> None:
    report = judged(BROKEN)
    assert [finding.rule for finding in report.findings if finding.verdict is Verdict.FAILED] == [Rule.SIGNATURE_INTACT]
    assert report.sentence(Rule.SIGNATURE_INTACT).startswith("Les propriétés signées (date, certificat) ont été modifiées")
    assert report.verdict(Rule.DOCUMENT_INTACT) is Verdict.PASSED
    assert report.original is None
    assert report.roles == ("[]",)


def test_the_lists_that_the_proof_carries_serve_at_its_time() -> None:
    root = etree.fromstring(sample("esignsante_proof.xml"))
    lists = [base64.b64decode(one.text or "") for one in root.iter("{*}EncapsulatedCRLValue")]
    assert len(lists) == 2
    then = verify_signature(sample("signedpom.xml"), anchors=anchors(), crls=lists, at=datetime(2021, 8, 16, 10, 0, tzinfo=UTC))
    assert then.verdict(Rule.REVOCATION) is Verdict.PASSED
    assert "périmée" in judged("signedpom.xml", crls=lists).sentence(Rule.REVOCATION)


def test_without_its_authority_a_sample_is_not_trusted() -> None:
    report = verify_signature(sample("signedpom.xml"), anchors=shared_pki().anchors_pem, at=AT)
    assert not report.valid
    assert report.verdict(Rule.TRUSTED) is Verdict.FAILED
    assert report.verdict(Rule.SIGNATURE_INTACT) is Verdict.PASSED


def test_the_official_lot_sample_verifies_but_for_its_age() -> None:
    lot = need("data", "dmp", "messages", "TD2.1-SignatureXades.xml").read_bytes()
    report = verify_signature(lot, anchors=anchors(), at=AT)
    assert report.verdict(Rule.SIGNATURE_INTACT) is Verdict.PASSED
    assert report.verdict(Rule.DOCUMENT_INTACT) is Verdict.NOT_CHECKED
    assert "SHA-1" in report.sentence(Rule.ALGORITHM)
    assert not report.valid
