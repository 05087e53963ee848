"""Gestures by hand on one delivery: retry, hold, release."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, post
from litestar.params import Parameter

from gateway.api.answers import REFUSALS
from gateway.flow.caller import Caller
from gateway.flow.relay import Relay
from gateway.flow.views import DocumentView

DeliveryId = Annotated[str, Parameter(pattern=r"^[0-9a-f-]{36}$", description="Identifiant de l'envoi dans le récépissé.")]
_REFUSALS = REFUSALS(400, 401, 404, 409, 429, 503)
_NO_STORE = {"Cache-Control": "no-store"}


@post("/deliveries/{delivery_id:str}/retry", status_code=200, responses=_REFUSALS, summary="Réessayer maintenant")
async def retry_delivery(relay: Relay, caller: Caller, delivery_id: DeliveryId) -> Response[DocumentView]:
    """Try again at once what waits or was refused."""
    return Response(await relay.operations.retry(caller, delivery_id), headers=_NO_STORE)


@post("/deliveries/{delivery_id:str}/hold", status_code=200, responses=_REFUSALS, summary="Mettre en attente")
async def hold_delivery(relay: Relay, caller: Caller, delivery_id: DeliveryId) -> Response[DocumentView]:
    """Set a queued delivery aside."""
    return Response(await relay.operations.hold(caller, delivery_id), headers=_NO_STORE)


@post("/deliveries/{delivery_id:str}/release", status_code=200, responses=_REFUSALS, summary="Libérer")
async def release_delivery(relay: Relay, caller: Caller, delivery_id: DeliveryId) -> Response[DocumentView]:
    """Let a held delivery go, unless the identity still forbids it."""
    return Response(await relay.operations.release(caller, delivery_id), headers=_NO_STORE)
