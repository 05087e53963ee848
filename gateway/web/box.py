"""The page « Boîtier »: front panel, pairing of workstations, who is paired, and a return to factory settings asked for at the button."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from gateway.flow.caller import Caller
from gateway.flow.panel.front import Front
from gateway.flow.relay import Relay
from gateway.kernel.errors import RelaisError
from gateway.web.access import Visitor, read_form, see_other
from gateway.web.box_cards import panel_card, reset_card, station_cards, time_left
from gateway.web.rendering import page
from gateway.web.sessions import Notice, Sessions

PAGE: Final = "/boitier"

_Act = Callable[[Front, Caller], Awaitable[object]]
_ACTS: Final[dict[str, tuple[_Act, str]]] = {
    "ouvrir-association": (
        lambda front, caller: front.window.open_by(caller),
        "L'association est ouverte : faites maintenant la demande depuis le nouveau poste.",
    ),
    "fermer-association": (lambda front, caller: front.window.close_by(caller), "L'association est refermée."),
    "annuler-reinitialisation": (
        lambda front, caller: front.requests.dismiss(caller),
        "La demande de retour aux réglages d'usine est annulée. Rien n'a été effacé.",
    ),
}


@get(PAGE, include_in_schema=False)
async def show_box(relay: Given[Relay], sessions: Given[Sessions], now: Given[datetime], visitor: Given[Visitor]) -> Response[Any]:
    """How the front of the box stands, for all; pairing is the operator's, anybody takes a return to factory settings back."""
    view = relay.front.view()
    return page(
        "boitier.html",
        visitor=visitor,
        notice=sessions.take(visitor.session),
        operator=visitor.caller.sees_all,
        panel=panel_card(view.panel),
        pairing=view.pairing,
        left=time_left(view.pairing.seconds_left),
        reset=reset_card(view.reset, now) if view.reset is not None else None,
        erased=relay.front.receipt,
        stations=station_cards(await relay.workstations.all(visitor.caller), visitor.caller, now),
    )


@post(PAGE + "/{gesture:str}", include_in_schema=False, status_code=303)
async def act_on_box(
    request: Request[Any, Any, Any], relay: Given[Relay], sessions: Given[Sessions], visitor: Given[Visitor], gesture: FromPath[str]
) -> Response[Any]:
    """Open or close the pairing window, or take a request of the button back."""
    if gesture not in _ACTS:
        raise NotFoundException
    await read_form(request, sessions, visitor.session)
    act, done = _ACTS[gesture]
    try:
        await act(relay.front, visitor.caller)
    except RelaisError as refusal:
        told_of = refusal.explanation
        sessions.leave(visitor.session, Notice(tone="bad", what=told_of.what, gesture=told_of.gesture))
    else:
        sessions.leave(visitor.session, Notice(tone="ok", what=done))
    return see_other(PAGE)
