"""The official sample messages parse in the simulator's readers; their known defects, and only those, are seen (data/dmp/SOURCES.md)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography import x509
from lxml import etree

from gateway.sandbox.dmp import metadata_rules, structure, update
from gateway.sandbox.dmp.certificates import TrustStore, der_of, load_anchors, read_leaf
from gateway.sandbox.dmp.clinical import read_clinical
from gateway.sandbox.dmp.ebrim import read_submission
from gateway.sandbox.dmp.existence import judge_existence
from gateway.sandbox.dmp.manifest import LotContent, SignedDocument, manifest_faults
from gateway.sandbox.dmp.multipart import ContentType, read_package
from gateway.sandbox.dmp.options import DEFAULT_OPTIONS
from gateway.sandbox.dmp.parts import match_parts, reference_problems
from gateway.sandbox.dmp.query import return_type
from gateway.sandbox.dmp.refusals import RegistryRefusal, SoapRefusal
from gateway.sandbox.dmp.rights import Operation
from gateway.sandbox.dmp.safe_xml import parse_xml
from gateway.sandbox.dmp.signature import canonical, certificates_of, ds, matches, read_reference, signed_info_fault
from gateway.sandbox.dmp.soap import read_envelope
from gateway.sandbox.dmp.vihf import read_vihf
from gateway.sandbox.dmp.xades import property_faults, signed_properties_of
from tests.shared import SHARED, need

MESSAGES = SHARED / "data" / "dmp" / "messages"
REQUESTS = sorted(path.name for path in MESSAGES.glob("TD*requete.xml") if not path.name.startswith("TD2.1")) or ["absent"]
LIMIT = 4_000_000


def message(name: str) -> bytes:
    return need("data", "dmp", "messages", name).read_bytes()


def is_utf8(data: bytes) -> bool:
    """False for the samples that are badly encoded."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("name", REQUESTS)
def test_plain_requests_parse(name: str) -> None:
    data = message(name)
    if not is_utf8(data):
        with pytest.raises(SoapRefusal, match=r"dmp\.soap\.syntax"):
            read_envelope(data, LIMIT)
        data = data.decode("utf-8", "replace").encode()
    envelope = read_envelope(data, LIMIT)
    assert envelope.action.startswith("urn:")
    assert envelope.assertion is not None
    vihf = read_vihf(envelope.assertion, frozenset({"NumAutorisation"}))
    assert vihf.structure == "499900063480001"
    assert vihf.homologated


def test_existence_request_is_understood() -> None:
    data = message("TD0.2-Test_d_existence_requete.xml").decode("utf-8", "replace").encode()
    envelope = read_envelope(data, LIMIT)
    asked = ("207058575627097", "1.2.250.1.213.1.4.10")
    answer = judge_existence(envelope.body, asked, lambda _: "active", datetime(2026, 1, 1, tzinfo=UTC))
    assert 'queryResponseCode code="OK"' in answer


def test_search_request_is_understood() -> None:
    data = message("TD3.1-Recherche_de_document_requete.xml").decode("utf-8", "replace").encode()
    assert return_type(read_envelope(data, LIMIT).body) == "LeafClass"


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("TD3.3c-Supprimer_un_document_requete.xml", Operation.DELETE),
        ("TD3.3d-Archiver_un_document_requete.xml", Operation.CHANGE_METADATA),
    ],
)
def test_updates_are_understood_leniently(name: str, operation: Operation) -> None:
    body = read_envelope(message(name).decode("utf-8", "replace").encode(), LIMIT).body
    assert update.operation_of(update.read_update(body)) is operation
    with pytest.raises(SoapRefusal):
        structure.check_submit_objects(body)


def feed_sample() -> tuple[etree._Element, dict[str, object]]:
    """The official TD2.1: its XOP root says SOAP 1.1, which is put right here, and its parts."""
    data = message("TD2.1-Alimentation_requete.xml").replace(b"\r\n", b"\n")
    declared = ContentType(
        "multipart/related",
        {
            "type": "application/xop+xml",
            "start-info": "application/soap+xml",
            "start": "<rootpart@soapui.org>",
            "boundary": "----=_Part_9_20030738.1554380517598",
        },
    )
    package = read_package(declared, data, strict=False)
    with pytest.raises(SoapRefusal, match=r"dmp\.soap\.version"):
        read_envelope(package.root.body.decode("utf-8", "replace").encode(), LIMIT)
    mended = package.root.body.replace(b"http://schemas.xmlsoap.org/soap/envelope/", b"http://www.w3.org/2003/05/soap-envelope")
    return read_envelope(mended.decode("utf-8", "replace").encode(), LIMIT).body, dict(package.parts)


