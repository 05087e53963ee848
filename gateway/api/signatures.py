"""The signature service: XAdES of a given document by the structure's certificate, and a report on a signed one."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Response, post

from gateway.api.answers import REFUSALS
from gateway.api.operations import SIGN_FORM, VERIFY_FORM
from gateway.api.parts import Small, read_parts
from gateway.api.problems import ParameterInvalid
from gateway.flow.caller import Caller
from gateway.flow.relay import Relay
from gateway.flow.signatures import SignatureOrder
from gateway.kernel.config import Limits
from gateway.trust.report import Report

_NO_STORE = {"Cache-Control": "no-store"}


class RuleView(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of the report: its esignsante name, the verdict, a French sentence."""

    rule: str
    verdict: str
    sentence: str


class ReportView(msgspec.Struct, frozen=True, kw_only=True):
    """The report; `original` is the signed content in base64, only when signature and document are intact."""

    valid: bool
    rules: tuple[RuleView, ...]
    packaging: str | None
    signing_time: datetime | None
    signer: str | None
    issuer: str | None
    original: str | None


@post(
    "/signatures",
    status_code=200,
    responses=REFUSALS(400, 401, 413, 415, 422, 429, 503),
    operation_class=SIGN_FORM,
    summary="Signer un document",
    media_type="text/xml",
)
async def sign(request: Request[Any, Any, Any], relay: Relay, limits: Limits, caller: Caller) -> Response[bytes]:
    """The signed document: enveloping, or detached beside the given one. A CDA is never signed enveloped."""
    file, order = Small(limits.document_bytes, "file"), Small(limits.request_bytes, "request")
    media = await read_parts(request, {"file": file, "request": order}, required=("file",), limit=limits.document_bytes)
    signed = await relay.signatures.sign(caller, _order(bytes(order.content)), bytes(file.content), media["file"])
    return Response(signed, media_type="text/xml", headers=_NO_STORE)


@post(
    "/signatures/verify",
    status_code=200,
    responses=REFUSALS(400, 401, 413, 415, 429, 503),
    operation_class=VERIFY_FORM,
    summary="Vérifier une signature",
)
async def verify(request: Request[Any, Any, Any], relay: Relay, limits: Limits, caller: Caller) -> Response[ReportView]:
    """The report rule by rule; `original` part for a detached signature."""
    del caller
    file, original = Small(2 * limits.document_bytes, "file"), Small(limits.document_bytes, "original")
    received = await read_parts(request, {"file": file, "original": original}, required=("file",), limit=3 * limits.document_bytes)
    detached = bytes(original.content) if "original" in received else None
    return Response(_view(await relay.signatures.verify(bytes(file.content), detached)), headers=_NO_STORE)


def _order(data: bytes) -> SignatureOrder:
    try:
        return msgspec.json.decode(data, type=SignatureOrder) if data else SignatureOrder()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ParameterInvalid(field="request") from None


def _view(report: Report) -> ReportView:
    return ReportView(
        valid=report.valid,
        rules=tuple(RuleView(rule=str(one.rule), verdict=str(one.verdict), sentence=one.sentence) for one in report.findings),
        packaging=report.packaging,
        signing_time=report.signing_time,
        signer=report.signer,
        issuer=report.issuer,
        original=base64.b64encode(report.original).decode() if report.original is not None else None,
    )
