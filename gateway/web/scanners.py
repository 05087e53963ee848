"""The pages of barcode scanners: which there are, whose they are, and a plain test, « ce que j'ai reçu ». What is shown is kept nowhere.

While a test waits for scans its page asks for itself again, without script; a link stops that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, QueryParameter

from gateway.flow.caller import Caller
from gateway.flow.relay import Relay
from gateway.flow.scanners.desk import ScannerDesk
from gateway.flow.scanners.errors import DevicesSilent
from gateway.kernel.errors import RelaisError
from gateway.web.access import Visitor, read_form, see_other
from gateway.web.rendering import page
from gateway.web.scanner_cards import scanner_card, speed_words, test_card
from gateway.web.sessions import Notice, Sessions

PAGE: Final = "/lecteurs-de-codes"
REFRESH_SECONDS: Final = 2

_Act = Callable[[ScannerDesk, Caller, str], Awaitable[Any]]
_ACTS: Final[dict[str, tuple[_Act, str]]] = {
    "associer": (ScannerDesk.pair, "Le lecteur est associé à ce poste : ce qu'il scanne sera donné à ce poste, et à lui seul."),
    "dissocier": (ScannerDesk.unpair, "Le lecteur n'est plus associé : ce qu'il scanne n'est donné à personne."),
    "terminer": (ScannerDesk.end_test, "L'essai est terminé, et ce qui avait été reçu est oublié."),
}


@get(PAGE, include_in_schema=False)
async def show_scanners(relay: Given[Relay], sessions: Given[Sessions], visitor: Given[Visitor]) -> Response[Any]:
    """Every scanner of the box, those of this workstation first."""
    try:
        views = await relay.scanners.scanners(visitor.caller)
        silent = None
    except DevicesSilent as problem:
        views, silent = (), problem.explanation
    ordered = sorted(views, key=lambda one: (one.paired != "here", one.paired is not None, not one.connected))
    cards = [scanner_card(one, operator=visitor.caller.sees_all) for one in ordered]
    return page("lecteurs.html", visitor=visitor, notice=sessions.take(visitor.session), scanners=cards, silent=silent)


@get(PAGE + "/{scanner_id:str}/essai", include_in_schema=False)
async def show_test(
    relay: Given[Relay],
    sessions: Given[Sessions],
    visitor: Given[Visitor],
    scanner_id: FromPath[str],
    fixe: Annotated[str | None, QueryParameter(max_length=1)] = None,
) -> Response[Any]:
    """The test of one scanner: what came, in words."""
    scanner = await relay.scanners.scanner(visitor.caller, scanner_id)
    test = relay.scanners.test(visitor.caller, scanner_id)
    turning = test is not None and fixe is None
    return page(
        "essai.html",
        headers={"Refresh": str(REFRESH_SECONDS)} if turning else None,
        visitor=visitor,
        notice=sessions.take(visitor.session),
        scanner=scanner_card(scanner, operator=visitor.caller.sees_all),
        speed=speed_words(scanner) if scanner.tested else "",
        test=test_card(test) if test is not None else None,
        turning=turning,
    )


@post(PAGE + "/{scanner_id:str}/essayer", include_in_schema=False, status_code=303)
async def begin_test(
    request: Request[Any, Any, Any], relay: Given[Relay], sessions: Given[Sessions], visitor: Given[Visitor], scanner_id: FromPath[str]
) -> Response[Any]:
    """Begin a test, and go and look at it."""
    await read_form(request, sessions, visitor.session)
    try:
        await relay.scanners.begin_test(visitor.caller, scanner_id)
    except RelaisError as refusal:
        return _refused(refusal, sessions, visitor)
    return see_other(f"{PAGE}/{scanner_id}/essai")


@post(PAGE + "/{scanner_id:str}/{gesture:str}", include_in_schema=False, status_code=303)
async def act_on_scanner(
    request: Request[Any, Any, Any],
    relay: Given[Relay],
    sessions: Given[Sessions],
    visitor: Given[Visitor],
    scanner_id: FromPath[str],
    gesture: FromPath[str],
) -> Response[Any]:
    """Pair, unpair, or end a test."""
    if gesture not in _ACTS:
        raise NotFoundException
    await read_form(request, sessions, visitor.session)
    act, done = _ACTS[gesture]
    try:
        await act(relay.scanners, visitor.caller, scanner_id)
    except RelaisError as refusal:
        return _refused(refusal, sessions, visitor)
    sessions.leave(visitor.session, Notice(tone="ok", what=done))
    return see_other(PAGE)


def _refused(refusal: RelaisError, sessions: Sessions, visitor: Visitor) -> Response[Any]:
    told = refusal.explanation
    sessions.leave(visitor.session, Notice(tone="bad", what=told.what, gesture=told.gesture))
    return see_other(PAGE)
