"""Documents: sending, receipts, what was sent, proofs, cancelling (contract section 3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, QueryParameter

from gateway.api.parts import Sink, Small, check_json, read_parts
from gateway.api.problems import ParameterInvalid
from gateway.flow.caller import Caller
from gateway.flow.reading import Filter
from gateway.flow.relay import Relay
from gateway.flow.views import DocumentView, ReceiptPage
from gateway.kernel.config import Limits
from gateway.model.delivery import DocumentState

KEY_PATTERN = r"^[\x20-\x7e]{1,200}$"
LONGEST_LOCAL_ID = 128
LARGEST_CURSOR = 2**62
LONGEST_PAGE = 200

_KEY = re.compile(KEY_PATTERN)


@post("/documents", status_code=202)
async def send_document(
    request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits], caller: Given[Caller]
) -> Response[DocumentView]:
    """202 with the receipt when the document is on the disk; 200 with the first receipt for a repeated key."""
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise ParameterInvalid(field="Idempotency-Key")
    described = Small(limits.request_bytes, "request")
    with relay.admission.upload() as upload:
        sinks: dict[str, Sink] = {"request": described, "file": upload}
        most, patience = limits.document_bytes + limits.request_bytes, limits.body_idle_seconds
        media = await read_parts(request, sinks, required=("request", "file"), limit=most, patience=patience)
        check_json(media["request"], "request")
        accepted = await relay.admission.admit(caller, described.content(), upload, media["file"], key)
    location = {"Location": f"/api/v1/documents/{accepted.receipt.id}"}
    return Response(accepted.receipt, status_code=202 if accepted.created else 200, headers=location)


@get("/documents")
async def list_documents(
    relay: Given[Relay],
    caller: Given[Caller],
    wanted: Annotated[DocumentState | None, QueryParameter(name="state")] = None,
    patient: Annotated[str | None, QueryParameter(min_length=1, max_length=LONGEST_LOCAL_ID)] = None,
    since: Annotated[datetime | None, QueryParameter()] = None,
    cursor: Annotated[int | None, QueryParameter(ge=1, le=LARGEST_CURSOR)] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=LONGEST_PAGE)] = 50,
) -> ReceiptPage:
    """Newest first; `since` without an offset is UTC."""
    moment = since.replace(tzinfo=UTC) if since is not None and since.tzinfo is None else since
    return await relay.reader.page(caller, Filter(state=wanted, patient=patient, since=moment, cursor=cursor, limit=limit))


@get("/documents/{document_id:str}")
async def read_document(relay: Given[Relay], caller: Given[Caller], document_id: FromPath[str]) -> DocumentView:
    """The receipt as it stands."""
    return await relay.reader.receipt(caller, document_id)


@post("/documents/{document_id:str}/cancel", status_code=200)
async def cancel_document(relay: Given[Relay], caller: Given[Caller], document_id: FromPath[str]) -> DocumentView:
    """Before anything left; 409 already-sent after."""
    return await relay.operations.cancel(caller, document_id)


@get("/documents/{document_id:str}/cda")
async def read_cda(relay: Given[Relay], caller: Given[Caller], document_id: FromPath[str]) -> Response[bytes]:
    """The frozen bytes; 404 while there are none."""
    return Response(await relay.reader.cda(caller, document_id), media_type="text/xml")


@get("/documents/{document_id:str}/proof")
async def read_proof(relay: Given[Relay], caller: Given[Caller], document_id: FromPath[str]) -> Response[bytes]:
    """Frozen bytes, answers, audit lines, in a zip."""
    content = await relay.reader.proof(caller, document_id)
    attachment = {"Content-Disposition": f'attachment; filename="preuve-{document_id}.zip"'}
    return Response(content, media_type="application/zip", headers=attachment)
