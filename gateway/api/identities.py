"""Identities: the registry's patients, decisions, qualification, attributes, worklist, INS datamatrix (contract section 3)."""

from __future__ import annotations

import re
from typing import Annotated, Any

from litestar import Request, Response, get, post, put
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, FromQuery, QueryParameter

from gateway.api.address import FORMS, TASKS, Form, Who, local_id_of, one_of
from gateway.api.bodies import read_json
from gateway.flow.caller import Caller
from gateway.flow.identities.datamatrix import datamatrix_view
from gateway.flow.identities.request import AttributesBody, DecisionBody, PatientBody, QualificationBody
from gateway.flow.identities.views import ChangeView, EvidenceView, IdentityPage, IdentityView, PersonView
from gateway.flow.relay import Relay
from gateway.kernel.config import Limits

PLACE_PATTERN = r"^[0-9]{1,16}-[0-9]{1,12}$"


@put("/patients/{local_id:str}")
async def put_patient(
    request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits], caller: Given[Caller], local_id: FromPath[str]
) -> Response[IdentityView]:
    """Create (201) or change (200) a patient; five strict traits are needed to create."""
    body = await read_json(request, limits, PatientBody)
    view, created = await relay.identities.put(caller, local_id_of(local_id), body)
    return Response(view, status_code=201 if created else 200)


@get("/patients/{local_id:str}")
async def read_patient(relay: Given[Relay], caller: Given[Caller], local_id: FromPath[str], structure: Who = None) -> IdentityView:
    """One patient of the registry."""
    return await relay.identities.read(caller, structure, local_id_of(local_id))


@get("/patients/{local_id:str}/history")
async def read_history(
    relay: Given[Relay], caller: Given[Caller], local_id: FromPath[str], structure: Who = None
) -> tuple[ChangeView, ...]:
    """Every change, newest first."""
    return await relay.identities.history(caller, structure, local_id_of(local_id))


@post("/patients/{local_id:str}/identity", status_code=200)
async def decide_identity(
    request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits], caller: Given[Caller], local_id: FromPath[str]
) -> IdentityView:
    """Take or leave the answer of INSi."""
    return await relay.identities.decide(caller, local_id_of(local_id), await read_json(request, limits, DecisionBody))


@post("/patients/{local_id:str}/qualification", status_code=200)
async def qualify_identity(
    request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits], caller: Given[Caller], local_id: FromPath[str]
) -> IdentityView:
    """A document checked by the person of Relais-Actor."""
    return await relay.identities.qualify(caller, local_id_of(local_id), await read_json(request, limits, QualificationBody))


@post("/patients/{local_id:str}/attributes", status_code=200)
async def mark_identity(
    request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits], caller: Given[Caller], local_id: FromPath[str]
) -> IdentityView:
    """All attributes from now on."""
    return await relay.identities.set_attributes(caller, local_id_of(local_id), await read_json(request, limits, AttributesBody))


@get("/patients/{local_id:str}/datamatrix")
async def read_datamatrix(
    request: Request[Any, Any, Any],
    relay: Given[Relay],
    caller: Given[Caller],
    local_id: FromPath[str],
    structure: Who = None,
    form: Annotated[str | None, QueryParameter(name="format")] = None,
) -> Response[Any]:
    """The INS datamatrix of a qualified patient: by `format`, else by Accept, else JSON."""
    from gateway.ins import symbol

    wanted = one_of(FORMS, form, "format")
    patient = await relay.identities.patient(caller, structure, local_id_of(local_id))
    view = datamatrix_view(patient, relay.identities.environment)
    match wanted or _accepted(request.headers.get("accept", "")):
        case "svg":
            return Response(symbol.svg(view.text).encode(), media_type="image/svg+xml")
        case "png":
            return Response(symbol.png(view.text), media_type="image/png")
        case "txt":
            return Response(view.text.encode(), media_type="text/plain")
        case _:
            return Response(view)


@get("/worklist")
async def read_worklist(
    relay: Given[Relay],
    caller: Given[Caller],
    structure: Who = None,
    task: FromQuery[str | None] = None,
    cursor: Annotated[str | None, QueryParameter(pattern=PLACE_PATTERN)] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
) -> IdentityPage:
    """Identities that need someone, longest waiting first."""
    return await relay.identities.worklist(caller, structure, one_of(TASKS, task, "task"), cursor, limit)


@get("/evidence")
async def list_evidence(relay: Given[Relay], caller: Given[Caller], structure: Who = None) -> tuple[EvidenceView, ...]:
    """Kinds of document the structure admits; none is chosen by default."""
    return relay.identities.evidence(caller, structure)


@get("/people")
async def list_people(relay: Given[Relay], caller: Given[Caller], structure: Who = None) -> tuple[PersonView, ...]:
    """Whom an act may be imputed to, in Relais-Actor."""
    return relay.identities.people(caller, structure)


def _accepted(header: str) -> Form:
    """The form that an Accept header likes best: the highest q, then the first written; JSON when it names none of ours."""
    liked: list[tuple[float, Form]] = []
    for part in header.split(","):
        media, *parameters = (word.strip().lower() for word in part.split(";"))
        weight = next((float(found.group(1)) for one in parameters if (found := _WEIGHT.fullmatch(one))), 1.0)
        if media in _MEDIA and weight > 0:
            liked.append((weight, _MEDIA[media]))
    return max(liked, key=lambda one: one[0])[1] if liked else "json"


_WEIGHT = re.compile(r"q\s*=\s*([01](?:\.[0-9]{0,3})?)")
_MEDIA: dict[str, Form] = {
    "application/json": "json",
    "application/*": "json",
    "*/*": "json",
    "text/plain": "txt",
    "text/*": "txt",
    "image/svg+xml": "svg",
    "image/*": "svg",
    "image/png": "png",
}
