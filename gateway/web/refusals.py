"""Errors as a person reads them: a page with what happened and what to do; back to the sign-in form when a session is over."""

from __future__ import annotations

from typing import Any

import structlog
from litestar import Request, Response, get
from litestar.exceptions import HTTPException, InternalServerException
from litestar.params import FromPath
from litestar.types import ExceptionHandlersMap

from gateway.kernel.errors import RelaisError
from gateway.kernel.trace import trace_of
from gateway.web.access import SignInNeeded, see_other
from gateway.web.rendering import page

_log = structlog.get_logger("relais.web")

_HUNG_UP = "client disconnected prematurely"
"""What the framework says of a caller who left in the middle of a form: nothing to log."""
_RETRY_AFTER = {429: "60", 503: "30"}


def _problem(status: int, title: str, what: str, gesture: str, code: str | None = None) -> Response[str]:
    headers = {"Retry-After": _RETRY_AFTER[status]} if status in _RETRY_AFTER else None
    facts = {"title": title, "what": what, "gesture": gesture, "code": code}
    return page("probleme.html", status=status, headers=headers, visitor=None, notice=None, problem=facts)


def answer_relais(request: Request[Any, Any, Any], error: RelaisError) -> Response[Any]:
    """Our own errors, in their own words."""
    del request
    if isinstance(error, SignInNeeded):
        return see_other("/connexion")
    if error.status >= 500:
        _log.warning("page failed", code=error.code, why=error.technical)
    told = error.explanation
    return _problem(error.status, error.title, told.what, told.gesture, error.code)


def answer_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """The framework's errors: an address or a form that is not one of ours."""
    hung_up = isinstance(error, InternalServerException) and error.detail == _HUNG_UP
    if error.status_code >= 500 and not hung_up:
        return answer_unexpected(request, error)
    if error.status_code == 404:
        return _problem(404, "Page introuvable", "Cette page n'existe pas, ou n'existe plus.", "Revenez à l'accueil.")
    return _problem(
        400 if hung_up else error.status_code,
        "Demande non comprise",
        "Relais n'a pas compris cette demande.",
        "Revenez à l'accueil, puis recommencez.",
    )


def answer_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """A defect: logged by its type and place, told without detail."""
    _log.error("unexpected error", path=request.scope.get("path_template"), kind=type(error).__name__, trace=trace_of(error))
    told = RelaisError().explanation
    return _problem(500, RelaisError.title, told.what, told.gesture, told.code)


@get("/{anything:path}", include_in_schema=False)
async def show_nothing(anything: FromPath[str]) -> Response[Any]:
    """An address that no page has."""
    del anything
    return _problem(404, "Page introuvable", "Cette page n'existe pas, ou n'existe plus.", "Revenez à l'accueil.")


HANDLERS: ExceptionHandlersMap = {RelaisError: answer_relais, HTTPException: answer_http, Exception: answer_unexpected}
