"""The pages on identities: the worklist, and one patient with what is to be done. Reads only; the gestures are in `identity_acts`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from litestar import Response, get
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, QueryParameter

from gateway.flow.identities.views import IdentityView
from gateway.flow.reading import Filter
from gateway.flow.relay import Relay
from gateway.kernel.errors import Refused
from gateway.model.patient import IdentityStatus
from gateway.web.access import Visitor
from gateway.web.addresses import TASKS, local_id_of, place_of
from gateway.web.card_choice import card_choice
from gateway.web.cards import DocumentCard, document_card
from gateway.web.identity_cards import change_lines, criteria_shown, identity_card, work_line
from gateway.web.identity_words import task_badge
from gateway.web.persons import seat_of
from gateway.web.rendering import HEADERS, page
from gateway.web.sessions import Sessions

if TYPE_CHECKING:
    from gateway.ins.datamatrix import ClearLine

LISTED = 20
_DOCUMENTS = 20

Text = Annotated[str, QueryParameter(max_length=256)]


@get("/identites", include_in_schema=False)
async def show_worklist(
    relay: Given[Relay],
    sessions: Given[Sessions],
    now: Given[datetime],
    visitor: Given[Visitor],
    tache: Text = "",
    apres: Text = "",
    suite: Text = "",
) -> Response[Any]:
    """Patients somebody must look at, longest waiting first; the focus goes to the line `suite`, or to the first."""
    place = place_of(tache, apres)
    found = await relay.identities.worklist(visitor.caller, None, TASKS.get(place.task), place.cursor or None, LISTED)
    lines = [work_line(one, place, now) for one in found.items]
    keys = [one.key for one in lines]
    return page(
        "identites.html",
        visitor=visitor,
        notice=sessions.take(visitor.session),
        lines=lines,
        focus=suite if suite in keys else keys[0] if keys else None,
        place=place,
        older=place_of(place.task, found.cursor).query if found.cursor else None,
        tasks=[(word, task_badge(task).text, found.counts.get(task, 0)) for word, task in TASKS.items()],
        total=sum(found.counts.values()),
        several=len(visitor.caller.structures) > 1,
    )


@get("/identites/{structure:str}/{dossier:str}", include_in_schema=False)
async def show_identity(
    relay: Given[Relay],
    sessions: Given[Sessions],
    now: Given[datetime],
    visitor: Given[Visitor],
    structure: FromPath[str],
    dossier: FromPath[str],
    tache: Text = "",
    apres: Text = "",
    reponse: Text = "",
) -> Response[Any]:
    """One patient; `reponse` is what INSi has just answered, 01 or 02, so that the right fields are offered."""
    caller, local_id = visitor.caller, local_id_of(dossier)
    view = await relay.identities.read(caller, structure, local_id)
    seat = seat_of(relay, sessions, visitor, structure)
    evidence = relay.identities.evidence(caller, structure)
    changes = await relay.identities.history(caller, structure, local_id)
    place, notice = place_of(tache, apres), sessions.take(visitor.session)
    return page(
        "identite.html",
        visitor=visitor,
        notice=notice,
        identity=identity_card(view, place, now),
        asked=criteria_shown(view.traits, notice.said if notice is not None else {}),
        seat=seat,
        choices=[(one.code, one.label) for one in evidence if not one.exceptional],
        exceptional=next((one for one in evidence if one.exceptional), None),
        documents=await _waiting(relay, visitor, view, now),
        history=change_lines(changes, evidence, now),
        label=await _label(relay, visitor, view),
        by_card=await card_choice(relay, caller) if view.task == "search" else None,
        answered=reponse if reponse in ("01", "02") else "",
        place=place,
        several=len(caller.structures) > 1,
    )


@get("/identites/{structure:str}/{dossier:str}/datamatrix.svg", include_in_schema=False)
async def show_datamatrix(relay: Given[Relay], visitor: Given[Visitor], structure: FromPath[str], dossier: FromPath[str]) -> Response[str]:
    """The INS datamatrix of a qualified patient, as a picture; raises what `datamatrix.write` raises for any other."""
    from gateway.ins.datamatrix import write
    from gateway.ins.symbol import svg

    patient = await relay.identities.patient(visitor.caller, structure, local_id_of(dossier))
    text = write(patient, environment=await _environment(relay))
    return Response(svg(text), media_type="image/svg+xml", headers=HEADERS)


async def _label(relay: Relay, visitor: Visitor, view: IdentityView) -> tuple[ClearLine, ...]:
    """The lines in clear beside the datamatrix; none for an identity that may not have one."""
    from gateway.ins.datamatrix import clear_lines, write

    if view.status != IdentityStatus.QUALIFIEE:
        return ()
    try:
        patient, environment = await relay.identities.patient(visitor.caller, view.structure, view.local_id), await _environment(relay)
        write(patient, environment=environment)
    except Refused:
        return ()
    return clear_lines(patient, environment=environment)


async def _environment(relay: Relay) -> str:
    return (await relay.status.view(())).environment


async def _waiting(relay: Relay, visitor: Visitor, view: IdentityView, now: datetime) -> list[DocumentCard]:
    """The documents of this workstation that wait for this identity."""
    found = await relay.reader.summaries(visitor.caller, Filter(patient=view.local_id, limit=_DOCUMENTS))
    cards = [document_card(one, now) for one in found.items if one.structure == view.structure]
    return [one for one in cards if one.identity is not None]
