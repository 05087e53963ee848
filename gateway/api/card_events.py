"""GET /card-events: what happens at the readers, as Server-Sent Events; `Last-Event-ID` honoured as long as the box remembers (cards.md 6).

Numbers are apart from those of /events: nothing here is in the journal.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency as Given
from litestar.response import Stream

from gateway.api.events import LAST_PATTERN, event_stream
from gateway.api.problems import ParameterInvalid
from gateway.api.server import STOPPING
from gateway.flow.caller import Caller
from gateway.flow.relay import Relay

_LAST = re.compile(LAST_PATTERN)


@get("/card-events")
async def follow_card_events(request: Request[Any, Any, Any], relay: Given[Relay], caller: Given[Caller]) -> Stream:
    """Cards of the caller's reader, and readers of the box, as they come and go. Raises RateLimited for one stream too many."""
    last = request.headers.get("last-event-id")
    if last is not None and not _LAST.fullmatch(last):
        raise ParameterInvalid(field="Last-Event-ID")
    hang_up = relay.gate.take_line(caller.workstation)
    events = relay.card_lines.follow(caller, int(last) if last is not None else None)
    stop = request.app.state.get(STOPPING) or asyncio.Event()
    return event_stream(request, relay, events, (stop, relay.gate.ending(caller.workstation)), hang_up)
