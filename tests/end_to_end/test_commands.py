"""The commands as a person types them, beside a running box and without it."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from tests.end_to_end.command import Ended, relais
from tests.end_to_end.scene import EXAMPLES, ONLY_DMP, TO_DOCTOR, TO_PATIENT, Scene, eventually
from tests.rig.caller import request, states
from tests.rig.processes import ROOT, Gateway

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("e2e-commands")]

NOBODY = "01935f0e-0000-7000-8000-000000000000"


def queue(scene: Scene, *arguments: str) -> Ended:
    return relais("queue", "--home", str(scene.gateway.home), *arguments)


def told(done: Ended) -> Any:
    assert done.code == 0, done
    return json.loads(done.out)


@pytest.fixture(params=["running", "stopped"])
def box(scene: Scene, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """The scene, with two documents held and its gateway running or stopped."""
    scene.sent(scene.patient("none"), deliver=ONLY_DMP)
    if request.param == "stopped":
        scene.station.close()
        scene.gateway.stop()
    yield scene
    if request.param == "stopped":
        scene.restart()


def held_one(scene: Scene) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in told(queue(scene, "list", "--json")) if states(one) == ["held"])
    return found


def test_queue_lists_and_shows(box: Scene) -> None:
    held = held_one(box)
    assert told(queue(box, "show", held["id"], "--json")) == held
    plain = queue(box, "show", held["id"])
    assert held["id"] in plain.out
    assert "n'a pas de DMP" in plain.out
    assert held["id"] in queue(box, "list").out
    assert queue(box, "show", NOBODY).code == 1
    assert "[not-found]" in queue(box, "show", NOBODY).err
    assert queue(box, "show").code == 1


def test_queue_shape_tells_the_age_by_destination(box: Scene) -> None:
    shape = told(queue(box, "shape", "--json"))
    [lane] = [one for one in shape if one["state"] == "held"]
    assert lane["lane"].endswith("/dmp")
    assert lane["count"] >= 1
    assert lane["oldest_accepted_at"]
    assert lane["lane"] in queue(box, "shape").out


def test_queue_gestures(box: Scene) -> None:
    held = held_one(box)
    delivery = held["deliveries"][0]["id"]
    refused = queue(box, "hold", delivery)
    assert refused.code == 1
    assert "not-possible-now" in refused.err
    assert "en attente d'une action" in refused.err
    assert states(told(queue(box, "release", delivery, "--json"))) == ["queued"]
    if box.gateway.process is not None and box.gateway.process.poll() is not None:
        assert states(told(queue(box, "hold", delivery, "--json"))) == ["held"]
        assert states(told(queue(box, "retry", delivery, "--json"))) == ["queued"]
    else:
        eventually(lambda: states(told(queue(box, "show", held["id"], "--json"))) == ["held"])


def test_a_second_box_on_the_same_home_is_refused(scene: Scene) -> None:
    second = relais("serve", "--home", str(scene.gateway.home))
    assert second.code == 1
    assert "[home-busy]" in second.err
    assert states(scene.sent(deliver=TO_DOCTOR)) == ["delivered"]


def test_check_finds_a_good_box_good(box: Scene) -> None:
    home = str(box.gateway.home)
    eventually(lambda: list((box.gateway.home / "crl").glob("*.crl")))
    found = told(relais("check", "--home", home, "--json"))
    assert {one["severity"] for one in found} <= {"ok", "warning"}
    assert {"certificates", "clock", "disk", "queue", "audit-trail", "converter", "conformity-pack", "revocation-lists"} <= {
        one["check"] for one in found
    }
    plain = relais("check", "--home", home)
    assert plain.code == 0
    assert "✓" in plain.out


def test_check_finds_what_is_wrong(scene: Scene) -> None:
    sealed = next((scene.gateway.home / "keys").glob("*/sign.sealed"))
    away = sealed.rename(scene.gateway.home / "away")
    try:
        done = relais("check", "--home", str(scene.gateway.home), "--json")
        assert done.code == 1
        wrong = [one for one in json.loads(done.out) if one["severity"] == "error"]
        assert [one["check"] for one in wrong] == ["certificates"]
        assert wrong[0]["gesture"]
        assert relais("check", "--home", str(scene.gateway.home)).code == 1
    finally:
        away.rename(sealed)


def send(scene: Scene, described: dict[str, Any], folder: Path, *options: str, url: str | None = None, token: str | None = None) -> Ended:
    path = folder / "request.json"
    path.write_text(json.dumps(described))
    return relais(
        "send", "--url", url or scene.gateway.facts["api"], "--token", token or scene.gateway.token, "--ca", scene.gateway.facts["ca"],
        *options, str(EXAMPLES / "ordonnance.pdf"), str(path),
    )  # fmt: skip


class Hello(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>Bonjour</html>")

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@contextlib.contextmanager
def another_server() -> Iterator[str]:
    """Something at an address that is no box."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hello) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


