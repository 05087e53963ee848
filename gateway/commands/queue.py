"""`relais queue`: the queue as an operator sees it, and its gestures; read from the journal, commanded through the running gateway.

When no gateway runs, the gestures are made in the journal itself: one process owns a home at a time.
"""

from __future__ import annotations

import json
import ssl
import sys
import urllib.error
import urllib.request
from typing import Any

import msgspec

from gateway.app import Gateway, opened
from gateway.flow.caller import ACTOR, OPERATOR, Caller
from gateway.flow.errors import NotFound
from gateway.flow.reading import Filter
from gateway.flow.views import DocumentView
from gateway.journal.home_lock import HomeBusy
from gateway.kernel.errors import ConfigurationFault, RelaisError
from gateway.kernel.home import Home

_PAGE = 200


class GatewayNotAnswering(ConfigurationFault):
    """A process owns the home but does not answer."""

    code = "gateway-not-answering"
    what = "Le boîtier est en marche mais ne répond pas à la commande."
    gesture = "Réessayez ; si cela dure, redémarrez Relais."


class GestureRefused(RelaisError):
    """The running gateway answered no; its own words."""

    code = "gesture-refused"
    status = 409
    what = "{detail}"
    gesture = "{gesture} ({answered})"


async def queue(home: Home, action: str, identifier: str | None, *, as_json: bool, person: str | None = None) -> int:
    """Run one action, in the name of a person when one is given; raises NotFound, NotPossibleNow and what the gesture raises."""
    if action in ("show", "hold", "release", "retry") and not identifier:
        raise NotFound(field="id")
    try:
        async with opened(home) as gateway:
            answer = await _in_the_journal(gateway, action, identifier or "", person)
    except HomeBusy:
        answer = _through_the_gateway(home, action, identifier or "", person)
    sys.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2) + "\n" if as_json else _told(action, answer))
    return 0


def _through_the_gateway(home: Home, action: str, identifier: str, person: str | None) -> Any:
    facts = _facts(home)
    paths = {"list": "/documents?limit=200", "show": f"/documents/{identifier}", "shape": "/status"}
    url = facts["api"] + paths.get(action, f"/deliveries/{identifier}/{action}")
    headers = {"Authorization": f"Bearer {home.operator_token.read_text().strip()}"} | ({ACTOR: person} if person else {})
    request = urllib.request.Request(url, headers=headers, method="GET" if action in paths else "POST")  # noqa: S310 - our own gateway.json
    try:
        context = ssl.create_default_context(cafile=facts["ca"])
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:  # noqa: S310
            found = msgspec.json.decode(answer.read())
    except urllib.error.HTTPError as refusal:
        raise _as_error(refusal) from None
    except OSError as problem:
        raise GatewayNotAnswering(type(problem).__name__) from problem
    return found["queue"] if action == "shape" else found.get("items", found)


def _facts(home: Home) -> dict[str, Any]:
    try:
        return msgspec.json.decode(home.ready_file.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError) as problem:
        raise GatewayNotAnswering("gateway.json") from problem


def _as_error(refusal: urllib.error.HTTPError) -> RelaisError:
    if refusal.code == NotFound.status:
        return NotFound(field="id")
    problem = msgspec.json.decode(refusal.read())
    return GestureRefused(detail=problem.get("detail"), gesture=problem.get("gesture"), answered=problem.get("code"))


async def _in_the_journal(gateway: Gateway, action: str, identifier: str, person: str | None) -> Any:
    caller = Caller(workstation="", name=OPERATOR, structures=tuple(one.id for one in gateway.base.configuration.structures))
    relay = gateway.relay
    caller = caller if person is None else relay.gate.named(caller, person)
    match action:
        case "list":
            found: Any = list((await relay.reader.page(caller, Filter(limit=_PAGE))).items)
        case "show":
            found = await relay.reader.receipt(caller, identifier)
        case "shape":
            found = list((await relay.status.view()).queue)
        case "hold":
            found = await relay.operations.hold(caller, identifier)
        case "release":
            found = await relay.operations.release(caller, identifier)
        case _:
            found = await relay.operations.retry(caller, identifier)
    return msgspec.to_builtins(found)


def _told(action: str, answer: Any) -> str:
    if action == "shape":
        return "".join(f"{one['lane']:<28} {one['state']:<10} {one['count']:>6}  depuis {one['oldest_accepted_at']}\n" for one in answer)
    documents = answer if isinstance(answer, list) else [answer]
    return "".join(_document(msgspec.convert(one, DocumentView)) for one in documents)


def _document(view: DocumentView) -> str:
    lines = [f"{view.id}  {view.state:<10} {view.accepted_at:%Y-%m-%d %H:%M}"]
    for one in view.deliveries:
        why = f"  {one.explanation.what} → {one.explanation.gesture}" if one.explanation else ""
        lines.append(f"    {one.id}  {one.channel:<4} {one.state:<10} {one.attempts} essai(s){why}")
    return "\n".join(lines) + "\n"
