"""The page « Certificats »: what the box holds, the import of a file, the next certificate put into use or taken away.

A passphrase goes from the form to the key store: no notice, no session and no log keeps it, and it is never shown again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency as Given
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from gateway.flow.caller import Caller
from gateway.flow.certificates.custody import ImportOrder
from gateway.flow.certificates.views import ImportView
from gateway.flow.relay import Relay
from gateway.kernel.errors import RelaisError
from gateway.trust.roles import Role
from gateway.trust.slots import Slot
from gateway.web.access import Visitor, read_form, see_other
from gateway.web.certificate_cards import PURPOSES, certificate_cards
from gateway.web.faults import FormIncomplete, refused_notice
from gateway.web.persons import acting, seat_of
from gateway.web.rendering import page
from gateway.web.sessions import Notice, Sessions

LARGEST_FORM = 1_040_000
"""Bytes: a .p12 and some room, under what the framework would put on the disk."""
_FILE, _PASSPHRASE = "fichier", "mot_de_passe"

_Act = Callable[[Relay, Caller, str, Role], Awaitable[object]]


async def _erase_next(relay: Relay, caller: Caller, structure: str, role: Role) -> object:
    await relay.certificates.erase(caller, structure, role, Slot.NEXT)
    return None


_GESTURES: dict[str, tuple[_Act, str]] = {
    "mettre-en-service": (
        lambda relay, caller, structure, role: relay.successions.switch(caller, structure, role),
        "Le nouveau certificat est en service. Relais le surveille pendant une heure.",
    ),
    "revenir": (
        lambda relay, caller, structure, role: relay.successions.call_back(caller, structure, role),
        "L'ancien certificat est de nouveau en service.",
    ),
    "essayer": (
        lambda relay, caller, structure, role: relay.successions.rehearse(caller, structure, role),
        "Le certificat suivant vient d'être essayé.",
    ),
    "retirer": (_erase_next, "Le certificat suivant est retiré. Celui en service ne change pas."),
}


@get("/certificats", include_in_schema=False)
async def show_certificates(relay: Given[Relay], sessions: Given[Sessions], now: Given[datetime], visitor: Given[Visitor]) -> Response[Any]:
    """What is held for each structure of this workstation, and the form to import one."""
    held = await relay.certificates.page(visitor.caller)
    successions = (await relay.successions.page(visitor.caller)).items
    structures = [
        {"seat": seat_of(relay, sessions, visitor, one), "cards": certificate_cards(held, successions, one, now)}
        for one in visitor.caller.structures
    ]
    return page(
        "certificats.html",
        visitor=visitor,
        notice=sessions.take(visitor.session),
        structures=structures,
        purposes=tuple(PURPOSES.items()),
        several=len(structures) > 1,
    )


@post("/certificats", include_in_schema=False, status_code=303, request_max_body_size=LARGEST_FORM)
async def take_certificate(
    request: Request[Any, Any, Any], relay: Given[Relay], sessions: Given[Sessions], visitor: Given[Visitor]
) -> Response[Any]:
    """Import the file of the form, and say what its services made of it."""
    fields = await read_form(request, sessions, visitor.session)
    passphrase = fields.pop(_PASSPHRASE, "")
    structure = fields.get("structure", "")
    try:
        order = _order(structure, fields, passphrase)
        data = await _sent(request)
        caller = acting(relay, sessions, visitor, structure, fields)
        taken = await relay.certificates.take(caller, order, data)
    except RelaisError as refusal:
        sessions.leave(visitor.session, refused_notice(refusal, fields))
    else:
        sessions.leave(visitor.session, _notice(taken))
    return see_other("/certificats")


@post("/certificats/{structure:str}/{role:str}/{gesture:str}", include_in_schema=False, status_code=303)
async def act_on_certificate(
    request: Request[Any, Any, Any],
    relay: Given[Relay],
    sessions: Given[Sessions],
    visitor: Given[Visitor],
    structure: FromPath[str],
    role: FromPath[str],
    gesture: FromPath[str],
) -> Response[Any]:
    """Try the next one, put it into use, come back, or take it away."""
    if gesture not in _GESTURES or role not in PURPOSES:
        raise NotFoundException
    fields = await read_form(request, sessions, visitor.session)
    act, done = _GESTURES[gesture]
    try:
        await act(relay, acting(relay, sessions, visitor, structure, fields), structure, Role(role))
    except RelaisError as refusal:
        sessions.leave(visitor.session, refused_notice(refusal, fields))
    else:
        sessions.leave(visitor.session, Notice(tone="ok", what=done))
    return see_other("/certificats")


def _order(structure: str, fields: dict[str, str], passphrase: str) -> ImportOrder:
    """What the form asks for; raises FormIncomplete."""
    if not fields.get("usage"):
        raise FormIncomplete(field="usage")
    try:
        return msgspec.convert({"structure": structure, "role": fields["usage"], "passphrase": passphrase}, ImportOrder)
    except msgspec.ValidationError:
        raise FormIncomplete from None


async def _sent(request: Request[Any, Any, Any]) -> bytes:
    sent = (await request.form()).get(_FILE)
    if not isinstance(sent, UploadFile) or not sent.filename:
        raise FormIncomplete(field=_FILE)
    return await sent.read()


def _notice(taken: ImportView) -> Notice:
    waits = taken.certificate.slot == Slot.NEXT
    place = "Il attend comme certificat suivant." if waits else "Il est en service."
    refusals = " ".join(one.what for one in taken.calls if one.outcome == "refused")
    return Notice(
        tone="ok" if taken.outcome == "good" else "act",
        what=" ".join(filter(None, (taken.what, place, refusals))),
        gesture="" if taken.outcome == "good" else taken.gesture,
    )
