"""Recognises who calls: bearer token of a paired workstation, actor named in Relais-Actor."""

from __future__ import annotations

import re
from typing import Any

from litestar import Request

from gateway.api.problems import ParameterInvalid
from gateway.flow.caller import Caller
from gateway.flow.relay import Relay

_ACTOR = re.compile(r"[0-9A-Za-z/._-]{1,64}")


async def caller_of(request: Request[Any, Any, Any], relay: Relay) -> Caller:
    """Dependency of every route that needs a token; raises Unauthenticated, RateLimited, ParameterInvalid."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    actor = request.headers.get("relais-actor")
    if actor is not None and not _ACTOR.fullmatch(actor):
        raise ParameterInvalid(field="Relais-Actor")
    return await relay.gate.recognise(token.strip() if scheme.lower() == "bearer" else None, actor)
