from __future__ import annotations

import asyncio

import pytest

from gateway.journal.grouping import Grouping, Outcomes


class Recorder:
    """Runs groups when told; keeps what they were."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.go = asyncio.Event()

    async def run(self, members: list[int]) -> Outcomes:
        self.groups.append(members)
        await self.go.wait()
        if 13 in members:
            raise ArithmeticError(str(members))
        return [LookupError(str(one)) if one < 0 else None for one in members]


async def test_what_waits_goes_together_and_each_learns_its_own_end() -> None:
    recorder = Recorder()
    grouping = Grouping(recorder.run)
    first = asyncio.create_task(grouping.join(1))
    await asyncio.sleep(0.01)
    others = [asyncio.create_task(grouping.join(number)) for number in (2, -3, 4)]
    await asyncio.sleep(0.01)
    recorder.go.set()
    assert await asyncio.gather(first, *others, return_exceptions=True) != [None] * 4
    assert recorder.groups == [[1], [2, -3, 4]]
    assert [type(one.exception()) for one in others] == [type(None), LookupError, type(None)]
    await grouping.idle()


async def test_a_group_that_fails_tells_everybody_and_the_next_one_runs() -> None:
    recorder = Recorder()
    recorder.go.set()
    grouping = Grouping(recorder.run)
    outcomes = await asyncio.gather(grouping.join(1), grouping.join(13), return_exceptions=True)
    assert [type(one) for one in outcomes] == [ArithmeticError, ArithmeticError]
    await grouping.join(2)
    assert recorder.groups == [[1, 13], [2]]


async def test_no_group_is_larger_than_its_bound() -> None:
    recorder = Recorder()
    recorder.go.set()
    grouping = Grouping(recorder.run)
    await asyncio.gather(*(grouping.join(number) for number in range(100, 700)))
    assert [len(group) for group in recorder.groups] == [256, 256, 88]


async def test_a_wait_cancelled_in_time_withdraws_its_member() -> None:
    recorder = Recorder()
    grouping = Grouping(recorder.run)
    running = asyncio.create_task(grouping.join(1))
    await asyncio.sleep(0.01)
    waiting = asyncio.create_task(grouping.join(2))
    await asyncio.sleep(0.01)
    waiting.cancel()
    running.cancel()
    recorder.go.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(asyncio.CancelledError):
        await running
    await grouping.idle()
    assert recorder.groups == [[1]]
