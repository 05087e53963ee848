"""GET /events over a real connection: order, resumption, heartbeat, and who sees what."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx
import pytest

from gateway.api import events
from tests.api.judge import check_answer, check_event, check_problem
from tests.api.rig import Box, Served, request_part, served

DMP_ONLY = {"dmp": True}


async def told(answer: httpx.Response) -> AsyncIterator[dict[str, str]]:
    """Each block of the stream as a browser would take it: comments under the name ''."""
    block: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if not line:
            yield block
            block = {}
        else:
            name, _, value = line.partition(":")
            block[name] = value.removeprefix(" ")


async def take(answer: httpx.Response, count: int, family: str = "document.") -> list[dict[str, str]]:
    """The next events of a family, comments left out."""
    found: list[dict[str, str]] = []
    async with asyncio.timeout(10), aclosing(told(answer)) as blocks:  # type: ignore[type-var]
        async for block in blocks:
            if block.get("event", "").startswith(family):
                check_event(block["event"], json.loads(block["data"]))
                found.append(block)
            if len(found) == count:
                break
    return found


async def test_events_come_as_they_happen_with_the_receipt(here: Served) -> None:
    async with here.client() as client, client.stream("GET", "/api/v1/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        receipt = await here.box.accept(request_part(deliver=DMP_ONLY))
        [accepted] = await take(answer, 1)
    assert accepted["event"] == "document.accepted"
    assert json.loads(accepted["data"]) == receipt


async def test_last_event_id_resumes_right_after(here: Served) -> None:
    receipts = [await here.box.accept(request_part(deliver=DMP_ONLY)) for _ in range(4)]
    async with here.client() as client:
        async with client.stream("GET", "/api/v1/events", headers={"Last-Event-ID": "0"}) as answer:
            first, second = await take(answer, 2)
        async with client.stream("GET", "/api/v1/events", headers={"Last-Event-ID": second["id"]}) as answer:
            rest = await take(answer, 2)
    seen = [json.loads(one["data"])["id"] for one in (first, second, *rest)]
    assert seen == [one["id"] for one in receipts]
    assert [int(one["id"]) for one in (first, second, *rest)] == sorted({int(one["id"]) for one in (first, second, *rest)})


async def test_without_a_number_only_what_is_new_comes(here: Served) -> None:
    await here.box.accept(request_part(deliver=DMP_ONLY))
    async with here.client() as client, client.stream("GET", "/api/v1/events") as answer:
        new = await here.box.accept(request_part(deliver=DMP_ONLY))
        [event] = await take(answer, 1)
    assert json.loads(event["data"])["id"] == new["id"]


async def test_another_workstation_hears_nothing_of_it(here: Served) -> None:
    async with here.client(here.box.other_token) as client, client.stream("GET", "/api/v1/events") as answer:
        await here.box.accept(request_part(deliver=DMP_ONLY))
        mine = await here.box.accept(request_part(deliver=DMP_ONLY), token=here.box.other_token)
        [event] = await take(answer, 1)
    assert json.loads(event["data"])["id"] == mine["id"]


async def test_an_identity_that_changes_is_told_to_every_workstation_of_its_structure_without_a_trait(here: Served) -> None:
    async with here.client(here.box.other_token) as client, client.stream("GET", "/api/v1/events") as answer:
        await here.box.accept(request_part(deliver=DMP_ONLY))
        [event] = await take(answer, 1, "identity.")
    assert event["event"] == "identity.changed"
    said = json.loads(event["data"])
    assert set(said) == {"structure", "local_id", "status", "task"}
    assert said["status"] == "QUAL"


async def test_a_gesture_is_an_event(here: Served) -> None:
    receipt = await here.box.accept(request_part(deliver=DMP_ONLY))
    async with here.client() as client, client.stream("GET", "/api/v1/events") as answer:
        await client.post(f"/api/v1/documents/{receipt['id']}/cancel")
        [event] = await take(answer, 1)
    assert (event["event"], json.loads(event["data"])["state"]) == ("document.changed", "cancelled")


async def test_a_silent_line_beats(here: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.05)
    async with here.client() as client, client.stream("GET", "/api/v1/events") as answer:
        beats = 0
        async with asyncio.timeout(10):
            async for block in told(answer):
                assert set(block) == {""}
                beats += 1
                if beats == 4:
                    break


async def test_who_goes_away_is_forgotten(here: Served) -> None:
    listeners = here.box.books._listeners
    async with here.client() as client:
        for _ in range(3):
            async with client.stream("GET", "/api/v1/events") as answer:
                await here.box.accept(request_part(deliver=DMP_ONLY))
                await take(answer, 1)
                assert len(listeners) == 1
            async with asyncio.timeout(10):
                while listeners:  # noqa: ASYNC110 - nobody announces it
                    await asyncio.sleep(0.01)


async def test_a_listener_does_not_hold_the_box_back_when_it_stops(box: Box) -> None:
    async with served(box) as here:
        client = here.client()
        answer = await client.send(client.build_request("GET", "/api/v1/events"), stream=True)
        before = time.monotonic()
    assert time.monotonic() - before < 5
    assert [block async for block in told(answer) if "id" in block] == []
    await client.aclose()


@pytest.mark.parametrize("last", ["-1", "a", "1.5", "9" * 19, "٣"])
async def test_a_number_that_is_none_is_refused(box: Box, last: str) -> None:
    async with box.client() as client:
        answer = await client.get("/api/v1/events", headers=[(b"Last-Event-ID", last.encode())])
    check_answer(answer, "/events")
    check_problem(answer, 400, "parameter-invalid", "Last-Event-ID")


async def test_a_stranger_hears_nothing(box: Box) -> None:
    async with box.client(None) as client:
        answer = await client.get("/api/v1/events")
    check_answer(answer, "/events")
    check_problem(answer, 401, "unauthenticated")
