"""A JSON body that may hold the PIN of a card: decoded as windows on its bytes, which are overwritten once the request is answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
from litestar import Request

from gateway.api.bodies import BodyTypeRefused, media_type
from gateway.api.parts import Small, bounded, check_announced, steady
from gateway.flow.decoding import decode
from gateway.kernel.config import Limits

_T = TypeVar("_T", bound=msgspec.Struct)
_JSON = ("", "application/json")


@asynccontextmanager
async def secret_json(request: Request[Any, Any, Any], limits: Limits, kind: type[_T], *, most: int | None = None) -> AsyncIterator[_T]:
    """The value, for the length of the block; raises BodyTypeRefused, RequestInvalid, BodyTooLarge, BodyTooSlow, BodyMalformed.

    What the server's own buffers held of it is freed, not overwritten: Python gives no way to.
    """
    if media_type(request) not in _JSON:
        raise BodyTypeRefused(field="Content-Type")
    limit = limits.request_bytes if most is None else most
    check_announced(request.headers.get("content-length", ""), limit)
    kept = Small(limit, "body")
    try:
        async for chunk in bounded(steady(request.stream(), limits.body_idle_seconds), limit):
            kept.write(chunk)
        yield decode(kept.held, kind)
    finally:
        kept.wipe()
