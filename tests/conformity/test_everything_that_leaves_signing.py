"""The signature service through the API: what it signs is judged by xmlsec1; what esignsante signed gets the verdict that is known."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tests.conformity.boxes import SUITES, Outing
from tests.conformity.cases import example
from tests.conformity.official import alone, chain_options, dmp_schema, ids, written, xmllint_refuses, xmlsec_refuses
from tests.conformity.people import STRUCTURES
from tests.conformity.ready import dressed
from tests.rig.caller import Workstation
from tests.shared import need

pytestmark = [pytest.mark.conformity, pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("outing")]

IDS = ids("SignedProperties", "Object", "Manifest", "KeyInfo", "SignatureProperty")
CONTENTS = {
    "pdf": ("application/pdf", example("ordonnance")),
    "cda": ("application/xml", dressed(example("certificat"))["commented"]),
    "text": ("text/plain", "Été à l'œuvre\r\n".encode()),
    "bytes": ("application/octet-stream", bytes(range(256)) * 40),
}
SOUND = ("signedpom.xml", "esignsante_docSigne_withproof.xml", "esignsante_proof.xml")
BROKEN = "signedipsfra.xml"


@pytest.fixture(scope="module")
def workstation(out: Outing) -> Iterator[Workstation]:
    """One that may sign for every structure."""
    caller = Workstation(out.gateways[SUITES[0]])
    yield caller
    caller.close()


def sign(workstation: Workstation, media: str, data: bytes, **order: Any) -> bytes:
    """POST /signatures."""
    parts = {"file": ("document", data, media), "request": (None, json.dumps({"structure": STRUCTURES[0].id} | order), "application/json")}
    answer = workstation.post("/signatures", files=parts)
    assert answer.status_code == 200, answer.text
    return answer.content


def verify(workstation: Workstation, signed: bytes, original: bytes | None = None) -> dict[str, Any]:
    """POST /signatures/verify."""
    parts = {"file": ("signed.xml", signed, "application/xml")}
    if original is not None:
        parts["original"] = ("original", original, "application/octet-stream")
    answer = workstation.post("/signatures/verify", files=parts)
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    return report


def chain(out: Outing) -> list[str]:
    return chain_options(out.pki / "root.pem", out.pki / "organisations.pem")


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda one: one.sector)
def test_xmlsec1_verifies_what_is_signed_enveloping(out: Outing, workstation: Workstation, tmp_path: Path, structure: Any) -> None:
    signed = {
        name: sign(workstation, media, data, structure=structure.id, roles=["Médecin <traitant> & co"])
        for name, (media, data) in CONTENTS.items()
    }
    assert xmlsec_refuses(written(tmp_path, signed), *IDS, *chain(out), references=2) == ""
    for name, document in signed.items():
        report = verify(workstation, document)
        assert report["valid"], report
        assert base64.b64decode(report["original"]) == CONTENTS[name][1]
        assert f",OU={structure.id}," in report["signer"]


@pytest.mark.parametrize("name", CONTENTS)
def test_xmlsec1_verifies_what_is_signed_detached(out: Outing, workstation: Workstation, tmp_path: Path, name: str) -> None:
    media, data = CONTENTS[name]
    signed = sign(workstation, media, data, packaging="detached", uri="piece.bin")
    (tmp_path / "piece.bin").write_bytes(data)
    paths = written(tmp_path, {name: signed})
    assert xmlsec_refuses(paths, *IDS, *chain(out), references=2) == ""
    (tmp_path / "piece.bin").write_bytes(data + b" ")
    assert xmlsec_refuses(paths, *IDS, *chain(out), references=2) != ""
    assert verify(workstation, signed, data)["valid"]
    assert not verify(workstation, signed, data + b" ")["valid"]
    assert data[:40] not in signed


def test_what_is_signed_is_valid_against_the_schema_of_signatures(workstation: Workstation, tmp_path: Path) -> None:
    orders: tuple[dict[str, Any], ...] = ({}, {"packaging": "detached", "uri": "urn:oid:2.25.1"}, {"roles": ["a", "b"]})
    signed = {str(rank): sign(workstation, "application/pdf", b"%PDF", **order) for rank, order in enumerate(orders)}
    paths = written(tmp_path, {name: alone(etree.fromstring(document)) for name, document in signed.items()})
    assert xmllint_refuses(paths, dmp_schema("xmldsig-core-schema.xsd")) == {}


def test_a_changed_byte_is_told_by_us_and_by_xmlsec1(out: Outing, workstation: Workstation, tmp_path: Path) -> None:
    signed = sign(workstation, "text/plain", b"un comprime par jour")
    changed = signed.replace(base64.b64encode(b"un comprime par jour"), base64.b64encode(b"dix comprime par jou"))
    dated = re.sub(rb"(<xades:SigningTime>)2", rb"\g<1>3", signed)
    for one, failing in ((changed, "DocumentIntact"), (dated, "SignatureIntacte")):
        assert one != signed
        assert xmlsec_refuses(written(tmp_path / failing, {"changed": one}), *IDS, *chain(out), references=2) != ""
        report = verify(workstation, one)
        assert not report["valid"]
        assert report["original"] is None
        assert failing in {rule["rule"] for rule in report["rules"] if rule["verdict"] == "failed"}


def official(name: str) -> bytes:
    return need("data", "cda", "signed", name).read_bytes()


@pytest.mark.parametrize("name", [*SOUND, BROKEN])
def test_the_verdict_on_an_official_sample_is_that_of_xmlsec1(workstation: Workstation, tmp_path: Path, name: str) -> None:
    anchors = chain_options(need("data", "cda", "pki", "ACR-EL-TEST.pem"), need("data", "cda", "pki", "ACI-EL-ORG-TEST.pem"))
    then = ["--verification-gmt-time", "2021-09-01 12:00:00"]
    said = xmlsec_refuses(written(tmp_path, {name: official(name)}), *IDS, *anchors, *then, references=2)
    report = verify(workstation, official(name))
    assert report["valid"] is (said == "") is (name in SOUND)


def test_the_broken_sample_is_refused_with_its_reason(workstation: Workstation) -> None:
    report = verify(workstation, official(BROKEN))
    failed = {rule["rule"]: rule["sentence"] for rule in report["rules"] if rule["verdict"] == "failed"}
    assert list(failed) == ["SignatureIntacte"]
    assert failed["SignatureIntacte"].startswith("Les propriétés signées (date, certificat) ont été modifiées")
    assert {rule["rule"] for rule in report["rules"] if rule["verdict"] == "passed"} >= {"DocumentIntact", "TrustedCertificat"}
    assert report["original"] is None


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_sample_is_reported_rule_by_rule(workstation: Workstation, name: str) -> None:
    report = verify(workstation, official(name))
    verdicts = {rule["rule"]: rule["verdict"] for rule in report["rules"]}
    assert {rule for rule, verdict in verdicts.items() if verdict != "passed"} == {"RevocationCertificat"}
    assert verdicts["RevocationCertificat"] == "not-checked"
    assert report["signing_time"] == "2021-08-16T09:51:41Z"
    assert report["signer"].endswith(",OU=318751275100020,O=ASIP-SANTE,ST=Paris (75),C=FR")


def test_signing_with_one_structure_is_not_signing_with_another(workstation: Workstation) -> None:
    answer = workstation.post(
        "/signatures", files={"file": ("f", b"x", "text/plain"), "request": (None, '{"structure": "10B0000000"}', "application/json")}
    )
    assert answer.status_code == 422
    assert answer.json()["code"] == "structure-unknown"
