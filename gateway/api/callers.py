"""Recognises who calls: bearer token or client certificate of a paired workstation, actor named in Relais-Actor."""

from __future__ import annotations

import hashlib
import re
import ssl
from typing import Any

from litestar import Request

from gateway.api.problems import ParameterInvalid
from gateway.flow.caller import Caller
from gateway.flow.relay import Relay

ACTOR_PATTERN = r"^[0-9A-Za-z/._-]{1,64}$"

_ACTOR = re.compile(ACTOR_PATTERN)
_BEARER = "bearer"


async def caller_of(request: Request[Any, Any, Any], relay: Relay) -> Caller:
    """Dependency of every route that needs a workstation; raises Unauthenticated, RateLimited, ParameterInvalid.

    A token, right or wrong, comes before the certificate.
    """
    actor = actor_of(request)
    shown = request.headers.get("authorization")
    certificate = _certificate(request)
    if shown is None and certificate is not None:
        return await relay.gate.recognise_certificate(hashlib.sha256(certificate).hexdigest(), actor)
    scheme, _, token = (shown or "").partition(" ")
    return await relay.gate.recognise(token.strip() if scheme.lower() == _BEARER else None, actor)


async def caller_of_secret(request: Request[Any, Any, Any], relay: Relay, secret: str) -> Caller:
    """The workstation whose token a form holds, for clients that send no header; raises as `caller_of`."""
    return await relay.gate.recognise(secret or None, actor_of(request))


def actor_of(request: Request[Any, Any, Any]) -> str | None:
    """The person named in Relais-Actor; raises ParameterInvalid."""
    actor = request.headers.get("relais-actor")
    if actor is not None and not _ACTOR.fullmatch(actor):
        raise ParameterInvalid(field="Relais-Actor")
    return actor


def is_anonymous(request: Request[Any, Any, Any]) -> bool:
    """True when the request shows neither a token nor a certificate."""
    return "authorization" not in request.headers and _certificate(request) is None


def _certificate(request: Request[Any, Any, Any]) -> bytes | None:
    """DER of the client certificate, as the ASGI TLS extension gives it."""
    extensions: dict[str, Any] = request.scope.get("extensions") or {}
    chain = extensions.get("tls", {}).get("client_cert_chain") or []
    return ssl.PEM_cert_to_DER_cert(chain[0]) if chain else None