def test_send_says_how_it_ended(scene: Scene, tmp_path: Path) -> None:
    delivered = send(scene, request(patient=scene.patient(), deliver=ONLY_DMP | TO_DOCTOR), tmp_path, "--wait")
    assert delivered.code == 0, delivered
    assert states(json.loads(delivered.out)) == ["delivered", "delivered"]
    accepted = send(scene, request(patient=scene.patient("none"), deliver=ONLY_DMP), tmp_path)
    assert accepted.code == 0
    held = send(scene, request(patient=scene.patient("closed"), deliver=ONLY_DMP), tmp_path, "--wait")
    assert (held.code, states(json.loads(held.out))) == (2, ["held"])


def test_send_says_what_was_refused_and_what_cannot_be_reached(scene: Scene, tmp_path: Path) -> None:
    wrong = request(patient=scene.patient() | {"sex": "X"}, deliver=TO_PATIENT)
    refused = send(scene, wrong, tmp_path)
    assert (refused.code, "[trait-invalid]" in refused.err) == (2, True)
    stranger = send(scene, request(), tmp_path, token="x" * 43)
    assert (stranger.code, "[unauthenticated]" in stranger.err) == (2, True)
    nowhere = send(scene, request(), tmp_path, url="https://127.0.0.1:1/api/v1")
    assert (nowhere.code, nowhere.out) == (3, "")
    with another_server() as address:
        elsewhere = send(scene, request(), tmp_path, url=address)
    assert (elsewhere.code, "n'est pas l'API" in elsewhere.err) == (3, True)
    malformed = send(scene, request(), tmp_path, url="https://[")
    assert malformed.code == 3
    assert "Traceback" not in nowhere.err + elsewhere.err + malformed.err


def test_version_is_the_project_s() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert relais("version") == Ended(0, f"{project['version']}\n", "")


def test_init_makes_a_home_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert relais("init", "--home", str(home)).code == 0
    assert (home / "relais.toml").exists()
    assert home.stat().st_mode & 0o077 == 0
    again = relais("init", "--home", str(home))
    assert (again.code, "[home-taken]" in again.err) == (1, True)
    blank = relais("serve", "--home", str(home))
    assert blank.code == 1
    assert "Traceback" not in blank.err
    alone = relais("init", "--home", str(tmp_path / "other"), "--sandbox", str(tmp_path / "nothing"))
    assert (alone.code, "[sandbox-unreachable]" in alone.err) == (1, True)
    assert relais("init", "--home", str(tmp_path / "other")).code == 0, "what failed left nothing that forbids to begin again"


def test_an_address_that_cannot_be_had_is_told(tmp_path: Path, scene: Scene) -> None:
    box = Gateway(tmp_path / "home")
    box.enrol(scene.sandbox)
    settings = box.home / "relais.toml"
    text = settings.read_text()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for wrong in (f"port = {taken.getsockname()[1]}", "port = 70000"):
            settings.write_text(text.replace("port = 0", wrong, 1))
            done = relais("serve", "--home", str(box.home))
            assert (done.code, "[listener-unavailable]" in done.err, "Traceback" in done.err) == (1, True, False), done


def test_a_home_that_is_none_is_told(tmp_path: Path) -> None:
    for command in (("serve",), ("check",), ("queue", "list"), ("conformity", "show")):
        done = relais(command[0], *command[1:], "--home", str(tmp_path / "nothing"))
        assert done.code == 1, command
        assert "Traceback" not in done.err, command
