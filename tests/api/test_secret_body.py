"""A body that held a PIN is overwritten once the request is answered, whatever came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.api.parts import Small
from tests.api.practice import ask, open_practice
from tests.api.rig import Box
from tests.api.teleservice import Teleservice
from tests.flow.carding import READERS, CpsInMemory, DevicesInMemory, carding

PIN = "86420975"


@pytest.fixture
def bodies(monkeypatch: pytest.MonkeyPatch) -> list[bytearray]:
    """Every body kept whole during the test, where it stands."""
    kept: list[bytearray] = []
    made = Small.__init__

    def remember(self: Small, *args: Any, **more: Any) -> None:
        made(self, *args, **more)
        kept.append(self.held)

    monkeypatch.setattr(Small, "__init__", remember)
    return kept


async def requests(box: Box, insertion: str, pin: str) -> list[int]:
    """The routes that take a PIN."""
    card = {"insertion_id": insertion, "pin": pin}
    sent = [
        (f"/readers/{READERS[0]}/card/sign", {**card, "items": [{"data": "aGk="}]}),
        (f"/readers/{READERS[0]}/card/situations", card),
        ("/ins/search", {"cps": {**card, "reader": READERS[0]}, "traits": {}}),
        ("/ins/search", {"cps": {**card, "reader": READERS[0]}}),
        ("/ins/vitale", {"cps": {**card, "reader": READERS[0]}}),
    ]
    return [(await ask(box, "POST", path, body, route=path.replace(READERS[0], "{reader_id}"))).status_code for path, body in sent]


async def test_nothing_of_a_pin_stays_in_a_body(tmp_path: Path, bodies: list[bytearray]) -> None:
    devices = DevicesInMemory()
    box = await open_practice(tmp_path, Teleservice(), devices=devices.call, card_url="https://insi.test/cps")
    async with carding(box.devices, devices):
        path = f"/readers/{READERS[0]}/pairing"
        await ask(box, "POST", path, {"paired": True}, route="/readers/{reader_id}/pairing")
        card = CpsInMemory()
        card.pin = PIN.encode()
        bodies.clear()
        assert await requests(box, devices.insert(0, card), PIN) == [200, 200, 422, 422, 422]
    assert len(bodies) == 5
    assert all(len(one) > 20 and not any(one) for one in bodies)
