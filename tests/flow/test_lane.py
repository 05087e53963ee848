from __future__ import annotations

from datetime import UTC, datetime

from gateway.flow.lane import Lane
from gateway.kernel.clock import FrozenClock
from gateway.kernel.config import Retry
from gateway.kernel.errors import ConfigurationFault, Held, PermanentFault, TransientFault


def lane(concurrency: int = 4) -> tuple[Lane, FrozenClock]:
    clock = FrozenClock(datetime(2026, 11, 24, tzinfo=UTC))
    return Lane("s/dmp", concurrency, Retry(dead_after=3, probe_every=30), clock), clock


def test_three_failures_in_a_row_mark_the_destination_dead() -> None:
    one, _ = lane()
    seen = []
    for _attempt in range(3):
        one.account(TransientFault())
        seen.append((one.dead, one.room()))
    assert seen == [(False, 4), (False, 4), (True, 0)]


def test_an_answer_between_failures_keeps_it_alive() -> None:
    one, _ = lane()
    for _attempt in range(5):
        one.account(TransientFault())
        assert one.account(None) is False
        one.account(PermanentFault())
    assert not one.dead


def test_trouble_of_one_item_says_nothing_of_the_destination() -> None:
    class Greylisted(TransientFault):
        item_only = True

    one, _ = lane()
    for _attempt in range(5):
        one.account(Greylisted())
    assert not one.dead


def test_a_wrong_setting_stops_at_once() -> None:
    one, _ = lane()
    one.account(ConfigurationFault())
    assert one.dead
    assert one.trouble is not None


def test_a_dead_destination_gets_one_probe_at_a_time() -> None:
    one, clock = lane()
    one.account(ConfigurationFault())
    clock.advance(31)
    assert one.room() == 1
    one.running.add("d")
    assert one.room() == 0
    one.running.discard("d")
    one.account(TransientFault())
    assert one.room() == 0


def test_any_answer_brings_it_back() -> None:
    for answer in (None, PermanentFault(), Held()):
        one, _ = lane()
        one.account(ConfigurationFault())
        assert one.account(answer) is True
        assert one.room() == 4
        assert one.account(answer) is False


def test_old_and_new_alternate() -> None:
    one, _ = lane()
    assert [one.take_turn() for _ in range(4)] == [True, False, True, False]
