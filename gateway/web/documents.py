"""The pages on documents: the home page, the detail of one, its proof."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from litestar import Response, get
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream

from gateway.flow.reading import Filter
from gateway.flow.relay import Relay
from gateway.model.delivery import DocumentState
from gateway.web.access import Visitor
from gateway.web.cards import DocumentCard, document_card, history_lines
from gateway.web.outlook import IdentitiesLine, Outlook, identities_line, outlook_of
from gateway.web.persons import Seat, seat_of
from gateway.web.rendering import HEADERS, page
from gateway.web.sessions import Sessions

_LISTED = 20
_WAITING_LISTED = 20

STATES = {
    "en-cours": (DocumentState.WORKING, "En cours"),
    "a-traiter": (DocumentState.ATTENTION, "À traiter"),
    "termines": (DocumentState.DONE, "Terminés"),
    "annules": (DocumentState.CANCELLED, "Annulés"),
}
"""Choices of the list, by their word in the address."""

Text = Annotated[str, QueryParameter(max_length=128)]


@get("/", include_in_schema=False)
async def show_home(
    relay: Given[Relay],
    sessions: Given[Sessions],
    now: Given[datetime],
    visitor: Given[Visitor],
    etat: Text = "",
    dossier: Text = "",
    avant: Text = "",
) -> Response[Any]:
    """How things stand, what needs somebody, the last documents; chosen by state and local number when asked."""
    outlook, waiting, identities = await _standing(relay, visitor, now)
    state = STATES[etat][0] if etat in STATES else None
    cursor = int(avant) if avant.isascii() and avant.isdigit() and len(avant) <= 18 else None
    wanted = Filter(state=state, patient=dossier.strip() or None, cursor=cursor, limit=_LISTED)
    found = await relay.reader.summaries(visitor.caller, wanted)
    chosen = {"etat": etat if state is not None else "", "dossier": dossier.strip(), "avant": avant if cursor else ""}
    return page(
        "accueil.html",
        visitor=visitor,
        notice=sessions.take(visitor.session),
        outlook=outlook,
        identities=identities,
        waiting=waiting if not any(chosen.values()) else [],
        seats=_seats(relay, sessions, visitor, waiting),
        documents=[document_card(one, now) for one in found.items],
        older=found.cursor,
        chosen=chosen,
        states={word: label for word, (_, label) in STATES.items()},
        several=len(visitor.caller.structures) > 1,
    )


@get("/documents/{document_id:str}", include_in_schema=False)
async def show_document(
    relay: Given[Relay],
    sessions: Given[Sessions],
    now: Given[datetime],
    visitor: Given[Visitor],
    document_id: FromPath[str],
) -> Response[Any]:
    """One document: each delivery with its explanation, its receipts and its gestures, then everything that was done."""
    card = document_card(await relay.reader.summary(visitor.caller, document_id), now)
    history = history_lines(await relay.reader.history(visitor.caller, document_id), card, visitor.caller.workstation, now)
    return page(
        "document.html",
        visitor=visitor,
        notice=sessions.take(visitor.session),
        document=card,
        history=history,
        seats=_seats(relay, sessions, visitor, [card]),
        several=len(visitor.caller.structures) > 1,
    )


@get("/documents/{document_id:str}/preuve", include_in_schema=False)
async def download_proof(relay: Given[Relay], visitor: Given[Visitor], document_id: FromPath[str]) -> Stream:
    """The proof of one document, as a zip."""
    proof = await relay.reader.proof(visitor.caller, document_id)
    told = {"Content-Disposition": f'attachment; filename="preuve-{document_id}.zip"', "Content-Length": str(proof.size)}
    return Stream(proof.pieces(), media_type="application/zip", headers={**HEADERS, **told})


def _seats(relay: Relay, sessions: Sessions, visitor: Visitor, cards: list[DocumentCard]) -> dict[str, Seat]:
    """Who may say that they looked at these documents, by structure."""
    asking = {card.structure for card in cards for one in card.deliveries for gesture in one.gestures if gesture.named}
    return {one: seat_of(relay, sessions, visitor, one) for one in asking & set(visitor.caller.structures)}


async def _standing(relay: Relay, visitor: Visitor, now: datetime) -> tuple[Outlook, list[DocumentCard], IdentitiesLine]:
    caller = visitor.caller
    found = await relay.reader.summaries(caller, Filter(state=DocumentState.ATTENTION, limit=_WAITING_LISTED))
    waiting = [document_card(one, now) for one in found.items]
    status = await relay.status.view(None if caller.sees_all else caller.structures)
    asked = await relay.identities.worklist(caller, None, None, None, 1)
    more = found.cursor is not None
    return outlook_of(status, waiting, more=more, now=now), waiting, identities_line(asked.counts, waiting, more=more)
