"""The certificates of the structures: what is held, imports, erasing. A key goes in and never comes out; a passphrase is only read."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, QueryParameter

from gateway.api.address import one_of
from gateway.api.parts import Small, check_json, read_parts
from gateway.api.problems import MEDIA_TYPE, ParameterInvalid, Problem, problem_of
from gateway.flow.caller import Caller
from gateway.flow.certificates.custody import ImportOrder
from gateway.flow.certificates.views import HeldPage, ImportView
from gateway.flow.errors import NotFound
from gateway.flow.relay import Relay
from gateway.kernel.clock import ClockNotTrusted
from gateway.kernel.config import Limits
from gateway.kernel.errors import ConfigurationFault
from gateway.trust.roles import Role
from gateway.trust.slots import Slot

LARGEST_FILE = 1_000_100
"""Bytes of a .p12, with room for the key store to say that it is too large."""
SLOTS = tuple(one.value for one in Slot)


@get("/certificates")
async def list_certificates(relay: Given[Relay], caller: Given[Caller]) -> HeldPage:
    """What is held: in use, next, former."""
    return await relay.certificates.page(caller)


@post("/certificates", status_code=201)
async def import_certificate(
    request: Request[Any, Any, Any], relay: Given[Relay], limits: Given[Limits], caller: Given[Caller]
) -> Response[ImportView | Problem]:
    """Check a .p12, seal its key, then call the services of its role with it."""
    order, file = Small(limits.request_bytes, "request"), Small(LARGEST_FILE, "file")
    most = limits.request_bytes + LARGEST_FILE
    media = await read_parts(
        request, {"request": order, "file": file}, required=("request", "file"), limit=most, patience=limits.body_idle_seconds
    )
    check_json(media["request"], "request")
    try:
        return Response(await relay.certificates.take(caller, _order(order.content()), file.content()), status_code=201)
    except ConfigurationFault as refusal:
        if isinstance(refusal, ClockNotTrusted) or refusal.status != ConfigurationFault.status:
            raise
        # Of a file that was handed in: a 503 would have the caller send it again.
        told = msgspec.structs.replace(problem_of(refusal), status=422)
        return Response(told, status_code=422, media_type=MEDIA_TYPE)


@post("/certificates/{structure:str}/{role:str}/erase", status_code=200)
async def erase_certificate(
    relay: Given[Relay],
    caller: Given[Caller],
    structure: FromPath[str],
    role: FromPath[str],
    slot: Annotated[str | None, QueryParameter(name="slot")] = None,
) -> HeldPage:
    """Erase the next certificate or the former one."""
    if role not in tuple(Role):
        raise NotFound(field="role")
    chosen = one_of(SLOTS, slot, "slot")
    if chosen is None:
        raise ParameterInvalid(field="slot")
    await relay.certificates.erase(caller, structure, Role(role), Slot(chosen))
    return await relay.certificates.page(caller)


def _order(data: bytes) -> ImportOrder:
    try:
        return msgspec.json.decode(data, type=ImportOrder)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ParameterInvalid(field="request") from None
