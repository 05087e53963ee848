"""The signature service of a running box: judged by xmlsec1, and its own report when the certificate or the content changes."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.scene import ORDONNANCE, STRUCTURE, TO_DOCTOR, Scene, eventually
from tests.end_to_end.test_refusals import assert_problem
from tests.shared import need
from tests.trust.judges import accepted, xmlsec_verify

pytestmark = [pytest.mark.xdist_group("e2e-signatures"), pytest.mark.conformity]


@pytest.fixture(scope="module")
def cda(scene: Scene) -> bytes:
    end = scene.sent(deliver=TO_DOCTOR)
    return scene.station.get(f"/documents/{end['id']}/cda").content


def sign(scene: Scene, data: bytes, media: str, **order: Any) -> bytes:
    parts = {"file": ("document", data, media), "request": (None, json.dumps(order), "application/json")}
    answer = scene.station.post("/signatures", files=parts)
    assert answer.status_code == 200, answer.text
    return answer.content


def verify(scene: Scene, signed: bytes, original: bytes | None = None) -> dict[str, Any]:
    parts = {"file": ("signed", signed, "text/xml")}
    if original is not None:
        parts["original"] = ("original", original, "application/octet-stream")
    answer = scene.station.post("/signatures/verify", files=parts)
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    return report


def verdicts(report: dict[str, Any]) -> dict[str, str]:
    return {one["rule"]: one["verdict"] for one in report["rules"]}


def failed(report: dict[str, Any]) -> list[str]:
    return sorted(rule for rule, verdict in verdicts(report).items() if verdict == "failed")


def judged(scene: Scene, signed: bytes, folder: Path) -> bool:
    """True when xmlsec1 takes the signature and its chain, for two references."""
    pki = scene.sandbox.folder / "pki"
    trusted, untrusted = [(pki / "root.pem").read_bytes()], [(pki / "organisations.pem").read_bytes()]
    return accepted(xmlsec_verify(signed, folder, trusted=trusted, untrusted=untrusted), 2)


def test_an_enveloping_signature_is_taken_by_xmlsec1_and_gives_its_content_back(scene: Scene, cda: bytes, tmp_path: Path) -> None:
    for data, media in ((cda, "text/xml"), (ORDONNANCE, "application/pdf")):
        signed = sign(scene, data, media)
        assert judged(scene, signed, tmp_path)
        report = verify(scene, signed)
        assert (report["valid"], failed(report), report["packaging"]) == (True, [], "ENVELOPING")
        assert report["signer"]
        assert all(one["sentence"] for one in report["rules"])


def test_a_detached_signature_covers_the_document_beside_it(scene: Scene, cda: bytes, tmp_path: Path) -> None:
    signed = sign(scene, cda, "text/xml", packaging="detached", uri="document.xml", structure=STRUCTURE)
    (tmp_path / "document.xml").write_bytes(cda)
    assert judged(scene, signed, tmp_path)
    assert verify(scene, signed, cda)["valid"] is True
    assert verify(scene, signed, cda + b" ")["valid"] is False
    assert verify(scene, signed)["valid"] is False


@pytest.mark.parametrize("place", [b"SignatureValue>", b"SigningTime>", b"DigestValue>"])
def test_an_altered_signature_is_not_valid(scene: Scene, cda: bytes, tmp_path: Path, place: bytes) -> None:
    signed = bytearray(sign(scene, cda, "text/xml"))
    at = signed.index(place) + len(place) + 3
    signed[at] = ord("2") if signed[at] != ord("2") else ord("1")
    report = verify(scene, bytes(signed))
    assert report["valid"] is False
    assert failed(report)
    assert report["original"] is None
    assert not judged(scene, bytes(signed), tmp_path)


def test_another_authority_is_not_trusted(scene: Scene) -> None:
    report = verify(scene, need("data", "cda", "signed", "signedpom.xml").read_bytes())
    assert (report["valid"], verdicts(report)["SignatureIntacte"]) == (False, "passed")
    assert "TrustedCertificat" in failed(report)


def test_what_is_not_signed_has_a_report_too(scene: Scene, cda: bytes) -> None:
    for content in (b"", b"no xml", cda, b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"):
        report = verify(scene, content)
        assert report["valid"] is False
        assert report["original"] is None


def test_a_structure_that_is_not_ours_signs_nothing(scene: Scene) -> None:
    parts = {"file": ("d", b"x", "text/plain"), "request": (None, json.dumps({"structure": "19999999999"}), "application/json")}
    assert_problem(scene.station.post("/signatures", files=parts), 422, "structure-unknown", "structure")


def test_each_signature_is_in_the_audit_trail(scene: Scene) -> None:
    def count() -> int:
        with sqlite3.connect(f"file:{scene.gateway.home / 'journal.sqlite'}?mode=ro", uri=True) as journal:
            found = int(journal.execute("SELECT count(*) FROM audit WHERE act = 'document.signed'").fetchone()[0])
        journal.close()
        return found

    before = count()
    sign(scene, b"texte", "text/plain")
    assert count() == before + 1


def test_a_signature_whose_certificate_was_revoked_since_is_told_once_the_list_is_known(scene: Scene, cda: bytes) -> None:
    signed = sign(scene, cda, "text/xml")
    assert verify(scene, signed)["valid"] is True
    scene.sandbox.control("/certificates", {"action": "revoke", "structure": STRUCTURE, "role": "sign"})
    scene.restart()
    eventually(lambda: "RevocationCertificat" in failed(verify(scene, signed)))
