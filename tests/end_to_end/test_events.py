"""The stream of events: what happens is told in order, and what was missed is told again."""

from __future__ import annotations

import contextlib
import json
import ssl
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.end_to_end.scene import ONLY_DMP, TO_DOCTOR, Scene, eventually
from tests.rig.caller import Workstation, states

pytestmark = pytest.mark.xdist_group("e2e-events")


@contextlib.contextmanager
def listening(scene: Scene, last: int | None = None) -> Iterator[Iterator[dict[str, Any]]]:
    """The events of documents as they come, each with its number and kind."""
    headers = {"Authorization": f"Bearer {scene.gateway.token}"} | ({"Last-Event-ID": str(last)} if last is not None else {})
    trust = ssl.create_default_context(cafile=scene.gateway.facts["ca"])
    with (
        httpx.Client(base_url=scene.gateway.facts["api"], headers=headers, verify=trust, timeout=30) as client,
        client.stream("GET", "/events") as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        if last is None:
            assert next(lines).startswith(":"), "a comment at once, so that the caller knows the line is open"
        yield _events(lines)


def _events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    found: dict[str, Any] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line == "" and found:
            if found["event"].startswith("document."):
                yield found
            found = {}
        elif name in ("id", "event", "data"):
            found[name] = json.loads(value) if name in ("id", "data") else value


def test_events_tell_the_life_of_a_document(scene: Scene) -> None:
    with listening(scene) as events:
        receipt = scene.send(deliver=ONLY_DMP | TO_DOCTOR)
        seen = []
        for event in events:
            seen.append(event)
            if event["data"]["state"] == "done":
                break
    assert {event["data"]["id"] for event in seen} == {receipt["id"]}
    assert seen[0]["event"] == "document.accepted"
    numbers = [event["id"] for event in seen]
    assert numbers == sorted(set(numbers))
    assert seen[-1]["data"] == scene.read(receipt)


def test_what_was_missed_is_told_after_the_last_number(scene: Scene) -> None:
    with listening(scene) as events:
        first = scene.send(deliver=TO_DOCTOR)
        last = next(events)["id"]
    scene.end(first)
    second = scene.sent(deliver=TO_DOCTOR)
    with listening(scene, last) as events:
        seen: list[str] = []
        while second["id"] not in seen:
            event = next(events)
            assert event["id"] > last
            last = event["id"]
            seen.append(event["data"]["id"])
    assert first["id"] in seen


def test_a_number_from_before_everything_gives_everything(scene: Scene) -> None:
    receipt = scene.sent(deliver=TO_DOCTOR)
    with listening(scene, 0) as events:
        ids = set()
        while receipt["id"] not in ids:
            event = next(events)
            ids.add(event["data"]["id"])
    assert len(ids) >= 1


def test_events_survive_a_restart(scene: Scene) -> None:
    with listening(scene) as events:
        receipt = scene.send(deliver=TO_DOCTOR)
        last = next(events)["id"]
    scene.end(receipt)
    scene.restart()
    with listening(scene, last) as events:
        assert next(events)["data"]["id"] == receipt["id"]


def test_a_listener_does_not_keep_the_box_from_stopping(scene: Scene) -> None:
    with listening(scene) as events:
        scene.send(deliver=TO_DOCTOR)
        assert next(events)["event"] == "document.accepted"
        scene.station.close()
        assert scene.gateway.stop() == 0
    scene.gateway.start()
    scene.station = Workstation(scene.gateway)
    eventually(lambda: scene.station.get("/status").status_code == 200)
    assert states(scene.sent(deliver=TO_DOCTOR)) == ["delivered"]


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 40])
def test_a_number_that_is_none_is_refused(scene: Scene, last: str) -> None:
    answer = scene.station.get("/events", headers={"Last-Event-ID": last})
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, "parameter-invalid", "Last-Event-ID")
