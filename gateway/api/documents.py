"""Documents: sending, receipts, what was sent, proofs, cancelling (contract section 3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream

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
CURSOR_PATTERN = r"^[1-9][0-9]{0,17}$"
LONGEST_PAGE = 200

_KEY = re.compile(KEY_PATTERN)
_T = TypeVar("_T")
_CURSOR = re.compile(CURSOR_PATTERN)


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
    wanted: Annotated[str | None, QueryParameter(name="state")] = None,
    patient: Annotated[str | None, QueryParameter(min_length=1, max_length=LONGEST_LOCAL_ID)] = None,
    since: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=LONGEST_PAGE)] = 50,
) -> ReceiptPage:
    """Newest first; `since` without an offset is UTC."""
    asked = Filter(
        state=_read(wanted, DocumentState, "state"),
        patient=patient,
        since=_read(since, _moment, "since"),
        cursor=_read(cursor, _cursor, "cursor"),
        limit=limit,
    )
    return await relay.reader.page(caller, asked)


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
async def read_proof(relay: Given[Relay], caller: Given[Caller], document_id: FromPath[str]) -> Stream:
    """Frozen bytes, answers, audit lines, in a zip."""
    proof = await relay.reader.proof(caller, document_id)
    told = {"Content-Disposition": f'attachment; filename="preuve-{document_id}.zip"', "Content-Length": str(proof.size)}
    return Stream(proof.pieces(), media_type="application/zip", headers=told)


def _read(text: str | None, reader: Callable[[str], _T], field: str) -> _T | None:
    """Read here rather than by the framework, which takes the word `null` for nothing and does not name a renamed parameter."""
    try:
        return reader(text) if text is not None else None
    except (ValueError, msgspec.ValidationError):
        raise ParameterInvalid(field=field) from None


def _moment(text: str) -> datetime:
    moment = msgspec.convert(text, datetime)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _cursor(text: str) -> int:
    if not _CURSOR.fullmatch(text):
        raise ValueError(text)
    return int(text)
