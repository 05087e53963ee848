"""The page « Lecteurs et cartes »: which readers there are, which one is this desk's, and the card that is in it, live without script.

No PIN is ever typed here. The page asks for itself again every few seconds; a link stops that.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, QueryParameter

from gateway.flow.caller import Caller
from gateway.flow.cards.views import ReaderView
from gateway.flow.relay import Relay
from gateway.kernel.errors import Explanation, RelaisError
from gateway.web.access import Visitor, read_form, see_other
from gateway.web.reader_cards import InsertedCard, inserted_card, reader_card, refused_card
from gateway.web.rendering import page
from gateway.web.sessions import Notice, Sessions

PAGE: Final = "/lecteurs-et-cartes"
REFRESH_SECONDS: Final = 4

_ACTS: Final = {
    "associer": (True, "C'est noté : ce lecteur est celui de ce poste. Lui seul peut se servir des cartes qui y sont."),
    "dissocier": (
        False,
        "C'est noté : ce lecteur n'est plus celui de ce poste. Personne ne peut s'en servir tant qu'il n'est pas associé.",
    ),
}


@get(PAGE, include_in_schema=False)
async def show_readers(
    relay: Given[Relay],
    sessions: Given[Sessions],
    visitor: Given[Visitor],
    fixe: Annotated[str | None, QueryParameter(max_length=1)] = None,
) -> Response[Any]:
    """Every reader of the box, that of this desk first."""
    caller = visitor.caller
    views, silent = await _readers(relay, caller)
    ordered = sorted(views, key=lambda one: (one.paired != "here", one.paired is not None, one.name))
    readers = [reader_card(one, await _card(relay, caller, one), operator=caller.sees_all) for one in ordered]
    turning = fixe is None
    return page(
        "cartes.html",
        headers={"Refresh": str(REFRESH_SECONDS)} if turning else None,
        visitor=visitor,
        notice=sessions.take(visitor.session),
        readers=readers,
        paired=any(one.paired == "here" for one in views),
        silent=silent,
        turning=turning,
    )


@post(PAGE + "/{reader_id:str}/{gesture:str}", include_in_schema=False, status_code=303)
async def act_on_reader(
    request: Request[Any, Any, Any],
    relay: Given[Relay],
    sessions: Given[Sessions],
    visitor: Given[Visitor],
    reader_id: FromPath[str],
    gesture: FromPath[str],
) -> Response[Any]:
    """The reader is this desk's, or is no more."""
    if gesture not in _ACTS:
        raise NotFoundException
    await read_form(request, sessions, visitor.session)
    paired, done = _ACTS[gesture]
    try:
        await relay.cards.pair(visitor.caller, reader_id, paired=paired)
    except RelaisError as refusal:
        told = refusal.explanation
        sessions.leave(visitor.session, Notice(tone="bad", what=told.what, gesture=told.gesture))
    else:
        sessions.leave(visitor.session, Notice(tone="ok", what=done))
    return see_other(PAGE)


async def _readers(relay: Relay, caller: Caller) -> tuple[tuple[ReaderView, ...], Explanation | None]:
    try:
        return await relay.cards.readers(caller), relay.cards.trouble()
    except RelaisError as problem:
        return (), problem.explanation


async def _card(relay: Relay, caller: Caller, reader: ReaderView) -> InsertedCard | None:
    """The card of a reader whose cards this desk may see, whatever becomes of it meanwhile."""
    if reader.card is None:
        return None
    try:
        card = await relay.cards.card(caller, reader.id)
        if card.insertion_id is None:
            return None
        readable = card.kind == "cpx" and card.test is not None
        return inserted_card(card, await relay.cards.holder(caller, reader.id, card.insertion_id) if readable else None)
    except RelaisError as problem:
        return refused_card(problem.explanation)
