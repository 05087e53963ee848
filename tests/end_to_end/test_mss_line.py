"""The line to the operator: nothing leaves over one that cannot be trusted, and everything waits for one that can."""

from __future__ import annotations

import json
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox.pki import Pki
from tests.end_to_end.captures import mails
from tests.end_to_end.scene import DOCTOR, STRUCTURE, TO_DOCTOR, Scene, eventually, played
from tests.rig.caller import codes, states

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("e2e-mss-line")]

LANE = f"{STRUCTURE}/mss"


def trouble(scene: Scene) -> str | None:
    found = [one for one in scene.station.get("/status").json()["upstreams"] if one["lane"] == LANE]
    return found[0]["trouble"]["code"] if found and found[0]["trouble"] else None


def waits_with(scene: Scene, code: str) -> list[dict[str, Any]]:
    """Send a few mails over the line as it is: the lane stops with this reason and nothing is received."""
    before = len(mails(scene.sandbox))
    receipts = [scene.send(deliver=TO_DOCTOR) for _mail in range(3)]
    eventually(lambda: trouble(scene) == code)
    seen = [scene.read(one) for one in receipts]
    assert {states(one)[0] for one in seen} <= {"queued", "running"}
    eventually(lambda: code in [codes(scene.read(one))[0] for one in receipts])
    explanation = next(one for one in map(scene.read, receipts) if codes(one) == [code])["deliveries"][0]["explanation"]
    assert explanation["who"]
    assert explanation["gesture"]
    assert len(mails(scene.sandbox)) == before
    return receipts


def all_leave(scene: Scene, receipts: list[dict[str, Any]]) -> None:
    assert [states(scene.end(one)) for one in receipts] == [["delivered"]] * len(receipts)
    assert trouble(scene) is None


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param("no_starttls", "operator-starttls-missing", id="mss01"),
        pytest.param("tls_1_1", "operator-tls-refused", id="mss02"),
        pytest.param("certificate_foreign", "operator-tls-refused", id="mss03"),
        pytest.param("certificate_expired", "operator-tls-refused", id="mss04"),
        pytest.param("certificate_other_host", "operator-tls-refused", id="mss06"),
    ],
)
def test_a_line_that_cannot_be_trusted_carries_nothing_and_the_queue_is_kept(scene: Scene, fault: str, code: str) -> None:
    scene.sandbox.fault("mss", fault, count=0)
    scene.restart()
    receipts = waits_with(scene, code)
    scene.sandbox.control("/reset", {})
    all_leave(scene, receipts)


def lists_held(scene: Scene) -> list[bytes]:
    return [path.read_bytes() for path in (scene.gateway.home / "crl").glob("*.crl")]


def restart_with_a_new_list(scene: Scene) -> None:
    before = lists_held(scene)
    scene.restart()
    eventually(lambda: lists_held(scene) and lists_held(scene) != before)


def test_mss05_a_revoked_server_is_refused(scene: Scene) -> None:
    scene.sandbox.fault("mss", "certificate_revoked", count=0)
    scene.restart()
    before = scene.sent(deliver=TO_DOCTOR)
    assert states(before) == ["delivered"], "issued and revoked just now: no list says so yet"
    restart_with_a_new_list(scene)
    receipts = waits_with(scene, "operator-tls-refused")
    scene.sandbox.control("/reset", {})
    all_leave(scene, receipts)


@pytest.mark.parametrize("fault", ["certificate_foreign", "certificate_expired", "certificate_other_host", "tls_1_1"])
def test_the_dmp_is_held_to_the_same_rules(scene: Scene, fault: str) -> None:
    scene.sandbox.fault("dmp", fault, count=0)
    scene.restart()
    receipt = scene.send(deliver={"dmp": True})
    eventually(lambda: codes(scene.read(receipt)) == ["tls-refused"])
    assert scene.read(receipt)["deliveries"][0]["state"] == "queued"
    scene.sandbox.control("/reset", {})
    assert states(scene.end(receipt)) == ["delivered"]


def test_mss05b_past_the_end_of_the_last_list_nothing_is_handed_over(tmp_path: Path) -> None:
    with played(tmp_path) as scene:
        assert states(scene.sent(deliver=TO_DOCTOR)) == ["delivered"]
        pki = Pki(scene.sandbox.folder / "pki")
        pki.publish_crl(next_update=datetime.now(UTC) + timedelta(seconds=1))
        restart_with_a_new_list(scene)
        time.sleep(1)
        receipts = waits_with(scene, "revocation-list-stale")
        assert states(scene.sent(deliver={"dmp": True})) == ["delivered"], "the DMP goes on with the last good list"
        pki.publish_crl()
        restart_with_a_new_list(scene)
        all_leave(scene, receipts)


def test_mss05b_the_last_good_list_serves_while_the_next_cannot_be_had(tmp_path: Path) -> None:
    with played(tmp_path) as scene:
        eventually(lambda: lists_held(scene))
        scene.sandbox.stop()
        ports = scene.sandbox.folder / "ports.json"
        with socket.create_server(("127.0.0.1", 0)) as other:
            ports.write_text(json.dumps(json.loads(ports.read_text()) | {"control": other.getsockname()[1]}))
        scene.sandbox.start()
        held = lists_held(scene)
        scene.restart()
        assert states(scene.sent(deliver=TO_DOCTOR)) == ["delivered"]
        eventually(lambda: "revocation list not renewed" in scene.gateway.log.read_text())
        assert lists_held(scene) == held
        assert len(mails(scene.sandbox, DOCTOR)) == 1
