"""Gestures by hand on one delivery: retry, hold, release, give up."""

from __future__ import annotations

from litestar import post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath

from gateway.flow.caller import Caller
from gateway.flow.relay import Relay
from gateway.flow.views import DocumentView


@post("/deliveries/{delivery_id:str}/retry", status_code=200)
async def retry_delivery(relay: Given[Relay], caller: Given[Caller], delivery_id: FromPath[str]) -> DocumentView:
    """Try again at once what waits or was refused."""
    return await relay.operations.retry(caller, delivery_id)


@post("/deliveries/{delivery_id:str}/hold", status_code=200)
async def hold_delivery(relay: Given[Relay], caller: Given[Caller], delivery_id: FromPath[str]) -> DocumentView:
    """Set a queued delivery aside."""
    return await relay.operations.hold(caller, delivery_id)


@post("/deliveries/{delivery_id:str}/release", status_code=200)
async def release_delivery(relay: Given[Relay], caller: Given[Caller], delivery_id: FromPath[str]) -> DocumentView:
    """Let a held delivery go, unless the identity still forbids it."""
    return await relay.operations.release(caller, delivery_id)


@post("/deliveries/{delivery_id:str}/cancel", status_code=200)
async def cancel_delivery(relay: Given[Relay], caller: Given[Caller], delivery_id: FromPath[str]) -> DocumentView:
    """Give up this delivery alone, if nothing of it has left; the others go on."""
    return await relay.operations.drop(caller, delivery_id)
