"""What protects the service: one call at a time, a pace, people first, a pause after failures. Time is set by hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial

import pytest

from gateway.ins.errors import InsiPaused, InsiRefused, InsiUnavailable
from gateway.ins.line import Breaker, Line
from gateway.kernel.clock import ClockNotTrusted, FrozenClock
from gateway.kernel.config import Insi

START = datetime(2026, 11, 24, 13, 5, tzinfo=UTC)


class Calls:
    """Calls that end when the test says so, and when each began."""

    def __init__(self, clock: FrozenClock) -> None:
        self.clock = clock
        self.begun: list[tuple[str, float]] = []
        self.flying = 0
        self.most = 0
        self.gate = asyncio.Event()

    async def make(self, name: str) -> str:
        self.begun.append((name, self.clock.monotonic()))
        self.flying += 1
        self.most = max(self.most, self.flying)
        try:
            await self.gate.wait()
        finally:
            self.flying -= 1
        return name


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(START)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def fails(error: Exception) -> None:
    raise error


async def works() -> str:
    return "ok"


async def test_one_call_in_flight_and_people_first(clock: FrozenClock) -> None:
    line, calls = Line(Insi(), clock), Calls(clock)
    order = [("own 1", False), ("own 2", False), ("person 1", True), ("own 3", False), ("person 2", True)]
    tasks = [asyncio.create_task(line.run(partial(calls.make, name), urgent=urgent)) for name, urgent in order]
    await settle()
    assert [name for name, _ in calls.begun] == ["own 1"]
    calls.gate.set()
    assert await asyncio.gather(*tasks) == [name for name, _ in order]
    assert [name for name, _ in calls.begun] == ["own 1", "person 1", "person 2", "own 2", "own 3"]
    assert calls.most == 1


async def test_a20_calls_keep_their_distance(clock: FrozenClock) -> None:
    line, calls = Line(Insi(calls_per_second=2.0), clock), Calls(clock)
    calls.gate.set()
    for number in range(4):
        await line.run(partial(calls.make, str(number)), urgent=True)
    assert [moment for _, moment in calls.begun] == [0.0, 0.5, 1.0, 1.5]
    clock.advance(60)
    await line.run(lambda: calls.make("late"), urgent=True)
    assert calls.begun[-1][1] == 61.5


async def test_a_waiter_that_gives_up_blocks_nobody(clock: FrozenClock) -> None:
    line, calls = Line(Insi(), clock), Calls(clock)
    first = asyncio.create_task(line.run(lambda: calls.make("first"), urgent=True))
    await settle()
    second = asyncio.create_task(line.run(lambda: calls.make("second"), urgent=True))
    third = asyncio.create_task(line.run(lambda: calls.make("third"), urgent=True))
    await settle()
    second.cancel()
    await settle()
    calls.gate.set()
    assert [await first, await third] == ["first", "third"]
    assert second.cancelled()


async def test_a_waiter_cancelled_as_its_turn_comes_hands_it_on(clock: FrozenClock) -> None:
    line, calls = Line(Insi(), clock), Calls(clock)
    first = asyncio.create_task(line.run(lambda: calls.make("first"), urgent=True))
    await settle()
    second = asyncio.create_task(line.run(lambda: calls.make("second"), urgent=True))
    third = asyncio.create_task(line.run(lambda: calls.make("third"), urgent=True))
    await settle()
    calls.gate.set()
    first.add_done_callback(lambda _: second.cancel())
    assert await first == "first"
    assert await third == "third"
    assert await asyncio.gather(second, return_exceptions=True)


async def test_a_cancelled_call_frees_the_line_and_blames_nobody(clock: FrozenClock) -> None:
    line, calls = Line(Insi(open_after=1), clock), Calls(clock)
    flying = asyncio.create_task(line.run(lambda: calls.make("slow"), urgent=True))
    await settle()
    flying.cancel()
    await settle()
    assert not line.breaker.open
    assert await line.run(works, urgent=True) == "ok"


async def test_the_service_is_left_alone_after_failures_and_tried_again(clock: FrozenClock) -> None:
    line = Line(Insi(), clock)
    for _ in range(5):
        with pytest.raises(InsiUnavailable):
            await line.run(lambda: fails(InsiUnavailable()), urgent=True)
    assert line.breaker.open
    assert line.breaker.wait == pytest.approx(32.0)
    with pytest.raises(InsiPaused) as pause:
        await line.run(works, urgent=True)
    assert pause.value.least_wait == pytest.approx(32.0)
    clock.advance(32)
    with pytest.raises(InsiUnavailable):
        await line.run(lambda: fails(InsiUnavailable()), urgent=False)
    assert line.breaker.wait == pytest.approx(64.0)
    clock.advance(64)
    assert await line.run(works, urgent=True) == "ok"
    assert line.breaker.wait == 0.0
    assert await line.run(works, urgent=False) == "ok"


async def test_the_pause_has_a_ceiling(clock: FrozenClock) -> None:
    breaker = Breaker(Insi(), clock)
    for _ in range(2000):
        breaker.leave(InsiUnavailable())
    assert breaker.wait == 300.0


async def test_one_trial_at_a_time_over_both_lines(clock: FrozenClock) -> None:
    settings = Insi(open_after=1)
    breaker = Breaker(settings, clock)
    people, own, calls = Line(settings, clock, breaker), Line(settings, clock, breaker), Calls(clock)
    with pytest.raises(InsiUnavailable):
        await own.run(lambda: fails(InsiUnavailable()), urgent=False)
    clock.advance(300)
    trial = asyncio.create_task(own.run(lambda: calls.make("trial"), urgent=False))
    await settle()
    with pytest.raises(InsiPaused) as pause:
        await people.run(works, urgent=True)
    assert pause.value.least_wait >= 1.0
    calls.gate.set()
    assert await trial == "trial"
    assert await people.run(works, urgent=True) == "ok"


async def test_refusals_are_answers_and_troubles_of_the_box_say_nothing(clock: FrozenClock) -> None:
    line = Line(Insi(open_after=2), clock)
    for error in (InsiUnavailable(), InsiRefused(), InsiUnavailable(), ClockNotTrusted()):
        with pytest.raises(type(error)):
            await line.run(partial(fails, error), urgent=True)
        assert not line.breaker.open
    with pytest.raises(InsiUnavailable):
        await line.run(lambda: fails(InsiUnavailable()), urgent=True)
    assert line.breaker.open


async def test_those_who_waited_while_it_opened_are_told_without_a_call(clock: FrozenClock) -> None:
    line, calls = Line(Insi(open_after=1), clock), Calls(clock)

    async def down() -> None:
        await calls.make("first")
        raise InsiUnavailable

    first = asyncio.create_task(line.run(down, urgent=True))
    await settle()
    second = asyncio.create_task(line.run(lambda: calls.make("second"), urgent=True))
    await settle()
    calls.gate.set()
    outcomes = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(one) for one in outcomes] == [InsiUnavailable, InsiPaused]
    assert [name for name, _ in calls.begun] == ["first"]
