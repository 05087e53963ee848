"""The front panel of a running box: the program of the board on an emulated chip, the device process, `relais serve`, a new workstation.

The lamps are read at the pins of the chip, and the reset line too.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from firmware.panel.lamps import Lamp
from tests.end_to_end.scene import ONLY_DMP, STRUCTURE, UNHURRIED, Scene, eventually, played
from tests.firmware.panel.builds import image
from tests.firmware.panel.wire import Board, Wire
from tests.rig.processes import ROOT, environment

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("panel")]
FREE = (0, 0, 0x5EA70000)
"""What a panel keeps over a restart that has reset nothing for an hour."""
READY = {Lamp.GREEN}
PAIRING = {Lamp.GREEN, Lamp.GREEN | Lamp.BLUE}
IN_TURN = {Lamp.GREEN, Lamp.BLUE, Lamp.AMBER, Lamp.RED}
WATCHDOG = 60
GRACE = 15
"""Time enough to take it back from here."""


class Front:
    """A scene, the board before it, and the device process between them."""

    def __init__(self, scene: Scene, board: Board, wire: Wire, folder: Path) -> None:
        self.scene, self.board, self.wire = scene, board, wire
        self.home = scene.gateway.home
        self._settings = folder / "devices.json"
        self._settings.write_text(json.dumps({"panel": {"kind": "line", "line": str(wire.path)}}))
        self._socket = folder / "devices.sock"
        self.process: subprocess.Popen[bytes] | None = None

    def start_devices(self) -> None:
        arguments = ("--socket", str(self._socket), "--settings", str(self._settings))
        self.process = subprocess.Popen([sys.executable, "-m", "firmware.devices", *arguments], cwd=ROOT, env=environment())

    def stop_devices(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            self.process = None

    def status(self) -> dict[str, Any]:
        front: dict[str, Any] = self.scene.station.get("/status").json()["front"]
        return front

    def shows(self, lamps: set[Lamp]) -> bool:
        """Two seconds of the board, these and no others."""
        return set(self.board.sample(2000)) == lamps

    def blinks(self) -> int:
        """How often the blue lamp changes in two seconds."""
        lit = [Lamp.BLUE in one for one in self.board.sample(2000)]
        return sum(before != after for before, after in itertools.pairwise(lit))

    def hold(self, milliseconds: int) -> None:
        self.board.press(down=True)
        self.board.sample(milliseconds)
        self.board.press(down=False)
        self.board.sample(200)

    def pair(self, name: str) -> httpx.Response:
        """As a workstation without a token."""
        facts = self.scene.gateway.facts
        return httpx.post(f"{facts['api']}/pairing", json={"name": name}, verify=_trust(facts["ca"]), timeout=30)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """The whole box stands still."""
        processes = [one.pid for one in (self.scene.gateway.process, self.process) if one is not None]
        assert len(processes) == 2
        for one in processes:
            os.kill(one, signal.SIGSTOP)
        try:
            yield
        finally:
            for one in processes:
                os.kill(one, signal.SIGCONT)

    def resets(self) -> int:
        return len(self.board.ask(state=True)["resets"])


def _trust(ca: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca)


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    (tmp_path / "board").mkdir()
    board = Board(image(tmp_path / "board"))
    with contextlib.closing(board), contextlib.closing(Wire(board, tmp_path / "line")) as wire:
        settings = f'{UNHURRIED}\n[devices]\nstart = "service"\nsocket = "{tmp_path}/devices.sock"\npanel_watchdog_seconds = {WATCHDOG}\n'
        settings += f"[factory_reset]\ngrace_seconds = {GRACE}\n"
        with played(tmp_path / "box", settings=settings) as scene:
            one = Front(scene, board, wire, tmp_path)
            one.start_devices()
            try:
                yield one
            finally:
                one.stop_devices()


def test_a_press_lets_one_workstation_in(front: Front) -> None:
    eventually(lambda: front.shows(READY), 60)
    assert front.pair("Cabinet 1").json()["code"] == "pairing-closed"
    front.hold(300)
    eventually(lambda: front.status()["pairing"]["open"])
    eventually(lambda: front.shows(PAIRING) and front.blinks() >= 12)
    answers = [front.pair(f"Cabinet {number}") for number in (1, 2)]
    assert [one.status_code for one in answers] == [201, 403]
    eventually(lambda: front.shows(READY))
    known = httpx.get(
        f"{front.scene.gateway.facts['api']}/status",
        headers={"Authorization": f"Bearer {answers[0].json()['token']}"},
        verify=_trust(front.scene.gateway.facts["ca"]),
    )
    assert (known.status_code, known.json()["front"]["panel"]["fitted"]) == (200, True)

    front.hold(300)
    eventually(lambda: front.status()["pairing"]["open"])
    front.scene.gateway.kill()
    front.scene.gateway.start()
    front.scene.station.close()
    front.scene.station = type(front.scene.station)(front.scene.gateway)
    assert front.status()["pairing"]["open"] is False, "the window does not survive a restart"
    assert front.pair("Cabinet 2").status_code == 403
    eventually(lambda: front.shows(READY), 60)


def test_a_held_button_erases_the_box_unless_it_is_taken_back(front: Front) -> None:
    eventually(lambda: front.shows(READY), 60)
    kept = {one.name for one in front.home.iterdir()}
    front.hold(10_500)
    eventually(lambda: front.status()["reset"] is not None)
    eventually(lambda: front.shows(IN_TURN))
    assert front.scene.sent(deliver=ONLY_DMP)["state"] == "done", "documents go on leaving"
    front.scene.station.post("/reset/dismiss")
    assert front.status()["reset"] is None
    eventually(lambda: front.shows(READY))
    assert kept <= {one.name for one in front.home.iterdir()}, "nothing is erased"

    waiting = front.scene.send(patient=front.scene.patient(dmp=None, identity_status="PROV"), deliver=ONLY_DMP)
    marks = secrets_of(front.home) | {waiting["id"].encode(), waiting["document_unique_id"].encode()}
    assert all(mark in everything_in(front.home) for mark in marks)
    front.hold(10_500)
    gateway = front.scene.gateway.process
    assert gateway is not None
    assert gateway.wait(60 + GRACE) == 0
    assert {one.name for one in front.home.rglob("*")} == {"lock", "effacement.txt"}
    left = everything_in(front.home)
    assert not any(mark in left for mark in marks)
    receipt = (front.home / "effacement.txt").read_text("utf-8")
    assert receipt in front.scene.gateway.log.read_text("utf-8"), "shown on the console"
    assert "1 envoi n'était pas terminé" in receipt
    assert front.shows(IN_TURN), "not to be unplugged"
    again = subprocess.run(
        [sys.executable, "-m", "gateway", "serve", "--home", str(front.home)], check=False, cwd=ROOT, env=environment(), capture_output=True
    )
    assert again.returncode == 1
    assert b"not-provisioned" in again.stderr


def secrets_of(home: Path) -> set[bytes]:
    """Key, tokens, names: what must not be read again."""
    tokens = {(home / name).read_bytes().strip() for name in ("workstation-token", "operator-token")}
    return tokens | {(home / "box.key").read_bytes(), b"KERVELLA", b"LE GOFF", STRUCTURE.encode()}


def everything_in(home: Path) -> bytes:
    """Every byte of its files, and their names."""
    return b"\n".join(os.fsencode(one) + one.read_bytes() for one in sorted(home.rglob("*")) if one.is_file())


def test_the_watchdog_resets_a_frozen_box_and_never_one_that_was_stopped(front: Front) -> None:
    front.board.ask(kept=FREE)
    eventually(lambda: front.status()["panel"]["watchdog_armed"], 60)
    time.sleep(5)
    assert front.resets() == 0
    with front.frozen():
        front.board.sample((WATCHDOG - 10) * 1000, 100)
        assert front.resets() == 0, "not before its time"
        front.board.sample(15_000, 100)
        assert front.resets() == 1
    eventually(lambda: front.status()["panel"]["box_resets"] == 1, 60)

    front.scene.restart()
    eventually(lambda: front.status()["panel"]["watchdog_armed"], 60)
    assert front.scene.gateway.stop() == 0
    front.stop_devices()
    front.board.sample(3 * WATCHDOG * 1000, 1000)
    assert front.resets() == 1
    front.scene.gateway.start()


def test_a_device_process_that_dies_and_a_panel_that_is_pulled_out_are_found_again(front: Front) -> None:
    eventually(lambda: front.shows(READY), 60)
    front.stop_devices(signal.SIGKILL)
    eventually(lambda: front.status()["panel"]["connected"] is False)
    assert front.scene.sent(deliver=ONLY_DMP)["state"] == "done", "a box whose panel is away works"
    front.start_devices()
    eventually(lambda: front.status()["panel"]["connected"] is True, 60)
    eventually(lambda: front.shows(READY), 60)
    front.wire.unplug()
    eventually(lambda: front.status()["panel"]["trouble"] is not None, 60)
    assert front.status()["panel"]["trouble"]["code"] == "panel-silent"
    front.wire.plug()
    eventually(lambda: front.status()["panel"]["connected"] is True, 60)
    eventually(lambda: front.shows(READY), 60)
