"""A mail whose answer was lost keeps its doubt: it is never said refused or cancelled while it may have arrived."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.end_to_end.scene import TO_DOCTOR, UNHURRIED, Scene, eventually, played
from tests.rig.caller import codes, states

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("e2e-mss-doubt")]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    settings = UNHURRIED.replace("mail_unknown_wait = 0.3", "mail_unknown_wait = 2.0")
    with played(tmp_path_factory.mktemp("doubt"), settings=settings) as one:
        yield one


def test_mss16_a_mail_in_doubt_refused_at_its_second_try_waits_for_a_person(scene: Scene) -> None:
    scene.sandbox.fault("mss", "lost_answer")
    receipt = scene.send(deliver=TO_DOCTOR)
    eventually(lambda: states(scene.read(receipt)) == ["unknown"])
    scene.sandbox.fault("mss", "550_rcpt")
    held = scene.end(receipt)
    assert (states(held), codes(held)) == (["held"], ["perhaps-delivered"])
    refusal = scene.station.post(f"/documents/{receipt['id']}/cancel")
    assert (refusal.status_code, refusal.json()["code"]) == (409, "already-sent")
    assert scene.station.post(f"/deliveries/{receipt['deliveries'][0]['id']}/retry").status_code == 200
    assert states(scene.end(receipt)) == ["delivered"]


def test_mss16_a_mail_in_doubt_is_not_cancelled_while_the_operator_is_away(scene: Scene) -> None:
    scene.sandbox.fault("mss", "lost_answer")
    receipt = scene.send(deliver=TO_DOCTOR)
    eventually(lambda: states(scene.read(receipt)) == ["unknown"])
    scene.sandbox.fault("mss", "421_mail", count=0)
    eventually(lambda: codes(scene.read(receipt)) == ["operator-unavailable"])
    assert states(scene.read(receipt)) == ["unknown"]
    assert scene.station.post(f"/documents/{receipt['id']}/cancel").status_code == 409
    scene.sandbox.control("/reset", {})
    assert states(scene.end(receipt)) == ["delivered"]
