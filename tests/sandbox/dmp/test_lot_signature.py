"""The signature of a lot judged (dmp.md section 8, case 25): entry, manifest, properties, signer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.sandbox.dmp.service import DmpService
from tests.sandbox.dmp.conftest import FeedMaker
from tests.sandbox.dmp.pki import Pki, make_pki
from tests.sandbox.dmp.stranger import STRUCTURE, Clock
from tests.sandbox.dmp.stranger_cda import Document
from tests.sandbox.dmp.test_metadata import codes_of


def test_dmp25_lot_without_signature_is_refused(service: DmpService, feed: FeedMaker) -> None:
    verdict = feed(lot={"with_signature": False}).send(service)
    assert verdict.failed_rules == ("dmp.signature.entry-missing",)
    assert codes_of(verdict) == {"XDSRegistryMetadataError"}


def test_dmp25_wrong_manifest_digest_is_refused(service: DmpService, feed: FeedMaker) -> None:
    verdict = feed(canonical=lambda body: body + b" ").send(service)
    assert verdict.failed_rules == ("dmp.signature.manifest-digest",)
    assert codes_of(verdict) == {"InvalidDocumentContent"}


def test_dmp25_properties_naming_another_certificate_are_refused(service: DmpService, feed: FeedMaker, pki: Pki) -> None:
    verdict = feed(signature={"named": pki.issue("sign", STRUCTURE)}).send(service)
    assert verdict.failed_rules == ("dmp.signature.signing-certificate",)


@pytest.mark.parametrize("placeholder", ["AQ==", "AAA=", "", "QUE9PQ=="])
def test_dmp25_placeholder_is_exactly_one_zero_byte(service: DmpService, feed: FeedMaker, placeholder: str) -> None:
    assert feed(signature={"placeholder": placeholder}).send(service).failed_rules == ("dmp.signature.manifest-placeholder",)


def test_dmp25_manifest_names_this_lot_and_these_documents(service: DmpService, feed: FeedMaker) -> None:
    assert feed(signature={"set_unique_id": "1.2.3"}).send(service).failed_rules == ("dmp.signature.manifest-set",)
    sent = feed()
    body = sent.bodies()[0]
    assert feed(signature={"documents": [("1.2.3", body)]}).send(service).failed_rules == ("dmp.signature.manifest-documents",)
    assert feed(signature={"documents": []}).send(service).failed_rules == ("dmp.signature.manifest-documents",)
    sent.signature["documents"] = [(sent.document.unique_id, body), ("1.2.3", body)]
    assert sent.send(service).failed_rules == ("dmp.signature.manifest-documents",)


def test_dmp25_signature_of_another_document_is_refused(service: DmpService, feed: FeedMaker) -> None:
    sent = feed()
    sent.signature["documents"] = [(sent.document.unique_id, b"<ClinicalDocument></ClinicalDocument>")]
    assert sent.send(service).failed_rules == ("dmp.signature.manifest-digest",)


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        (b"AA==", b"AB==", {"dmp.signature.digest", "dmp.signature.manifest-placeholder"}),
        (b".250Z", b".251Z", {"dmp.signature.digest"}),
        (b"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", b"http://www.w3.org/2000/09/xmldsig#rsa-sha1", {"dmp.signature.value"}),
        (b"#rsa-sha256", b"#rsa-md5", {"dmp.signature.algorithm"}),
        (b"1.2.840.10065.1.12.1.14", b"1.2.840.10065.1.12.1.1", {"dmp.signature.purpose"}),
        (b'Target="#S-1">1.2', b'Target="#S-2">1.2', {"dmp.signature.purpose"}),
        (b'v1.1.1#" Target="#S-1"', b'v1.1.1#" Target="#S-2"', {"dmp.signature.references"}),
        (b'Id="S-1"', b'Id="1-S"', {"dmp.signature.shape"}),
        (b"</ds:Signature>", b"", {"dmp.signature.unreadable"}),
        (b"<ds:Signature ", b"<!DOCTYPE x><ds:Signature ", {"dmp.signature.unreadable"}),
        (b"</ds:KeyInfo>", b'</ds:KeyInfo><ds:Object><x xmlns="" Id="IHEManifest"></x></ds:Object>', {"dmp.signature.references"}),
    ],
)
def test_dmp25_changed_signature_document(service: DmpService, feed: FeedMaker, old: bytes, new: bytes, rules: set[str]) -> None:
    sent = feed()
    assert old in sent.signature_document()
    sent.signature_edit = lambda body: body.replace(old, new)
    verdict = sent.send(service)
    assert set(verdict.failed_rules) == rules
    assert service.ledger() == []


def test_dmp25_signer_is_a_signing_certificate_of_the_structure(
    service: DmpService, feed: FeedMaker, pki: Pki, clock: Clock, revoked: set[int]
) -> None:
    auth = feed()
    auth.lot_signer = auth.cabinet.auth
    assert auth.send(service).failed_rules == ("dmp.signature.certificate-usage",)
    assert feed(lot_signer=pki.issue("sign", "10B0000009")).send(service).failed_rules == ("dmp.signature.structure",)
    assert feed(lot_signer=make_pki().issue("sign", STRUCTURE)).send(service).failed_rules == ("dmp.signature.certificate-chain",)
    expired = pki.issue("sign", STRUCTURE, end=clock.now - timedelta(days=1))
    assert feed(lot_signer=expired).send(service).failed_rules == ("dmp.signature.certificate-validity",)
    gone = pki.issue("sign", STRUCTURE)
    revoked.add(gone.certificate.serial_number)
    assert feed(lot_signer=gone).send(service).failed_rules == ("dmp.signature.certificate-revoked",)


def test_dmp25_signing_time(service: DmpService, feed: FeedMaker, clock: Clock) -> None:
    apart = feed(signature={"signed_at": clock.now - timedelta(seconds=1)}).send(service)
    assert apart.failed_rules == ("dmp.signature.entry-signing-time",)
    ahead = feed(signature={"signed_at": clock.now + timedelta(hours=1)}).send(service)
    assert ahead.failed_rules == ("dmp.signature.signing-time",)


def test_dmp25_a_lot_signed_days_ago_is_still_good(service: DmpService, feed: FeedMaker, clock: Clock) -> None:
    old = clock.now - timedelta(days=3)
    sent = feed(signature={"signed_at": old}, lot={"signed_at": f"{old:%Y%m%d%H%M%S}"})
    assert sent.send(service).failed_rules == ()


def test_dmp25_policy_is_implied(service: DmpService, feed: FeedMaker) -> None:
    assert feed(signature={"policy": "<xades:Other></xades:Other>"}).send(service).failed_rules == ("dmp.signature.policy",)


ENTRY = '<rim:ExtrinsicObject id="Signature01"'


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ('nodeRepresentation="urn:oid:1.3.6.1.4.1.19376.1.2.1.1.1"', 'nodeRepresentation="42"', "code"),
        ('nodeRepresentation="1.2.840.10065.1.12.1.14"', 'nodeRepresentation="1.2.840.10065.1.12.1.1"', "code"),
        ("<rim:Value>art</rim:Value>", "<rim:Value>fr-FR</rim:Value>", "values"),
        ('value="Source"', 'value="Signature"', "values"),
    ],
)
def test_dmp25_entry_of_the_signature(service: DmpService, feed: FeedMaker, old: str, new: str, rule: str) -> None:
    verdict = feed(edits=[(old, new)]).send(service)
    assert verdict.failed_rules == (f"dmp.signature.entry-{rule}",)


def test_dmp21_the_signature_must_be_masked_and_invisible(service: DmpService, feed: FeedMaker) -> None:
    bearer = '" classifiedObject="Signature01" id="Signature01-confidentiality-INVISIBLE_PATIENT"'
    edits = [(f"f4f85eac-e6cb-4883-b524-f2705394840f{bearer}", f"2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4{bearer}")]
    assert "dmp.signature.entry-confidentiality" in feed(edits=edits).send(service).failed_rules


def test_dmp25_signature_is_associated_to_its_set(service: DmpService, feed: FeedMaker) -> None:
    other = Document(unique_id="1.2.250.1.999.1.9.1", title="Certificat", type_code="89601-9", class_code="52")
    edits = [('sourceObject="Signature01" targetObject="SubmissionSet01"', 'sourceObject="Signature01" targetObject="Document01"')]
    assert feed(others=(other,), edits=edits).send(service).failed_rules == ("dmp.signature.association",)
