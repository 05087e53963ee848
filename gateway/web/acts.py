"""What a person does from the page: one form per gesture, then back to where they were, with a sentence on what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency as Given
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from gateway.flow.caller import Caller
from gateway.flow.operations import Operations
from gateway.flow.relay import Relay
from gateway.flow.views import DocumentView
from gateway.kernel.errors import RelaisError
from gateway.web.access import Visitor, read_form, see_other
from gateway.web.gestures import CANCEL, DROP, HOLD, RELEASE, RETRY, Gesture
from gateway.web.persons import acting
from gateway.web.sessions import Notice, Sessions

_Act = Callable[[Operations, Caller, str], Awaitable[DocumentView]]

_ON_DELIVERY: dict[str, tuple[Gesture, _Act]] = {
    RETRY.path: (RETRY, Operations.retry),
    RELEASE.path: (RELEASE, Operations.release),
    HOLD.path: (HOLD, Operations.hold),
    DROP.path: (DROP, Operations.drop),
}


@post("/documents/{document_id:str}/annuler", include_in_schema=False, status_code=303)
async def cancel(
    request: Request[Any, Any, Any],
    relay: Given[Relay],
    sessions: Given[Sessions],
    visitor: Given[Visitor],
    document_id: FromPath[str],
) -> Response[Any]:
    """Cancel what has not left."""
    fields = await read_form(request, sessions, visitor.session)
    await _do(CANCEL, relay.operations.cancel(visitor.caller, document_id), sessions, visitor)
    return _back(fields, document_id)


@post("/documents/{document_id:str}/envois/{delivery_id:str}/{gesture:str}", include_in_schema=False, status_code=303)
async def act_on_delivery(
    request: Request[Any, Any, Any],
    relay: Given[Relay],
    sessions: Given[Sessions],
    visitor: Given[Visitor],
    document_id: FromPath[str],
    delivery_id: FromPath[str],
    gesture: FromPath[str],
) -> Response[Any]:
    """Retry, release, set aside or give up one delivery. A gesture that is somebody's own names the structure it is made for, and who."""
    if gesture not in _ON_DELIVERY:
        raise NotFoundException
    fields = await read_form(request, sessions, visitor.session)
    what, act = _ON_DELIVERY[gesture]

    async def done() -> DocumentView:
        structure = fields.get("structure")
        caller = visitor.caller if structure is None else acting(relay, sessions, visitor, structure, fields)
        return await act(relay.operations, caller, delivery_id)

    await _do(what, done(), sessions, visitor)
    return _back(fields, document_id)


async def _do(gesture: Gesture, act: Awaitable[DocumentView], sessions: Sessions, visitor: Visitor) -> None:
    try:
        await act
    except RelaisError as refusal:
        told = refusal.explanation
        sessions.leave(visitor.session, Notice(tone="bad", what=told.what, gesture=told.gesture))
    else:
        sessions.leave(visitor.session, Notice(tone="ok", what=gesture.done))


def _back(fields: dict[str, str], document_id: str) -> Response[Any]:
    return see_other("/" if fields.get("retour") == "accueil" else f"/documents/{document_id}")
