"""The signature service: XAdES of a given document by the structure's certificate, and a report on a signed one."""

from __future__ import annotations

import base64
import re
from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency as Given

from gateway.api.parts import ContentTypeRefused, Small, check_json, read_parts
from gateway.api.problems import ParameterInvalid
from gateway.flow.caller import Caller
from gateway.flow.relay import Relay
from gateway.flow.signing.signatures import SignatureOrder
from gateway.kernel.config import Limits
from gateway.trust.report import Report

_MEDIA_TYPE = re.compile(r"[\x20-\x7e]{0,200}")


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


@post("/signatures", status_code=200)
async def sign(request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits], caller: Given[Caller]) -> Response[bytes]:
    """The signed document: enveloping, or detached beside the given one. A CDA is never signed enveloped."""
    with relay.admission.share() as share:
        file, order = Small(limits.document_bytes, "file", share), Small(limits.request_bytes, "request", share)
        sinks = {"file": file, "request": order}
        most, patience = limits.document_bytes + limits.request_bytes, limits.body_idle_seconds
        media = await read_parts(request, sinks, required=("file",), limit=most, patience=patience)
        check_json(media.get("request", ""), "request")
        if not _MEDIA_TYPE.fullmatch(media["file"]):
            raise ContentTypeRefused(field="file")
        signed = await relay.signatures.sign(caller, _order(order.content()), file.content(), media["file"])
    return Response(signed, media_type="text/xml")


@post("/signatures/verify", status_code=200)
async def verify(request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits], caller: Given[Caller]) -> ReportView:
    """The report rule by rule; `original` part for a detached signature."""
    del caller
    with relay.admission.share() as share:
        file, original = Small(2 * limits.document_bytes, "file", share), Small(limits.document_bytes, "original", share)
        sinks, most = {"file": file, "original": original}, 3 * limits.document_bytes
        received = await read_parts(request, sinks, required=("file",), limit=most, patience=limits.body_idle_seconds)
        detached = original.content() if "original" in received else None
        return _view(await relay.signatures.verify(file.content(), detached))


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
