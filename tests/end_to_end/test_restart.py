"""The box stops, or is stopped, with work in hand: it takes it up where it was."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from firmware.scratch import scratch_place
from tests.end_to_end.captures import dmp_calls
from tests.end_to_end.scene import EXAMPLES, ONLY_DMP, TO_DOCTOR, Scene, eventually, person, played
from tests.rig.caller import Workstation, codes, states
from tests.tools import need_tool

pytestmark = pytest.mark.xdist_group("e2e-restart")

BOTH = ONLY_DMP | TO_DOCTOR
NOT_PDFA = EXAMPLES / "courrier-non-pdfa.pdf"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with played(tmp_path) as one:
        yield one


def cut(scene: Scene) -> None:
    scene.station.close()
    scene.gateway.kill()


def again(scene: Scene) -> None:
    scene.gateway.start()
    scene.station = Workstation(scene.gateway)


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_everything_pending_is_taken_up_again(scene: Scene, kill: bool) -> None:
    scene.sandbox.fault("dmp", "unavailable", count=0)
    scene.sandbox.fault("mss", "421_mail", count=0)
    receipts = [scene.send(deliver=BOTH) for _document in range(8)]
    held = scene.sent(scene.patient(dmp=None, identity_status="PROV"), deliver=ONLY_DMP)
    before = scene.read(held)
    if kill:
        cut(scene)
        again(scene)
    else:
        scene.restart()
    assert {state for one in receipts for state in states(scene.read(one))} <= {"queued", "running"}
    scene.sandbox.control("/reset", {})
    ends = [scene.end(one) for one in receipts]
    assert {tuple(states(one)) for one in ends} == {("delivered", "delivered")}
    assert [one["times_committed"] for end in ends for one in scene.held_in_dmp(end)] == [1] * 8
    assert {one["times_received"] for one in scene.sandbox.control("/ledger/mss")} == {1}
    assert scene.read(held) == before


def test_a_doubt_outlives_a_power_cut_and_is_settled_by_a_query(scene: Scene) -> None:
    patient = scene.patient()
    scene.sandbox.fault("dmp", "lost_answer", path="repository")
    scene.sandbox.fault("dmp", "unavailable", count=0, path="registry")
    receipt = scene.send(patient, deliver=ONLY_DMP)
    eventually(lambda: states(scene.read(receipt)) == ["unknown"])
    cut(scene)
    scene.sandbox.control("/reset", {})
    again(scene)
    assert states(scene.end(receipt)) == ["delivered"]
    assert [one.service for one in dmp_calls(scene.sandbox, patient["ins"]["matricule"])].count("repository") == 1


def test_a_cut_while_the_answer_is_awaited_is_settled_by_a_query(scene: Scene) -> None:
    patient = scene.patient()
    scene.sandbox.fault("dmp", "slow", path="repository", seconds=2)
    receipt = scene.send(patient, deliver=ONLY_DMP)
    eventually(lambda: scene.held_in_dmp(receipt))
    assert states(scene.read(receipt)) == ["running"]
    cut(scene)
    again(scene)
    assert states(scene.end(receipt)) == ["delivered"]
    assert [one["times_committed"] for one in scene.held_in_dmp(receipt)] == [1]
    assert [one.service for one in dmp_calls(scene.sandbox, patient["ins"]["matricule"])].count("repository") == 1


def test_an_outage_of_everything_delays_and_loses_nothing(scene: Scene) -> None:
    scene.sandbox.stop()
    receipts = [scene.send(person(), deliver=BOTH) for _document in range(6)]
    eventually(lambda: any("peer-unreachable" in codes(scene.read(one)) for one in receipts))
    eventually(lambda: any("operator-unavailable" in codes(scene.read(one)) for one in receipts))
    scene.sandbox.start()
    ends = [scene.end(one) for one in receipts]
    assert {states(one)[1] for one in ends} == {"delivered"}
    assert {codes(one)[0] for one in ends} == {"no-dmp"}, "the services were asked at last: they do not know these patients"


def converting(scene: Scene) -> list[Path]:
    """Files of conversions under way; other boxes may work in the same memory."""
    home = scene.gateway.home
    mark = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]
    folders = scratch_place(home / "work").folder.glob(f"relais-{mark}-*")
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def test_a_conversion_cut_in_its_middle_is_swept_and_begun_again(scene: Scene) -> None:
    need_tool("gs")
    receipt = scene.send(file=NOT_PDFA.read_bytes(), deliver=BOTH)
    deadline = time.monotonic() + 20
    while not converting(scene):
        assert time.monotonic() < deadline, scene.read(receipt)
    assert states(scene.read(receipt)) == ["queued", "queued"]
    cut(scene)
    assert converting(scene), "the cut left the scratch of the conversion behind"
    again(scene)
    end = scene.end(receipt)
    assert (states(end), codes(end)) == (["delivered", "delivered"], [None, None])
    assert [one["times_committed"] for one in scene.held_in_dmp(end)] == [1]
    assert converting(scene) == []
    children = psutil.Process(scene.gateway.facts["pid"]).children(recursive=True)
    assert [one.name() for one in children if one.name() == "gs"] == []


def test_receipts_read_the_same_after_a_restart(scene: Scene) -> None:
    receipts: list[dict[str, Any]] = [scene.sent(deliver=BOTH), scene.sent(scene.patient("none"), deliver=ONLY_DMP)]
    before = [scene.read(one) for one in receipts]
    scene.restart()
    assert [scene.read(one) for one in receipts] == before
