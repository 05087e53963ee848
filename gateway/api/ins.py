"""INSi: searches, verifications, scans, deferred searches and lists (contract section 3)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, QueryParameter

from gateway.api.address import Who, one_of
from gateway.api.bodies import media_type, read_body, read_json
from gateway.api.problems import ParameterInvalid
from gateway.api.secret_body import secret_json
from gateway.flow.caller import Caller
from gateway.flow.identities.datamatrix import scan_view
from gateway.flow.identities.patient_list import PatientList, read_patient_list
from gateway.flow.identities.request import BatchBody, ScanBody, SearchBody, VerifyBody, VitaleBody
from gateway.flow.identities.views import BatchView, DeferredView, InquiryView, ScanView, SearchView, VerificationView
from gateway.flow.relay import Relay
from gateway.kernel.config import Limits

LIST_BYTES = 4_000_000
"""Of a list of patients."""
CSV = "text/csv"
KINDS: tuple[Literal["tomorrow", "file"], ...] = ("tomorrow", "file")
MOMENTS: tuple[Literal["night", "now"], ...] = ("night", "now")

Chosen = Annotated[str | None, QueryParameter(max_length=16)]


@post("/ins/search", status_code=200)
async def search_ins(
    request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits], caller: Given[Caller]
) -> Response[SearchView | DeferredView]:
    """Search by traits: 200 with the result, or 202 when INSi does not answer in time and `defer` was asked."""
    async with secret_json(request, limits, SearchBody) as body:
        found = await relay.searches.search(caller, body)
    if isinstance(found, DeferredView):
        return Response(found, status_code=202, headers={"Location": f"/api/v1/ins/inquiries/{found.id}"})
    return Response(found)


@get("/ins/inquiries/{inquiry_id:str}")
async def read_inquiry(relay: Given[Relay], caller: Given[Caller], inquiry_id: FromPath[str]) -> InquiryView:
    """A deferred search as it stands."""
    return await relay.searches.inquiry(caller, inquiry_id)


@post("/ins/vitale", status_code=200)
async def search_by_card(request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits], caller: Given[Caller]) -> SearchView:
    """Search with the data of a Vitale card."""
    async with secret_json(request, limits, VitaleBody) as body:
        return await relay.searches.by_card(caller, body)


@post("/ins/verify", status_code=200)
async def verify_ins(
    request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits], caller: Given[Caller]
) -> VerificationView:
    """Whether INSi confirms an INS."""
    async with secret_json(request, limits, VerifyBody) as body:
        return await relay.searches.verify(caller, body)


@post("/ins/datamatrix", status_code=200)
async def read_scan(request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits], caller: Given[Caller]) -> ScanView:
    """What a scanned INS datamatrix says; nothing is stored."""
    del caller
    body = await read_json(request, limits, ScanBody)
    return scan_view(body.scan, relay.identities.environment)


@post("/ins/batches", status_code=201)
async def start_batch(
    request: Request[Any, Any, Any],
    relay: Given[Relay],
    limits: Given[Limits],
    caller: Given[Caller],
    structure: Who = None,
    kind: Chosen = None,
    when: Chosen = None,
) -> Response[BatchView]:
    """Verify a list (JSON, or CSV with `kind`, `when` and `structure` in the address) or the whole file.

    Beside a JSON body these parameters are refused: it says the same, and might say otherwise.
    """
    listed: PatientList | None = None
    if media_type(request) == CSV:
        body = _asked(structure, kind, when)
        listed = read_patient_list(await read_body(request, limits, most=LIST_BYTES))
    else:
        body = await read_json(request, limits, BatchBody, most=LIST_BYTES)
        for name, said in (("structure", structure), ("kind", kind), ("when", when)):
            if said is not None:
                raise ParameterInvalid(field=name)
    view = await relay.searches.start_batch(caller, body, listed)
    return Response(view, status_code=201, headers={"Location": f"/api/v1/ins/batches/{view.id}"})


@get("/ins/batches")
async def list_batches(relay: Given[Relay], caller: Given[Caller], structure: Who = None) -> tuple[BatchView, ...]:
    """The last lists, newest first."""
    return await relay.searches.batches(caller, structure)


@get("/ins/batches/{batch_id:str}")
async def read_batch(relay: Given[Relay], caller: Given[Caller], batch_id: FromPath[str]) -> BatchView:
    """Progress of one list."""
    return await relay.searches.batch(caller, batch_id)


@post("/ins/batches/{batch_id:str}/cancel", status_code=200)
async def cancel_batch(relay: Given[Relay], caller: Given[Caller], batch_id: FromPath[str]) -> BatchView:
    """Stop a list: what is done stays done."""
    return await relay.searches.cancel_batch(caller, batch_id)


def _asked(structure: str | None, kind: str | None, when: str | None) -> BatchBody:
    wanted, moment = one_of(KINDS, kind, "kind"), one_of(MOMENTS, when, "when")
    return BatchBody(structure=structure, kind=wanted or "tomorrow", when=moment or "night")