def test_feed_sample_has_its_known_defects_and_no_other() -> None:
    body, parts = feed_sample()
    listed, documents = structure.check_provide_and_register(body)
    submission = read_submission(listed)
    assert list(reference_problems(submission, listed)) == []
    with pytest.raises(RegistryRefusal) as refusal:
        match_parts(documents, parts, submission.entries)  # type: ignore[arg-type]
    assert refusal.value.rules == ("dmp.parts.id-case",)
    assert [problem.rule for problem in metadata_rules.set_problems(submission.sets[0])] == []
    document, signature = submission.entries
    assert [problem.rule for problem in metadata_rules.entry_problems(document)] == []
    assert [problem.rule for problem in metadata_rules.entry_problems(signature)] == []
    # 27899-4 left JDV_J07, hence no class for it either.
    found = [problem.rule for problem in metadata_rules.document_problems(document, DEFAULT_OPTIONS)]
    assert found == ["dmp.metadata.type", "dmp.metadata.class-of-type"]


def test_cda_sample_reads() -> None:
    clinical = read_clinical(message("TD2.1-DocumentME2.xml"), LIMIT)
    assert clinical is not None
    assert clinical.kind.code == "27899-4"
    assert clinical.ins == (("207058575627097", "1.2.250.1.213.1.4.10"),)
    assert clinical.media_type == "text/plain"


def test_signature_sample_verifies_but_its_manifest_is_not_that_of_its_document() -> None:
    root = parse_xml(message("TD2.1-SignatureXades.xml"), LIMIT)
    signer = certificates_of(root)[0]
    assert signed_info_fault(root, signer, {"sha1"}) is None
    assert signed_info_fault(root, signer, {"sha256"}) == "algorithm"
    for element in root.iterfind(f"{ds('SignedInfo')}/{ds('Reference')}"):
        reference = read_reference(element)
        target = next(one for one in root.iter("*") if one.get("Id") == reference.uri[1:])
        assert matches(reference, canonical(target, exclusive=False, comments=False), frozenset({"sha1"}))
    manifest = root.find(f"{ds('Object')}/{ds('Manifest')}")
    assert manifest is not None
    body = message("TD2.1-DocumentME2.xml")
    document = SignedDocument("1.2.250.1.999.1.1.7898.4.9956570902", body, parse_xml(body, LIMIT))
    content = LotContent("1.2.250.1.999.1.1.7898.3.9956570900", (document,), "")
    assert [rule for rule, _ in manifest_faults(manifest, content, frozenset({"sha1"}))] == ["manifest-digest"]
    qualifying = root.find(".//{http://uri.etsi.org/01903/v1.1.1#}QualifyingProperties")
    assert qualifying is not None
    properties = signed_properties_of(qualifying)
    assert properties is not None
    assert list(property_faults(properties, signer, "20190404122012", datetime(2019, 4, 5, tzinfo=UTC))) == []


@pytest.mark.parametrize("name", ["VIHF_INDIRECTE_signe.xml", "VIHF_INDIRECTE_RENFORCEE_signe.xml"])
def test_vihf_samples_read_and_name_their_signer(name: str) -> None:
    assertion = parse_xml(need("data", "dmp", "vihf", name).read_bytes(), LIMIT)
    vihf = read_vihf(assertion, frozenset())
    [signer] = certificates_of(assertion.find(ds("Signature")))  # type: ignore[arg-type]
    assert vihf.issuer == signer.subject
    assert vihf.structure in signer.units
    assert not vihf.homologated
    assert vihf.patient == ("207058575627097", "1.2.250.1.213.1.4.10")


def test_public_test_authorities_judge_their_leaf() -> None:
    folder = need("data", "cda", "pki")
    anchors = load_anchors((folder / "ACI-EL-ORG-TEST.pem").read_bytes() + (folder / "ACR-EL-TEST.pem").read_bytes())
    leaf = read_leaf(der_of(x509.load_pem_x509_certificate((folder / "ORG_SIGN_test_expired_2022.pem").read_bytes())))
    trust = TrustStore(anchors, lambda _: False)
    assert leaf.non_repudiation
    assert not leaf.client_auth
    assert trust.fault_of(leaf, datetime(2020, 6, 1, tzinfo=UTC)) is None
    assert trust.fault_of(leaf, datetime(2026, 6, 1, tzinfo=UTC)) == "validity"
