"""Gestures that race with the work: what was said to be cancelled never leaves, what was not leaves once."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest
from typing_extensions import override

from tests.end_to_end.scene import ONLY_DMP, ORDONNANCE, TO_DOCTOR, Scene, person
from tests.rig.caller import Workstation, request, states

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("e2e-gestures")]

THREADS, EACH = 4, 12


class Hand(threading.Thread):
    """Sends documents and at once changes its mind about them, at random."""

    def __init__(self, scene: Scene, seed: int) -> None:
        super().__init__(daemon=True)
        self._scene = scene
        self._chance = random.Random(seed)
        self.cancelled: list[dict[str, Any]] = []
        self.others: list[dict[str, Any]] = []
        self.surprises: list[str] = []

    @override
    def run(self) -> None:
        station = Workstation(self._scene.gateway)
        for number in range(EACH):
            patient = person()
            self._scene.tell(patient, "active")
            receipt = station.send(ORDONNANCE, request(patient=patient, deliver=ONLY_DMP | TO_DOCTOR), key=f"{id(self)}-{number}").json()
            threading.Event().wait(self._chance.uniform(0, 0.08))
            if self._chance.random() < 0.6:
                answer = station.post(f"/documents/{receipt['id']}/cancel")
                (self.cancelled if answer.status_code == 200 else self.others).append(receipt)
                self._note(answer.status_code, (200, 409), answer.text)
                continue
            for gesture in ("hold", "release", "retry"):
                for delivery in receipt["deliveries"]:
                    answer = station.post(f"/deliveries/{delivery['id']}/{gesture}")
                    self._note(answer.status_code, (200, 409), answer.text)
            self.others.append(receipt)
        station.close()

    def _note(self, status: int, expected: tuple[int, ...], text: str) -> None:
        if status not in expected:
            self.surprises.append(text)


def test_what_was_cancelled_never_leaves_and_the_rest_leaves_once(scene: Scene) -> None:
    hands = [Hand(scene, seed) for seed in range(THREADS)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join(90)
    assert [one for hand in hands for one in hand.surprises] == []
    assert scene.gateway.process is not None
    assert scene.gateway.process.poll() is None, scene.gateway.told()
    cancelled = [scene.read(one) for hand in hands for one in hand.cancelled]
    others = [one for hand in hands for one in hand.others]
    assert len(cancelled) + len(others) == THREADS * EACH
    assert cancelled
    assert others
    assert {tuple(states(one)) for one in cancelled} <= {("cancelled", "cancelled")}
    assert [scene.held_in_dmp(one) for one in cancelled] == [[]] * len(cancelled)
    for one in others:
        receipt = scene.read(one)
        for delivery in receipt["deliveries"]:
            if delivery["state"] == "held":
                assert scene.station.post(f"/deliveries/{delivery['id']}/release").status_code == 200
        end = scene.end(one)
        assert states(end) == ["delivered", "delivered"], end
        assert [line["times_committed"] for line in scene.held_in_dmp(end)] == [1]
    assert {line["times_received"] for line in scene.sandbox.control("/ledger/mss")} <= {1}
    assert "unexpected error" not in scene.gateway.log.read_text()
