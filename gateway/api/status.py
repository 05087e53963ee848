"""GET /status: the bare `ok` for anybody, the whole for a paired workstation."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, get
from litestar.di import NamedDependency as Given

from gateway.api.callers import caller_of, is_anonymous
from gateway.flow.relay import Relay
from gateway.flow.status import StatusView


class BareStatus(msgspec.Struct, frozen=True, kw_only=True):
    """True when documents are accepted."""

    ok: bool


@get("/status")
async def read_status(request: Request[Any, Any, Any], relay: Given[Relay]) -> BareStatus | StatusView:
    """Without a token, only whether documents are accepted; with one, destinations, queue, clock, disk, certificates."""
    if is_anonymous(request):
        return BareStatus(ok=await relay.status.ok())
    caller = await caller_of(request, relay)
    return await relay.status.view(None if caller.sees_all else caller.structures)
