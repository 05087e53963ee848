"""Errors as application/problem+json (RFC 9457): stable code, French detail, field at fault, next gesture. Never a patient datum."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.types import ExceptionHandlersMap

from gateway.flow.cards.errors import CardRefused, PinRequired, ReaderBusy
from gateway.kernel.errors import Refused, RelaisError
from gateway.kernel.trace import trace_of

_log = structlog.get_logger("relais.api")

MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER = {429: 60, 503: 30}
"""Seconds, unless the error itself knows that it will last longer."""


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of every refusal."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    gesture: str
    field: str | None = None
    tries_left: int | None = None
    """Of the PIN of a card, when the card told it."""


class RouteUnknown(Refused):
    """No such address."""

    code = "route-unknown"
    status = 404
    title = "Adresse inconnue"
    what = "Cette adresse n'existe pas dans l'API de Relais."
    gesture = "Vérifiez l'adresse dans la documentation de l'API."


class MethodRefused(Refused):
    """The address exists, not with this verb."""

    code = "method-refused"
    status = 405
    title = "Méthode refusée"
    what = "Cette adresse ne s'utilise pas avec cette méthode."
    gesture = "Vérifiez la méthode dans la documentation de l'API."


class ParameterInvalid(Refused):
    """A parameter of the address or a header does not have the expected form."""

    code = "parameter-invalid"
    status = 400
    title = "Paramètre invalide"
    what = "Un paramètre de la demande n'a pas la forme attendue."
    gesture = "Corrigez le paramètre indiqué, puis recommencez."


def problem_of(error: RelaisError) -> Problem:
    """The problem that tells an error."""
    explanation = error.explanation
    return Problem(
        type=f"urn:relais:probleme:{error.code}",
        title=error.title,
        status=error.status,
        detail=explanation.what,
        code=error.code,
        gesture=explanation.gesture,
        field=error.field,
        tries_left=error.tries_left if isinstance(error, CardRefused) else None,
    )


def problem_response(error: RelaisError) -> Response[Problem]:
    """The answer that carries it."""
    headers: dict[str, str] = {}
    if error.status in _RETRY_AFTER:
        least = 1 if isinstance(error, ReaderBusy) else _RETRY_AFTER[error.status]
        headers["Retry-After"] = str(max(least, math.ceil(error.least_wait)))
    if error.status == 401:
        headers["WWW-Authenticate"] = "CpsPin" if isinstance(error, PinRequired) else 'Bearer realm="relais"'
    return Response(problem_of(error), status_code=error.status, media_type=MEDIA_TYPE, headers=headers)


def answer_relais(request: Request[Any, Any, Any], error: RelaisError) -> Response[Problem]:
    """Our own errors; those of 500 and more are logged by code."""
    del request
    if error.status >= 500:
        _log.warning("request failed", code=error.code, why=error.technical)
    return problem_response(error)


def answer_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """The framework's errors, told as ours."""
    if isinstance(error, NotFoundException):
        return problem_response(RouteUnknown())
    if isinstance(error, MethodNotAllowedException):
        answer = problem_response(MethodRefused())
        answer.headers.update(error.headers or {})
        return answer
    if error.status_code >= 500:
        return answer_unexpected(request, error)
    return problem_response(ParameterInvalid(field=_parameter_of(error)))


def answer_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """A defect: logged by its type and place, told without detail."""
    _log.error("unexpected error", path=request.scope.get("path_template"), kind=type(error).__name__, trace=trace_of(error))
    return problem_response(RelaisError(type(error).__name__))


def _parameter_of(error: HTTPException) -> str | None:
    extra = error.extra
    if isinstance(extra, list) and extra and isinstance(extra[0], dict):
        return str(extra[0].get("key")) if extra[0].get("key") else None
    return None


HANDLERS: ExceptionHandlersMap = {RelaisError: answer_relais, HTTPException: answer_http, Exception: answer_unexpected}
