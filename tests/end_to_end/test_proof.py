"""The proof of a document: what was sent, what was answered, who did what; told by other means than ours."""

from __future__ import annotations

import base64
import email
import email.policy
import io
import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.captures import audit_lines, dmp_calls, mails
from tests.end_to_end.scene import DOCTOR, ONLY_DMP, ORDONNANCE, TO_DOCTOR, Scene
from tests.rig.caller import states
from tests.trust.judges import xmlsec_verify

pytestmark = pytest.mark.xdist_group("e2e-proof")


def files_of(scene: Scene, receipt: dict[str, Any]) -> dict[str, bytes]:
    answer = scene.station.get(f"/documents/{receipt['id']}/proof")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def role_of(name: str) -> str:
    return name.partition("-")[2].partition(".")[0]


def test_the_proof_holds_everything_that_was_sent_and_answered(scene: Scene, tmp_path: Path) -> None:
    patient = scene.patient()
    end = scene.sent(patient, deliver=ONLY_DMP | TO_DOCTOR)
    files = files_of(scene, end)
    roles = Counter(role_of(name) for name in files if name not in ("recepisse.json", "journal.jsonl"))
    assert roles == {"original": 1, "cda": 1, "lot": 1, "mail": 1, "answer": 2}
    by_role = {role_of(name): data for name, data in files.items()}
    assert json.loads(files["recepisse.json"]) == scene.read(end)
    assert by_role["original"] == ORDONNANCE
    assert by_role["cda"] == scene.station.get(f"/documents/{end['id']}/cda").content

    [feed] = [one for one in dmp_calls(scene.sandbox, patient["ins"]["matricule"]) if one.service == "repository"]
    assert feed.document() == by_role["cda"]
    mail = email.message_from_bytes(by_role["mail"], policy=email.policy.default)
    [received] = [one for one in mails(scene.sandbox, DOCTOR) if str(one.message["Message-ID"]) == str(mail["Message-ID"])]
    assert received.raw == by_role["mail"]

    answers = [data for name, data in files.items() if role_of(name) == "answer"]
    assert any(b"ResponseStatusType:Success" in one for one in answers)
    assert any(b'"code":250' in one for one in answers)

    [signature] = [one for one in feed.parts()[1:] if b"<ClinicalDocument" not in one[:4096]]
    assert base64.b64decode(json.loads(by_role["lot"])["signature"]) == signature, "the lot of the proof is the one that left"
    pki = scene.sandbox.folder / "pki"
    trusted, untrusted = [(pki / "root.pem").read_bytes()], [(pki / "organisations.pem").read_bytes()]
    judged = xmlsec_verify(signature, tmp_path, trusted=trusted, untrusted=untrusted, extra=["--ignore-manifests"])
    assert judged.returncode == 0, judged.stderr


def test_the_audit_lines_tell_who_did_what_and_name_nobody(scene: Scene) -> None:
    patient = scene.patient()
    scene.sandbox.fault("dmp", "busy")
    end = scene.sent(patient, deliver=ONLY_DMP | TO_DOCTOR)
    proof = scene.station.get(f"/documents/{end['id']}/proof").content
    lines = audit_lines(proof)
    assert [one["act"] for one in lines][:2] == ["document.accepted", "document.prepared"]
    assert Counter(one["act"] for one in lines[2:]) == {"delivery.failed": 1, "delivery.sent": 2}
    assert [one["sequence"] for one in lines] == sorted({one["sequence"] for one in lines})
    assert all(len(one["hash"]) == 64 for one in lines)
    assert {one["patient_ref"] for one in lines if one["patient_ref"]} == {lines[0]["patient_ref"]}
    told = json.dumps(lines)
    for datum in (patient["birth_family_name"], patient["ins"]["matricule"], DOCTOR, "Ordonnance"):
        assert datum not in told


def test_a_refusal_keeps_the_words_of_who_refused(scene: Scene) -> None:
    scene.sandbox.fault("dmp", "rights")
    end = scene.sent(deliver=ONLY_DMP)
    assert states(end) == ["held"]
    answers = [data for name, data in files_of(scene, end).items() if role_of(name) == "answer"]
    assert any(b"Fault" in one for one in answers)


def test_a_document_that_waits_has_a_proof_too(scene: Scene) -> None:
    end = scene.sent(scene.patient(dmp=None, identity_status="VALI"), deliver=ONLY_DMP)
    roles = {role_of(name) for name in files_of(scene, end)}
    assert "original" in roles
    assert "lot" not in roles
    assert scene.station.get(f"/documents/{end['id']}/cda").status_code == 404
