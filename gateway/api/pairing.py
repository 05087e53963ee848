"""The front of the box: the token of a new workstation, asked for without one within the minutes after a press of the button; the pairing
window, by the operator; a return to factory settings asked for at the button, taken back by anybody who is paired.
"""

from __future__ import annotations

from typing import Any

from litestar import Request, post
from litestar.di import NamedDependency as Given

from gateway.api.bodies import BodyTypeRefused, media_type, read_json
from gateway.api.callers import actor_of
from gateway.flow.caller import Caller
from gateway.flow.panel.pairing_window import PairingBody
from gateway.flow.panel.views import FrontView, PairingView
from gateway.flow.relay import Relay
from gateway.flow.workstations.views import PairedView
from gateway.kernel.config import Limits

_LARGEST = 4_096
_JSON = "application/json"


@post("/pairing", status_code=201)
async def pair_workstation(request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits]) -> PairedView:
    """The token of a new workstation, once; needs no token. Raises RateLimited, PairingClosed before the body is read, BodyTypeRefused."""
    relay.front.pace.take(request.client.host if request.client is not None else "")
    relay.front.window.check_open()
    actor_of(request)
    if media_type(request) != _JSON:
        raise BodyTypeRefused(field="Content-Type")  # a browser sends JSON elsewhere only where it is allowed to: no page spends the window
    return await relay.front.window.pair(await read_json(request, limits, PairingBody, most=_LARGEST))


@post("/pairing/open", status_code=200)
async def open_pairing(relay: Given[Relay], caller: Given[Caller]) -> PairingView:
    """As a press of the button, by the operator."""
    return await relay.front.window.open_by(caller)


@post("/pairing/close", status_code=200)
async def close_pairing(relay: Given[Relay], caller: Given[Caller]) -> PairingView:
    """Before its time, by the operator."""
    return await relay.front.window.close_by(caller)


@post("/reset/dismiss", status_code=200)
async def dismiss_reset(relay: Given[Relay], caller: Given[Caller]) -> FrontView:
    """The box is not erased; nothing changes when nothing was asked. Raises ResetBegun."""
    await relay.front.requests.dismiss(caller)
    return relay.front.view()
