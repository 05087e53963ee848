"""A box is backed up under load, dies, and another takes its place, both being killed at random: nothing the backup held is lost, nothing
leaves twice, and the former box, switched on again, sends nothing more.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.scene import DOCTOR, ORDONNANCE, UNHURRIED, Scene, eventually, played
from tests.rig.caller import Workstation, request, states
from tests.rig.processes import ROOT, Gateway, environment

pytestmark = [pytest.mark.xdist_group("e2e-backup"), pytest.mark.slow, pytest.mark.crash]
SEED = 20261130
EVERYWHERE = {"dmp": True, "professionals": [DOCTOR]}
GONE = "l'ancien boîtier est hors service"


def provision(*arguments: str, phrase: str = "", killed_within: float | None = None, code: int = 0) -> str:
    """`relais-provision ...`, the phrase on a descriptor of its own; killed after a random while when asked."""
    reading, writing = os.pipe()
    os.write(writing, phrase.encode())
    os.close(writing)
    command = [sys.executable, "-m", "provisioning", *arguments]
    if phrase:
        command += ["--phrase-fd", str(reading)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(), pass_fds=(reading,), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    os.close(reading)
    if killed_within is not None:
        time.sleep(killed_within)
        process.send_signal(signal.SIGKILL)
    said, _ = process.communicate(timeout=90)
    assert killed_within is not None or process.returncode == code, said
    return said


def test_f12_a_box_restored_from_a_backup_sends_nothing_twice_and_loses_nothing_it_held(tmp_path: Path) -> None:
    chance, stick = random.Random(SEED), tmp_path / "stick"
    stick.mkdir()
    settings = f'{UNHURRIED}\n[backup]\nfolder = "{stick}"\n\n[replacement]\nlook_seconds = 1.0\n'
    with played(tmp_path / "stage", settings=settings) as scene:
        phrase = phrase_of(provision("backup", "prepare", "--home", str(scene.gateway.home)))
        receipts = [scene.send(deliver=EVERYWHERE) for _ in range(3)]
        assert [set(states(scene.end(one))) for one in receipts] == [{"delivered"}] * 3
        for service in ("dmp", "mss"):
            scene.sandbox.fault(service, "unavailable", 0)
        receipts += [scene.send(deliver=EVERYWHERE) for _ in range(5)]
        for _ in range(3):
            provision("backup", "run", "--home", str(scene.gateway.home), killed_within=chance.uniform(0.3, 1.5))
        said = provision("backup", "run", "--home", str(scene.gateway.home))
        assert "Sauvegarde faite et relue" in said
        assert [one.name for one in stick.iterdir() if one.name.startswith(".")] == [], "drafts of killed backups are gone"

        scene.sandbox.control("/reset", {})
        scene.sandbox.fault("dmp", "lost_answer", 2)
        scene.sandbox.fault("mss", "lost_answer", 2)
        lost = [scene.send(deliver=EVERYWHERE) for _ in range(2)]
        eventually(lambda: len(scene.sandbox.control("/ledger/dmp")) >= 5)
        scene.gateway.kill()
        before = {one["unique_id"] for one in scene.sandbox.control("/ledger/dmp")}
        assert len(before) > 3, "the former box did send what the backup held as queued"

        new = Gateway(tmp_path / "stage" / "new")
        order = ("restore", "--home", str(new.home), "--from", str(stick), "--old-box", GONE)
        for _ in range(3):
            provision(*order, phrase=phrase, killed_within=chance.uniform(0.4, 1.6))
        if not new.home.joinpath("relais.toml").exists():
            assert "ne sont pas dans ce boîtier" in provision(*order, phrase=phrase)
        frozen, so_far = prepared(new.home), len(received(scene))
        try:
            new.start()
            scene.gateway.start()
            judge(scene, new, receipts, lost, frozen)
            fed = [one for one in received(scene)[so_far:] if b"ProvideAndRegisterDocumentSet" in one]
            again = [one for one in before if any(one.encode() in request for request in fed)]
            assert again == [], "what the former box had sent was looked up, not sent"
        finally:
            new.stop()


def phrase_of(said: str) -> str:
    [line] = [one.strip() for one in said.splitlines() if one.startswith("    ")]
    return line


def received(scene: Scene) -> list[bytes]:
    """Every request the DMP received, in order."""
    return [one.read_bytes() for one in sorted((scene.sandbox.folder / "received" / "dmp").glob("*.http"))]


def prepared(home: Path) -> set[str]:
    """Documents whose bytes were frozen when the backup was made."""
    with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
        return {one for (one,) in connection.execute("SELECT id FROM documents WHERE prepared = 1")}


def judge(scene: Scene, new: Gateway, receipts: list[dict[str, object]], lost: list[dict[str, object]], frozen: set[str]) -> None:
    old, station = Workstation(scene.gateway), Workstation(new)
    try:
        eventually(lambda: old.get("/status").json()["replaced"] is not None)
        answer = old.send(ORDONNANCE, request(patient=scene.patient(), deliver={"dmp": True}), key="too-late")
        assert (answer.status_code, answer.json()["code"]) == (503, "box-replaced")

        ends = [station.end_of(str(one["id"])) for one in receipts]
        assert [set(states(one)) for one in ends] == [{"delivered"}] * len(receipts)
        assert {station.get(f"/documents/{one['id']}").status_code for one in lost} == {404}, "those are lost, and were told so"

        ledger = {one["unique_id"]: one["times_committed"] for one in scene.sandbox.control("/ledger/dmp")}
        assert set(ledger.values()) == {1}
        assert {one["document_unique_id"] for one in ends} <= set(ledger)
        held: dict[str, set[str]] = defaultdict(set)
        for one in scene.sandbox.control("/ledger/mss"):
            held[one["message_id"]].add(one["sha256"])
        for end in ends:
            [mail] = [one["id"] for one in end["deliveries"] if one["channel"] == "mss"]
            [seen] = [digests for message, digests in held.items() if mail in message]
            assert len(seen) == 1 or end["id"] not in frozen, "the same message has the same bytes"
    except httpx.HTTPError as problem:  # pragma: no cover - says which box did not answer
        raise AssertionError(f"{scene.gateway.told()}\n{new.told()}") from problem
    finally:
        old.close()
        station.close()
