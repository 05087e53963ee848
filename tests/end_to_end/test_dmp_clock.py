"""Two minutes between our clock and theirs: the lane pauses, says why, loses nothing, and comes back by itself."""

from __future__ import annotations

import pytest

from tests.end_to_end.scene import ONLY_DMP, STRUCTURE, TO_DOCTOR, Scene, eventually
from tests.rig.caller import codes, states

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("e2e-dmp-clock")]

LANE = f"{STRUCTURE}/dmp"


def upstream(scene: Scene) -> dict[str, object]:
    [lane] = [one for one in scene.station.get("/status").json()["upstreams"] if one["lane"] == LANE]
    return dict(lane)


@pytest.mark.parametrize("skew", [120, -120])
def test_dmp32_a_clock_two_minutes_off_pauses_the_lane_and_loses_nothing(scene: Scene, skew: int) -> None:
    scene.sandbox.control("/clock", {"skew_seconds": skew})
    receipts = [scene.send(deliver=ONLY_DMP | TO_DOCTOR) for _document in range(6)]
    eventually(lambda: not upstream(scene)["answering"])
    trouble = upstream(scene)["trouble"]
    assert isinstance(trouble, dict)
    assert trouble["code"] == "clock-not-trusted"
    assert "heure" in trouble["what"].lower()
    eventually(lambda: all(states(scene.read(one))[1] == "delivered" for one in receipts))
    seen = [scene.read(one) for one in receipts]
    assert {states(one)[0] for one in seen} <= {"queued", "running"}, "the mail goes on, the DMP waits, nothing is held one by one"
    assert "clock-not-trusted" in [codes(one)[0] for one in seen]
    assert scene.sandbox.control("/ledger/dmp") == [] or not any(scene.held_in_dmp(one) for one in receipts)

    scene.sandbox.control("/clock", {"skew_seconds": 0})
    ends = [scene.end(one) for one in receipts]
    assert {tuple(states(one)) for one in ends} == {("delivered", "delivered")}
    assert [one["times_committed"] for end in ends for one in scene.held_in_dmp(end)] == [1] * 6
    assert upstream(scene)["answering"] is True


def test_dmp32_one_token_out_of_time_is_minted_again_without_anybody_noticing(scene: Scene) -> None:
    scene.sandbox.fault("dmp", "token_expired", count=1)
    end = scene.sent(deliver=ONLY_DMP)
    assert (states(end), end["deliveries"][0]["attempts"]) == (["delivered"], 1)
