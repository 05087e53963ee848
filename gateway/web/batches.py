"""The page on lists of patients verified by Relais alone: tomorrow's patients from a CSV, or the whole file; progress, and stopping."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency as Given
from litestar.params import FromPath

from gateway.flow.identities.patient_list import PatientList, PatientListInvalid, read_patient_list
from gateway.flow.identities.request import BatchBody
from gateway.flow.relay import Relay
from gateway.kernel.errors import RelaisError
from gateway.web.access import Visitor, read_form, see_other
from gateway.web.batch_cards import batch_card
from gateway.web.faults import FormIncomplete, refused_notice
from gateway.web.persons import Seat, acting, seat_of
from gateway.web.rendering import page
from gateway.web.sessions import Notice, Sessions
from gateway.web.words import many

LARGEST_LIST = 4_000_000
"""Bytes of a form with a list: 20 000 patients and some room."""

_LIST = "liste"


@get("/lots", include_in_schema=False)
async def show_batches(relay: Given[Relay], sessions: Given[Sessions], now: Given[datetime], visitor: Given[Visitor]) -> Response[Any]:
    """The lists of this workstation's structures, newest first, and the form for another one."""
    batches = await relay.searches.batches(visitor.caller, None)
    seats: list[Seat] = [seat_of(relay, sessions, visitor, one) for one in visitor.caller.structures]
    return page(
        "lots.html",
        visitor=visitor,
        notice=sessions.take(visitor.session),
        batches=[batch_card(one, now) for one in batches],
        seats=seats,
        several=len(seats) > 1,
    )


@post("/lots", include_in_schema=False, status_code=303, request_max_body_size=LARGEST_LIST)
async def start_batch(
    request: Request[Any, Any, Any], relay: Given[Relay], sessions: Given[Sessions], visitor: Given[Visitor]
) -> Response[Any]:
    """Start a list: of the patients of a CSV, or of every patient known."""
    fields = await read_form(request, sessions, visitor.session)
    structure = fields.get("structure", "")
    try:
        body, listed = await _body(request, structure, fields)
        caller = acting(relay, sessions, visitor, structure, fields)
        batch = await relay.searches.start_batch(caller, body, listed)
    except RelaisError as refusal:
        sessions.leave(visitor.session, refused_notice(refusal, fields))
    else:
        when = "Elle commence maintenant." if body.when == "now" else "Elle se fera la nuit."
        sessions.leave(visitor.session, Notice(tone="ok", what=f"La vérification est lancée ({_listed(batch.total)}). {when}"))
    return see_other("/lots")


@post("/lots/{batch_id:str}/arreter", include_in_schema=False, status_code=303)
async def stop_batch(
    request: Request[Any, Any, Any], relay: Given[Relay], sessions: Given[Sessions], visitor: Given[Visitor], batch_id: FromPath[str]
) -> Response[Any]:
    """Stop a list: what was found stays."""
    await read_form(request, sessions, visitor.session)
    try:
        await relay.searches.cancel_batch(visitor.caller, batch_id)
    except RelaisError as refusal:
        sessions.leave(visitor.session, refused_notice(refusal, {}))
    else:
        sessions.leave(visitor.session, Notice(tone="ok", what="La vérification est arrêtée. Ce qui a été trouvé est gardé."))
    return see_other("/lots")


def _listed(count: int) -> str:
    return many(count, "1 patient", "{} patients")


async def _body(request: Request[Any, Any, Any], structure: str, fields: dict[str, str]) -> tuple[BatchBody, PatientList | None]:
    """What the form asks for; raises FormIncomplete, PatientListInvalid."""
    said: dict[str, Any] = {"structure": structure, "kind": fields.get("quoi"), "when": fields.get("quand")}
    if missing := next((name for name in ("quoi", "quand") if not fields.get(name)), None):
        raise FormIncomplete(field=missing)
    try:
        body = msgspec.convert(said, BatchBody)
    except msgspec.ValidationError:
        raise FormIncomplete from None
    if body.kind == "file":
        return body, None
    sent = (await request.form()).get(_LIST)
    if not isinstance(sent, UploadFile) or not sent.filename:
        raise PatientListInvalid(field=_LIST, reason="aucun fichier n'a été choisi")
    try:
        return body, read_patient_list(await sent.read())
    except PatientListInvalid as refusal:
        refusal.field = _LIST
        raise
