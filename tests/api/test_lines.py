"""How many event streams a workstation may hold, and what becomes of them when it is revoked."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import msgspec
import pytest

from gateway.api import events
from gateway.flow.caller import Gate
from gateway.flow.errors import RateLimited
from gateway.journal.memory import MemoryStore
from gateway.kernel.clock import FrozenClock
from tests.api.judge import check_answer, check_problem
from tests.api.rig import NOW, Served


async def test_a_workstation_holds_four_streams_and_the_others_theirs(here: Served) -> None:
    async with here.client() as client, here.client(here.box.other_token) as other, AsyncExitStack() as stack:
        for _ in range(4):
            answer = await stack.enter_async_context(client.stream("GET", "/api/v1/events"))
            assert answer.status_code == 200
        refused = await client.get("/api/v1/events")
        check_answer(refused, "/events")
        check_problem(refused, 429, "rate-limited")
        assert (await stack.enter_async_context(other.stream("GET", "/api/v1/events"))).status_code == 200
    async with here.client() as client, asyncio.timeout(10):
        while True:
            async with client.stream("GET", "/api/v1/events") as answer:
                if answer.status_code == 200:
                    break
            await asyncio.sleep(0.02)


def test_a_stream_given_back_twice_counts_once() -> None:
    gate = Gate(MemoryStore(), FrozenClock(NOW), 600)
    first = gate.take_line("w")
    for _ in range(3):
        gate.take_line("w")
    first()
    first()
    gate.take_line("w")
    with pytest.raises(RateLimited):
        gate.take_line("w")


async def test_a_revoked_workstation_hears_nothing_more(here: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.2)
    async with here.client() as client, client.stream("GET", "/api/v1/events") as answer, asyncio.timeout(10):
        pieces = answer.aiter_bytes()
        assert await anext(pieces)
        await here.box.store.commit(msgspec.structs.replace(here.box.workstation, revoked=True))
        assert b"data:" not in b"".join([piece async for piece in pieces]), "the stream ended"
