"""GET /status: the bare `ok` for anybody, the whole for a paired workstation."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get

from gateway.api.answers import REFUSALS
from gateway.api.callers import caller_of
from gateway.flow.relay import Relay
from gateway.flow.status import StatusView


class BareStatus(msgspec.Struct, frozen=True, kw_only=True):
    """True when documents are accepted."""

    ok: bool


@get("/status", responses=REFUSALS(400, 401, 429), summary="État du boîtier")
async def read_status(request: Request[Any, Any, Any], relay: Relay) -> Response[BareStatus | StatusView]:
    """Without a token, only whether documents are accepted; with one, destinations, queue, clock, disk, certificates."""
    headers = {"Cache-Control": "no-store"}
    if "authorization" not in request.headers:
        return Response(BareStatus(ok=await relay.status.ok()), headers=headers)
    caller = await caller_of(request, relay)
    return Response(await relay.status.view(None if caller.sees_all else caller.structures), headers=headers)
