"""Signing in with the token of a workstation, signing out, and knowing at each request who asks.

The token is recognised anew at each request: a workstation that is revoked loses the page at once. Forms carry the mark of their
session, and a form sent by another site is refused before anything is read.
"""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency as Given
from litestar.response import Redirect

from gateway.flow.caller import OPERATOR, Caller
from gateway.flow.errors import TokenExpired, Unauthenticated
from gateway.flow.relay import Relay
from gateway.kernel.errors import Refused
from gateway.web.rendering import HEADERS, page
from gateway.web.sessions import LIFE_SECONDS, Notice, Sessions

COOKIE = "__Host-relais"
_LONGEST_TOKEN = 200


class SignInNeeded(Refused):
    """No session, or one that is over."""

    code = "sign-in-needed"
    status = 401
    title = "Connexion nécessaire"


class ForeignForm(Refused):
    """The form does not come from this page, or its session is over."""

    code = "foreign-form"
    status = 403
    title = "Page expirée"
    who = "le secrétariat"
    what = "Cette page n'est plus à jour : votre demande n'a pas été prise en compte."
    gesture = "Revenez à l'accueil, puis recommencez."


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """Who looks at the page: the workstation behind the session, and the mark of its forms."""

    session: str
    caller: Caller
    mark: str

    @property
    def name(self) -> str:
        """How the page calls this workstation."""
        return "Accès installateur" if self.caller.name == OPERATOR else self.caller.name


async def visitor_of(request: Request[Any, Any, Any], relay: Given[Relay], sessions: Given[Sessions]) -> Visitor:
    """Dependency of every page but the first; raises SignInNeeded, RateLimited."""
    number = request.cookies.get(COOKIE, "")
    token = sessions.token(number)
    if token is None:
        raise SignInNeeded
    try:
        caller = await relay.gate.recognise(token, None)
    except Unauthenticated:
        sessions.close(number)
        raise SignInNeeded from None
    return Visitor(session=number, caller=caller, mark=sessions.mark(number))


async def read_form(request: Request[Any, Any, Any], sessions: Sessions, session: str) -> dict[str, str]:
    """The fields of a form of this session; raises ForeignForm."""
    _check_origin(request)
    fields = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    if not sessions.is_mark(session, fields.get("marque", "")):
        raise ForeignForm
    return fields


@get("/connexion", include_in_schema=False)
async def show_sign_in(request: Request[Any, Any, Any], sessions: Given[Sessions]) -> Response[Any]:
    """The form; straight home for who is signed in already."""
    if sessions.token(request.cookies.get(COOKIE, "")) is not None:
        return see_other("/")
    return page("connexion.html", notice=None, visitor=None)


@post("/connexion", include_in_schema=False, status_code=303)
async def sign_in(request: Request[Any, Any, Any], relay: Given[Relay], sessions: Given[Sessions]) -> Response[Any]:
    """Opens a session for a token that the box knows."""
    _check_origin(request)
    token = str((await request.form()).get("jeton", "")).strip()
    try:
        await relay.gate.recognise(token[:_LONGEST_TOKEN], None)
    except TokenExpired as expired:
        told = expired.explanation
        return page("connexion.html", status=403, notice=Notice(tone="bad", what=told.what, gesture=told.gesture), visitor=None)
    except Unauthenticated:
        notice = Notice(tone="bad", what="Ce jeton n'est pas reconnu.", gesture="Vérifiez qu'il a été collé en entier, puis recommencez.")
        return page("connexion.html", status=403, notice=notice, visitor=None)
    sessions.close(request.cookies.get(COOKIE, ""))
    answer = see_other("/")
    answer.set_cookie(_cookie(sessions.open(token), LIFE_SECONDS))
    return answer


@post("/deconnexion", include_in_schema=False, status_code=303)
async def sign_out(request: Request[Any, Any, Any], sessions: Given[Sessions]) -> Response[Any]:
    """Ends the session."""
    number = request.cookies.get(COOKIE, "")
    if sessions.token(number) is not None:
        await read_form(request, sessions, number)
        sessions.close(number)
    answer = see_other("/connexion")
    answer.set_cookie(_cookie("", 0))
    return answer


def see_other(path: str) -> Redirect:
    """Go and look there."""
    return Redirect(path, status_code=303, headers=HEADERS)


def _cookie(value: str, seconds: int) -> Cookie:
    return Cookie(key=COOKIE, value=value, path="/", max_age=seconds, secure=True, httponly=True, samesite="strict")


def _check_origin(request: Request[Any, Any, Any]) -> None:
    """Browsers say where a form comes from; what says nothing (curl) has no cookie of anybody's to abuse."""
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "same-origin")
    if site not in ("same-origin", "none") or (origin is not None and origin.partition("://")[2] != request.headers.get("host")):
        raise ForeignForm
