"""GET /events: Server-Sent Events, `Last-Event-ID` honoured, a comment now and then so that a dead line is noticed.

Who calls is asked again as often, and a workstation that is revoked hears nothing more from that instant on.
"""

from __future__ import annotations

import asyncio
import re
import time
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Protocol

import msgspec
from litestar import Request, get
from litestar.di import NamedDependency as Given
from litestar.response import Stream

from gateway.api.callers import caller_of
from gateway.api.problems import ParameterInvalid
from gateway.api.server import STOPPING
from gateway.flow.caller import Caller
from gateway.flow.errors import Unauthenticated
from gateway.flow.relay import Relay
from gateway.kernel.errors import RelaisError

LAST_PATTERN = r"^[0-9]{1,18}$"
HEARTBEAT_SECONDS = 15.0

_LAST = re.compile(LAST_PATTERN)
_COMMENT = b": toujours la\n\n"


@get("/events")
async def follow_events(request: Request[Any, Any, Any], relay: Given[Relay], caller: Given[Caller]) -> Stream:
    """Events of the caller's documents and identities, from the one after Last-Event-ID, or from now on.

    Raises RateLimited for one stream too many."""
    last = request.headers.get("last-event-id")
    if last is not None and not _LAST.fullmatch(last):
        raise ParameterInvalid(field="Last-Event-ID")
    hang_up = relay.gate.take_line(caller.workstation)
    events = relay.reader.events(caller, int(last) if last is not None else None)
    stop = request.app.state.get(STOPPING) or asyncio.Event()

    return event_stream(request, relay, events, (stop, relay.gate.ending(caller.workstation)), hang_up)


class Told(Protocol):
    """One thing to tell: its number, its kind, and what is said of it."""

    @property
    def id(self) -> int:
        """For `Last-Event-ID`."""
        ...

    @property
    def kind(self) -> str:
        """The name of the event."""
        ...

    @property
    def data(self) -> Any:
        """As JSON."""
        ...


def event_stream(
    request: Request[Any, Any, Any],
    relay: Relay,
    events: AsyncGenerator[Told | None, None],
    ends: tuple[asyncio.Event, ...],
    hang_up: Callable[[], None],
) -> Stream:
    """The answer that tells these events as they come, until one of `ends` is set; None of them becomes a comment.

    `hang_up` is called at the end, at least once."""

    async def still_known() -> bool:
        try:
            await caller_of(request, relay)
        except Unauthenticated:
            return False
        except RelaisError:
            return True
        return True

    lines = _lines(events, ends, still_known, hang_up)
    weakref.finalize(lines, hang_up)  # a caller gone before the first line leaves a generator that never ran
    return Stream(lines, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _line(event: Told) -> bytes:
    return f"id: {event.id}\nevent: {event.kind}\ndata: ".encode() + msgspec.json.encode(event.data) + b"\n\n"


async def _lines(
    events: AsyncGenerator[Told | None, None],
    ends: tuple[asyncio.Event, ...],
    still_known: Callable[[], Awaitable[bool]],
    hang_up: Callable[[], None],
) -> AsyncIterator[bytes]:
    """The events as they come, until the caller goes away or is known no more, or the box stops."""
    asked = time.monotonic()
    endings = [asyncio.ensure_future(one.wait()) for one in ends]
    pending: asyncio.Future[Told | None] | None = None
    async with aclosing(events):
        try:
            while not any(one.is_set() for one in ends):
                pending = pending or asyncio.ensure_future(anext(events))
                waited: set[asyncio.Future[Any]] = {pending, *endings}
                await asyncio.wait(waited, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if any(one.is_set() for one in ends):
                    return
                if time.monotonic() - asked >= HEARTBEAT_SECONDS:
                    if not await still_known():
                        return
                    asked = time.monotonic()
                if not pending.done():
                    yield _COMMENT
                    continue
                try:
                    event, pending = pending.result(), None
                except StopAsyncIteration:
                    pending = None
                    return
                yield _COMMENT if event is None else _line(event)
        finally:
            hang_up()
            left = [one for one in (pending, *endings) if one is not None]
            for one in left:
                one.cancel()
            await asyncio.gather(*left, return_exceptions=True)
