"""No room left: nothing more is accepted, it is said so, and what was accepted goes on."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.footprint import footprint
from tests.end_to_end.scene import ONLY_DMP, ORDONNANCE, TO_DOCTOR, UNHURRIED, Scene, eventually, person, played
from tests.end_to_end.test_refusals import assert_problem
from tests.rig.caller import Workstation, request, states
from tests.shared import missing

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("e2e-disk-full")]

ROOM = 24_000_000
KEPT = ("documents", "deliveries", "patients", "files")
NO_RESERVE = f"{UNHURRIED}disk_reserve_bytes = 0\n"


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of a few megabytes, taken away whatever happens."""
    if os.geteuid() != 0:
        missing("only root may mount a small disk")
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        missing(f"a small disk cannot be mounted here ({mounted.stderr.strip()})")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all the room there is."""
    ballast = folder / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return ballast


def refused(scene: Scene, document: bytes = ORDONNANCE) -> None:
    answer = scene.station.send(document, request(patient=person(), deliver=TO_DOCTOR))
    assert_problem(answer, 503, "not-accepting", None)
    assert int(answer.headers["retry-after"]) > 0


def test_mss18_below_the_reserve_nothing_is_accepted_and_the_queue_goes_on(tmp_path: Path) -> None:
    with played(tmp_path) as scene:
        scene.sandbox.fault("dmp", "unavailable", count=0)
        waiting = [scene.send(deliver=ONLY_DMP | TO_DOCTOR) for _document in range(3)]
        eventually(lambda: all(states(scene.read(one))[1] == "delivered" for one in waiting))
        settings = scene.gateway.home / "relais.toml"
        text = settings.read_text()
        settings.write_text(text.replace("[limits]\n", f"[limits]\ndisk_reserve_bytes = {2**60}\n", 1))
        scene.restart()
        before = footprint(scene.gateway.home)
        refused(scene)
        after = footprint(scene.gateway.home)
        assert [after[name] for name in KEPT] == [before[name] for name in KEPT], "the queue goes on meanwhile, nothing enters"
        assert scene.station.get("/status").json()["accepting"] is False
        scene.sandbox.control("/reset", {})
        assert [states(scene.end(one)) for one in waiting] == [["delivered", "delivered"]] * 3
        settings.write_text(text)
        scene.restart()
        assert states(scene.sent(deliver=TO_DOCTOR)) == ["delivered"]


def test_mss18_on_a_full_disk_nothing_is_lost_and_nothing_left_behind(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, played(disk, settings=NO_RESERVE, services=tmp_path / "sandbox") as scene:
        assert states(scene.sent(deliver=ONLY_DMP | TO_DOCTOR)) == ["delivered", "delivered"]
        scene.sandbox.fault("dmp", "unavailable", count=0)
        waiting = scene.send(deliver=ONLY_DMP | TO_DOCTOR)
        eventually(lambda: states(scene.read(waiting))[1] == "delivered")
        before = footprint(scene.gateway.home)
        ballast = fill(disk)
        for _time in range(3):
            refused(scene)
        assert scene.station.get("/status").status_code == 200
        scene.sandbox.control("/reset", {})
        time.sleep(1)
        ballast.unlink()
        end = scene.end(waiting)
        assert states(end) == ["delivered", "delivered"]
        assert [one["times_committed"] for one in scene.held_in_dmp(end)] == [1]
        after = footprint(scene.gateway.home)
        assert after["documents"] == before["documents"]
        assert states(scene.sent(deliver=ONLY_DMP)) == ["delivered"]


def test_mss18_a_box_that_dies_on_a_full_disk_starts_again_once_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, played(disk, settings=NO_RESERVE, services=tmp_path / "sandbox") as scene:
        scene.sandbox.fault("dmp", "unavailable", count=0)
        waiting = scene.send(deliver=ONLY_DMP)
        ballast = fill(disk)
        refused(scene)
        scene.station.close()
        scene.gateway.kill()
        ballast.unlink()
        scene.sandbox.control("/reset", {})
        scene.gateway.start()
        scene.station = Workstation(scene.gateway)
        assert states(scene.end(waiting)) == ["delivered"]
        assert [one["times_committed"] for one in scene.held_in_dmp(waiting)] == [1]


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    with played(tmp_path) as scene:
        scene.station.close()
        scene.gateway.stop()
        scene.gateway.log = Path("/dev/full")
        scene.gateway.start()
        scene.station = Workstation(scene.gateway)
        scene.sandbox.fault("dmp", "busy", count=2)
        assert states(scene.sent(deliver=ONLY_DMP)) == ["delivered"]
