"""Storage that lies: the item concerned is set aside with its reason, its neighbours leave."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.command import relais
from tests.end_to_end.scene import ONLY_DMP, TO_DOCTOR, Scene, eventually, played
from tests.rig.caller import Workstation, codes, states

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("e2e-damage")]

BOTH = ONLY_DMP | TO_DOCTOR


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with played(tmp_path) as one:
        yield one


@contextlib.contextmanager
def journal_of(scene: Scene) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(scene.gateway.home / "journal.sqlite")) as journal:
        yield journal
        journal.commit()


def flip(path: Path, at: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[at if at >= 0 else len(content) // 2] ^= 1
    path.write_bytes(content)


def pending(scene: Scene, count: int = 3) -> list[dict[str, Any]]:
    """Documents accepted and prepared, none of which could leave; the box is stopped."""
    scene.sandbox.fault("dmp", "unavailable", count=0)
    scene.sandbox.fault("mss", "421_mail", count=0)
    receipts = [scene.send(deliver=BOTH) for _document in range(count)]
    eventually(lambda: all(None not in codes(scene.read(one)) for one in receipts[:1]))
    eventually(lambda: prepared(scene) == count)
    scene.station.close()
    scene.gateway.stop()
    scene.sandbox.control("/reset", {})
    return receipts


def prepared(scene: Scene) -> int:
    with journal_of(scene) as journal:
        return int(journal.execute("SELECT count(*) FROM documents WHERE prepared = 1").fetchone()[0])


def file_of(scene: Scene, receipt: dict[str, Any], role: str) -> Path:
    with journal_of(scene) as journal:
        [(blob,)] = journal.execute("SELECT id FROM blobs WHERE document_id = ? AND role = ?", (receipt["id"], role)).fetchall()
    [path] = (scene.gateway.home / "blobs").rglob(blob)
    return path


def begin_again(scene: Scene, receipts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    scene.gateway.start()
    scene.station = Workstation(scene.gateway)
    return [scene.end(one) for one in receipts]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize("harm", [flip, cut, Path.unlink, lambda path: path.write_bytes(b"")], ids=["flipped", "cut", "missing", "empty"])
def test_a_damaged_document_is_set_aside_and_its_neighbours_leave(scene: Scene, harm: Callable[[Path], object]) -> None:
    receipts = pending(scene)
    harm(file_of(scene, receipts[1], "cda"))
    ends = begin_again(scene, receipts)
    assert [states(one) for one in ends] == [["delivered", "delivered"], ["held", "delivered"], ["delivered", "delivered"]]
    assert codes(ends[1]) == ["payload-damaged", None]
    assert ends[1]["deliveries"][0]["explanation"]["gesture"]
    assert scene.held_in_dmp(ends[1]) == []
    proof = scene.station.get(f"/documents/{ends[1]['id']}/proof")
    cda = scene.station.get(f"/documents/{ends[1]['id']}/cda")
    assert cda.json()["code"] == "payload-damaged"
    assert proof.status_code in (200, 409)


def test_a_damaged_mail_keeps_the_dmp_going(scene: Scene) -> None:
    receipts = pending(scene)
    flip(file_of(scene, receipts[0], "mail"))
    ends = begin_again(scene, receipts)
    assert [states(one) for one in ends] == [["delivered", "held"], ["delivered", "delivered"], ["delivered", "delivered"]]
    assert codes(ends[0]) == [None, "payload-damaged"]


def test_a_damaged_original_harms_nothing_once_the_document_is_prepared(scene: Scene) -> None:
    receipts = pending(scene)
    flip(file_of(scene, receipts[0], "original"))
    assert [states(one) for one in begin_again(scene, receipts)] == [["delivered", "delivered"]] * 3


@pytest.mark.parametrize("column", ["sealed", "wrapped_key"])
def test_a_row_whose_secret_does_not_open_is_set_aside(scene: Scene, column: str) -> None:
    receipts = pending(scene)
    with journal_of(scene) as journal:
        [(value,)] = journal.execute(f"SELECT {column} FROM documents WHERE id = ?", (receipts[1]["id"],)).fetchall()  # noqa: S608
        harmed = bytes([value[0] ^ 1]) + value[1:]
        journal.execute(f"UPDATE documents SET {column} = ? WHERE id = ?", (harmed, receipts[1]["id"]))  # noqa: S608
    ends = begin_again(scene, receipts)
    assert [states(one) for one in ends] == [["delivered", "delivered"], ["held", "held"], ["delivered", "delivered"]]
    assert codes(ends[1]) == ["payload-damaged"] * 2


def test_a_delivery_whose_frozen_facts_do_not_open_is_set_aside(scene: Scene) -> None:
    receipts = pending(scene)
    with journal_of(scene) as journal:
        journal.execute(
            "UPDATE deliveries SET sealed_frozen = randomblob(64) WHERE document_id = ? AND channel = 'dmp'", (receipts[1]["id"],)
        )
    ends = begin_again(scene, receipts)
    assert [states(one) for one in ends] == [["delivered", "delivered"], ["held", "delivered"], ["delivered", "delivered"]]
    assert codes(ends[1]) == ["payload-damaged", None]


@pytest.mark.parametrize(("table", "change"), [("deliveries", "phase = 'nonsense'"), ("deliveries", "channel = 'pigeon'")])
def test_a_row_that_makes_no_sense_is_put_aside_and_told(scene: Scene, table: str, change: str) -> None:
    receipts = pending(scene)
    with journal_of(scene) as journal:
        journal.execute(f"UPDATE {table} SET {change} WHERE document_id = ? AND channel = 'dmp'", (receipts[1]["id"],))  # noqa: S608
    scene.gateway.start()
    scene.station = Workstation(scene.gateway)
    assert [states(scene.end(receipts[rank])) for rank in (0, 2)] == [["delivered", "delivered"]] * 2
    eventually(lambda: "delivered" in states(scene.read(receipts[1])))
    assert scene.read(receipts[1])["state"] == "attention", "nobody may believe that all of it left"
    done = relais("check", "--home", str(scene.gateway.home), "--json")
    told = [one for one in json.loads(done.out) if one["check"] == "quarantine"]
    assert (done.code, told[0]["severity"]) == (1, "error")
    assert told[0]["gesture"]
