"""A JSON (or CSV) body read whole, within a size and without waiting for ever (contract section 3)."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from litestar import Request

from gateway.api.parts import ContentTypeRefused, Small, bounded, check_announced, steady
from gateway.flow.decoding import decode
from gateway.kernel.config import Limits

_T = TypeVar("_T", bound=msgspec.Struct)
_JSON = ("", "application/json")


class BodyTypeRefused(ContentTypeRefused):
    """The body is not of a type this address takes."""

    what = "Cette demande doit être du JSON (« application/json »)."


async def read_body(request: Request[Any, Any, Any], limits: Limits, *, most: int | None = None) -> bytes:
    """The bytes of the body; raises BodyTooLarge, BodyTooSlow, BodyMalformed."""
    limit = limits.request_bytes if most is None else most
    check_announced(request.headers.get("content-length", ""), limit)
    kept = Small(limit, "body")
    async for chunk in bounded(steady(request.stream(), limits.body_idle_seconds), limit):
        kept.write(chunk)
    return kept.content()


async def read_json(request: Request[Any, Any, Any], limits: Limits, kind: type[_T], *, most: int | None = None) -> _T:
    """The value; raises BodyTypeRefused, RequestInvalid naming the field, and as `read_body`."""
    if media_type(request) not in _JSON:
        raise BodyTypeRefused(field="Content-Type")
    return decode(await read_body(request, limits, most=most), kind)


def media_type(request: Request[Any, Any, Any]) -> str:
    """What the body says it is, in lower case and without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
