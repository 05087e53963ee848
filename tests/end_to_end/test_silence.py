"""Rule 10: after a whole day of work nothing that names a patient lies in clear anywhere, nor any key."""

from __future__ import annotations

import base64
import contextlib
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.command import relais
from tests.end_to_end.scene import ORDONNANCE, TO_DOCTOR, Scene, person, played
from tests.rig.caller import Workstation, request, states
from tests.rig.processes import STRUCTURE

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("e2e-silence")]

FAMILY, GIVEN, USED = "ZZYVEXQANOR", "QUOLPHRINE", "WYXBRANTEK"
TITLE = "Bilan xylofrenique du genou"
LOCAL = "DOSSIER-QJXZ-77"
MARTIN = "dr.quazimbrel@medecin.sandbox.mssante.fr"
KEY = re.compile(rb"-----BEGIN (?:RSA |EC |ENCRYPTED )?PRIVATE KEY-----")


def patient() -> dict[str, Any]:
    return person(
        birth_family_name=FAMILY, birth_given_names=f"{GIVEN} MARIE", first_birth_given_name=GIVEN, used_family_name=USED,
        used_given_name=GIVEN, local_id=LOCAL,
    )  # fmt: skip


def secrets(someone: dict[str, Any]) -> list[bytes]:
    """Each datum as it would lie in clear: as typed, lower case, UTF-16, base64 at any offset, hexadecimal."""
    words = [FAMILY, GIVEN, USED, TITLE, LOCAL, MARTIN, someone["ins"]["matricule"], someone["ins"]["matricule"][:13]]
    found: list[bytes] = []
    for word in words:
        plain = word.encode()
        found += [plain, plain.lower(), plain.upper(), word.encode("utf-16-le"), plain.hex().encode()]
        found += [base64.b64encode(b"x" * offset + plain)[4 if offset else 0 : -4] for offset in range(3)]
    return [one for one in found if len(one) >= 8]


def everything(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of all files."""
    for path in sorted(folder.rglob("*")):
        yield str(path.relative_to(folder)), path.read_bytes() if path.is_file() else b""


def busy_day(scene: Scene, someone: dict[str, Any]) -> None:
    """Deliveries, refusals, retries, doubts, gestures, commands and a restart, all about one patient."""
    described: dict[str, Any] = {"type": "57833-6", "title": TITLE, "created_at": "2026-11-22T09:30:00+01:00"}
    everywhere = {"dmp": True, "patient_mail": {"send": True}, "professionals": [MARTIN]}

    def asked(**changes: Any) -> dict[str, Any]:
        return request(patient=someone | changes, document=described, deliver=everywhere)

    def accepted(described: dict[str, Any], key: str) -> dict[str, Any]:
        answer = scene.station.send(ORDONNANCE, described, key=f"{key}-{FAMILY}")
        assert answer.status_code == 202, answer.text
        return scene.end(answer.json())

    assert states(accepted(asked(), "good")) == ["delivered"] * 3
    for service, fault in (("dmp", "lost_answer"), ("dmp", "rights"), ("dmp", "garbage"), ("mss", "554_data"), ("mss", "garbage")):
        scene.sandbox.fault(service, fault)
    accepted(asked(), "trouble")
    accepted(asked(identity_status="VALI"), "unqualified")
    scene.tell(someone, "closed")
    held = accepted(asked(), "closed")
    for wrong in (asked(sex="X"), asked(birth_date=FAMILY), asked(ins={"matricule": someone["ins"]["matricule"], "oid": "1.2"})):
        assert scene.station.send(ORDONNANCE, wrong).status_code == 422
    scene.station.send(FAMILY.encode(), asked())
    scene.station.send(f"<x>{FAMILY}</x".encode(), {"deliver": TO_DOCTOR}, media="application/xml")
    scene.station.get(f"/documents/{FAMILY}")
    scene.station.get("/documents", params={"patient": LOCAL})
    scene.station.post(f"/deliveries/{held['deliveries'][0]['id']}/retry")
    scene.station.get(f"/documents/{held['id']}/proof")
    parts = {"file": (f"{FAMILY}.txt", FAMILY.encode(), "text/plain")}
    assert scene.station.post("/signatures", files=parts).status_code == 200
    scene.end(held)
    scene.tell(someone, "active")
    scene.station.close()
    scene.gateway.kill()
    scene.gateway.start()
    scene.station = Workstation(scene.gateway)
    scene.end(scene.send(someone, deliver=everywhere, document=described))
    relais("check", "--home", str(scene.gateway.home))


@pytest.mark.timeout(180)
def test_nothing_that_names_a_patient_lies_in_clear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    someone = patient()
    with played(tmp_path / "box", services=tmp_path / "services") as scene:
        scene.tell(someone, "active")
        busy_day(scene, someone)
        running = dict(everything(tmp_path / "box"))
        opened = [str(path.readlink()) for path in Path(f"/proc/{scene.gateway.facts['pid']}/fd").iterdir() if path.exists()]
        environment = Path(f"/proc/{scene.gateway.facts['pid']}/cmdline").read_bytes()
        scene.station.close()
        scene.gateway.stop()
        with contextlib.closing(sqlite3.connect(scene.gateway.home / "journal.sqlite")) as journal:
            journal.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            assert journal.execute("SELECT count(*) FROM documents").fetchone()[0] >= 5
        stopped = dict(everything(tmp_path / "box"))
    assert any(name.endswith("-wal") for name in running)
    assert any("blobs/" in name for name in running)
    assert any(name.endswith("home.log") and content.count(b"\n") > 5 for name, content in running.items())
    hunted = secrets(someone)
    outside = b"".join(content for _, content in everything(tmp_path / "services" / "received"))
    assert all(word.encode() in outside for word in (FAMILY, GIVEN, USED, TITLE)), "the hunt would find them: the services received them"
    for moment in (running, stopped):
        for name, content in moment.items():
            told = [one for one in hunted if one in content or one in name.encode()]
            assert told == [], f"{name} holds {told}"
    assert [one for one in hunted for text in (*opened, environment.decode()) if one.decode("latin-1") in text] == []


def test_no_private_key_and_no_token_lies_in_clear(tmp_path: Path) -> None:
    with played(tmp_path / "box", services=tmp_path / "services") as scene:
        assert states(scene.sent(deliver={"dmp": True})) == ["delivered"]
        home = scene.gateway.home
        token = scene.gateway.token.encode()
        for name, content in everything(tmp_path / "box"):
            assert not KEY.search(content), name
            if not name.endswith("-token"):
                assert token not in content, name
            assert b"BAC-A-SABLE-0001" not in content, f"{name} holds the homologation number"
        for path in home.rglob("*"):
            if path.is_file() and path.name not in ("gateway.json", "lan-ca.pem"):
                assert path.stat().st_mode & 0o077 == 0, f"{path.name} can be read by others"
        assert (home / "keys" / STRUCTURE / "sign.sealed").exists()
