"""Identities: the registry's patients, decisions, qualification, attributes, worklist, INS datamatrix (contract section 3)."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import unquote

from litestar import Request, Response, get, post, put
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, FromQuery, QueryParameter

from gateway.api.bodies import read_json
from gateway.api.problems import ParameterInvalid
from gateway.flow.caller import Caller
from gateway.flow.datamatrix import datamatrix_view
from gateway.flow.decoding import is_plain
from gateway.flow.identity_request import AttributesBody, DecisionBody, PatientBody, QualificationBody
from gateway.flow.identity_views import ChangeView, EvidenceView, IdentityPage, IdentityView, PersonView, Task
from gateway.flow.relay import Relay
from gateway.kernel.config import Limits

LONGEST_LOCAL_ID = 128
PLACE_PATTERN = r"^[0-9]{1,16}-[0-9]{1,12}$"

Who = Annotated[str | None, QueryParameter(name="structure", max_length=40)]


@put("/patients/{local_id:str}")
async def put_patient(
    request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits], caller: Given[Caller], local_id: FromPath[str]
) -> Response[IdentityView]:
    """Create (201) or change (200) a patient; five strict traits are needed to create."""
    body = await read_json(request, limits, PatientBody)
    view, created = await relay.identities.put(caller, _local_id(local_id), body)
    return Response(view, status_code=201 if created else 200)


@get("/patients/{local_id:str}")
async def read_patient(relay: Given[Relay], caller: Given[Caller], local_id: FromPath[str], structure: Who = None) -> IdentityView:
    """One patient of the registry."""
    return await relay.identities.read(caller, structure, _local_id(local_id))


@get("/patients/{local_id:str}/history")
async def read_history(
    relay: Given[Relay], caller: Given[Caller], local_id: FromPath[str], structure: Who = None
) -> tuple[ChangeView, ...]:
    """Every change, newest first."""
    return await relay.identities.history(caller, structure, _local_id(local_id))


@post("/patients/{local_id:str}/identity", status_code=200)
async def decide_identity(
    request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits], caller: Given[Caller], local_id: FromPath[str]
) -> IdentityView:
    """Take or leave the answer of INSi."""
    return await relay.identities.decide(caller, _local_id(local_id), await read_json(request, limits, DecisionBody))


@post("/patients/{local_id:str}/qualification", status_code=200)
async def qualify_identity(
    request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits], caller: Given[Caller], local_id: FromPath[str]
) -> IdentityView:
    """A document checked by the person of Relais-Actor."""
    return await relay.identities.qualify(caller, _local_id(local_id), await read_json(request, limits, QualificationBody))


@post("/patients/{local_id:str}/attributes", status_code=200)
async def mark_identity(
    request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits], caller: Given[Caller], local_id: FromPath[str]
) -> IdentityView:
    """All attributes from now on."""
    return await relay.identities.set_attributes(caller, _local_id(local_id), await read_json(request, limits, AttributesBody))


@get("/patients/{local_id:str}/datamatrix")
async def read_datamatrix(
    request: Request[Any, Any, Any],
    relay: Given[Relay],
    caller: Given[Caller],
    local_id: FromPath[str],
    structure: Who = None,
    form: Annotated[Literal["json", "txt", "svg", "png"] | None, QueryParameter(name="format")] = None,
) -> Response[Any]:
    """The INS datamatrix of a qualified patient: by `format`, else by Accept, else JSON."""
    from gateway.ins import symbol

    patient = await relay.identities.patient(caller, structure, _local_id(local_id))
    view = datamatrix_view(patient, relay.identities.environment)
    match form or _accepted(request.headers.get("accept", "")):
        case "svg":
            return Response(symbol.svg(view.text).encode(), media_type="image/svg+xml")
        case "png":
            return Response(symbol.png(view.text), media_type="image/png")
        case "txt":
            return Response(view.text.encode(), media_type="text/plain; charset=utf-8")
        case _:
            return Response(view)


@get("/worklist")
async def read_worklist(
    relay: Given[Relay],
    caller: Given[Caller],
    structure: Who = None,
    task: FromQuery[Task | None] = None,
    cursor: Annotated[str | None, QueryParameter(pattern=PLACE_PATTERN)] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
) -> IdentityPage:
    """Identities that need someone, longest waiting first."""
    return await relay.identities.worklist(caller, structure, task, cursor, limit)


@get("/evidence")
async def list_evidence(relay: Given[Relay], caller: Given[Caller], structure: Who = None) -> tuple[EvidenceView, ...]:
    """Kinds of document the structure admits; none is chosen by default."""
    return relay.identities.evidence(caller, structure)


@get("/people")
async def list_people(relay: Given[Relay], caller: Given[Caller], structure: Who = None) -> tuple[PersonView, ...]:
    """Whom an act may be imputed to, in Relais-Actor."""
    return relay.identities.people(caller, structure)


def _local_id(raw: str) -> str:
    """A local id as the path gives it, percent signs undone once by the framework; raises ParameterInvalid."""
    text = unquote(raw) if "%" in raw else raw
    if not 0 < len(text) <= LONGEST_LOCAL_ID or not is_plain(text):
        raise ParameterInvalid(field="local_id")
    return text


def _accepted(header: str) -> str:
    for media, form in (("image/svg+xml", "svg"), ("image/png", "png"), ("text/plain", "txt")):
        if media in header:
            return form
    return "json"
