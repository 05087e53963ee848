"""Documents: sending, receipts, what was sent, proofs, cancelling (contract section 3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.params import Parameter

from gateway.api.answers import CDA, RECEIPT, REFUSALS, ZIP
from gateway.api.operations import DOCUMENT_FORM
from gateway.api.parts import Small, read_parts
from gateway.api.problems import ParameterInvalid
from gateway.flow.caller import Caller
from gateway.flow.reading import Filter
from gateway.flow.relay import Relay
from gateway.flow.views import DocumentView, ReceiptPage
from gateway.kernel.config import Limits
from gateway.model.delivery import DocumentState

_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_NO_STORE = {"Cache-Control": "no-store"}

DocumentId = Annotated[str, Parameter(pattern=r"^[0-9a-f-]{36}$", description="Identifiant rendu à l'acceptation.")]


@post(
    "/documents",
    status_code=202,
    responses={200: RECEIPT, **REFUSALS(400, 401, 404, 409, 413, 415, 422, 429, 503)},
    operation_class=DOCUMENT_FORM,
    summary="Confier un document",
)
async def send_document(request: Request[Any, Any, Any], relay: Relay, limits: Limits, caller: Caller) -> Response[DocumentView]:
    """202 with the receipt when the document is on the disk; 200 with the first receipt for a repeated key."""
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise ParameterInvalid(field="Idempotency-Key")
    described = Small(limits.request_bytes, "request")
    with relay.admission.upload() as upload:
        media = await read_parts(request, {"request": described, "file": upload}, required=("request", "file"), limit=limits.document_bytes)
        accepted = await relay.admission.admit(caller, bytes(described.content), upload, media["file"], key)
    location = f"/api/v1/documents/{accepted.receipt.id}"
    return Response(accepted.receipt, status_code=202 if accepted.created else 200, headers={"Location": location, **_NO_STORE})


@get("/documents", responses=REFUSALS(400, 401, 429, 503), summary="Lister les récépissés")
async def list_documents(
    relay: Relay,
    caller: Caller,
    wanted: Annotated[DocumentState | None, Parameter(query="state", description="État du document.")] = None,
    patient: Annotated[str | None, Parameter(min_length=1, max_length=128, description="Numéro de dossier local.")] = None,
    since: Annotated[datetime | None, Parameter(description="Acceptés depuis cet instant.")] = None,
    cursor: Annotated[int | None, Parameter(ge=1, le=2**62, description="Rendu par la page précédente.")] = None,
    limit: Annotated[int, Parameter(ge=1, le=200)] = 50,
) -> Response[ReceiptPage]:
    """Newest first."""
    moment = since.replace(tzinfo=UTC) if since is not None and since.tzinfo is None else since
    page = await relay.reader.page(caller, Filter(state=wanted, patient=patient, since=moment, cursor=cursor, limit=limit))
    return Response(page, headers=_NO_STORE)


@get("/documents/{document_id:str}", responses=REFUSALS(400, 401, 404, 429, 503), summary="Lire un récépissé")
async def read_document(relay: Relay, caller: Caller, document_id: DocumentId) -> Response[DocumentView]:
    """The receipt as it stands."""
    return Response(await relay.reader.receipt(caller, document_id), headers=_NO_STORE)


@post("/documents/{document_id:str}/cancel", status_code=200, responses=REFUSALS(400, 401, 404, 409, 429, 503), summary="Annuler")
async def cancel_document(relay: Relay, caller: Caller, document_id: DocumentId) -> Response[DocumentView]:
    """Before anything left; 409 already-sent after."""
    return Response(await relay.operations.cancel(caller, document_id), headers=_NO_STORE)


@get(
    "/documents/{document_id:str}/cda",
    responses={200: CDA, **REFUSALS(400, 401, 404, 409, 429, 503)},
    summary="Lire le CDA envoyé",
    media_type="text/xml",
)
async def read_cda(relay: Relay, caller: Caller, document_id: DocumentId) -> Response[bytes]:
    """The frozen bytes; 404 while there are none."""
    content = await relay.reader.cda(caller, document_id)
    return Response(content, media_type="text/xml", headers=_NO_STORE)


@get(
    "/documents/{document_id:str}/proof",
    responses={200: ZIP, **REFUSALS(400, 401, 404, 409, 429, 503)},
    summary="Télécharger la preuve",
    media_type="application/zip",
)
async def read_proof(relay: Relay, caller: Caller, document_id: DocumentId) -> Response[bytes]:
    """Frozen bytes, answers, audit lines, in a zip."""
    content = await relay.reader.proof(caller, document_id)
    headers = {"Content-Disposition": f'attachment; filename="preuve-{document_id}.zip"', **_NO_STORE}
    return Response(content, media_type="application/zip", headers=headers)
