"""GET /events: Server-Sent Events, `Last-Event-ID` honoured, a comment now and then so that a dead line is noticed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar import Request, get
from litestar.response import Stream

from gateway.api.answers import REFUSALS
from gateway.api.problems import ParameterInvalid
from gateway.flow.caller import Caller
from gateway.flow.relay import Relay
from gateway.flow.views import EventView

_HEARTBEAT = 15.0
_COMMENT = b": toujours la\n\n"


@get("/events", responses=REFUSALS(400, 401, 429, 503), summary="Suivre les événements", media_type="text/event-stream")
async def follow_events(request: Request[Any, Any, Any], relay: Relay, caller: Caller) -> Stream:
    """Events of the caller's documents, from the one after Last-Event-ID, or from now on."""
    last = request.headers.get("last-event-id")
    if last is not None and not (last.isascii() and last.isdigit() and len(last) <= 18):
        raise ParameterInvalid(field="Last-Event-ID")
    events = relay.reader.events(caller, int(last) if last is not None else None)
    return Stream(_lines(events), media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


async def _lines(events: AsyncIterator[EventView | None]) -> AsyncIterator[bytes]:
    yield _COMMENT
    pending: asyncio.Task[EventView | None] | None = None
    try:
        while True:
            pending = pending or asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait({pending}, timeout=_HEARTBEAT)
            if not done:
                yield _COMMENT
                continue
            event, pending = pending.result(), None
            if event is not None:
                yield f"id: {event.id}\nevent: {event.kind}\ndata: ".encode() + msgspec.json.encode(event.document) + b"\n\n"
    finally:
        if pending is not None:
            pending.cancel()
            await asyncio.gather(pending, return_exceptions=True)
