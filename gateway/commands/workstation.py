"""`relais workstation`: who has access to the box; through the running gateway, else in its home directly.

The same flow as the API. A token is printed once. The token of an operator is kept in the home besides, when the one kept there is good for
nothing any more: the other commands reach a running box with it.
"""

from __future__ import annotations

import json
import ssl
import sys
from typing import Any, Literal, TypeVar

import httpx
import msgspec

from gateway.app import opened
from gateway.commands.queue import GatewayNotAnswering, GestureRefused
from gateway.flow.caller import OPERATOR, Caller
from gateway.flow.decoding import RequestInvalid, decode
from gateway.flow.errors import Unauthenticated
from gateway.flow.relay import Relay
from gateway.flow.workstations.desk import NameBody, WorkstationBody
from gateway.flow.workstations.errors import WorkstationNotFound
from gateway.journal.home_lock import HomeBusy
from gateway.kernel.errors import ConfigurationFault
from gateway.kernel.home import Home
from gateway.trust.files import write_durably

Action = Literal["list", "add", "rename", "renew", "revoke"]
_UNAUTHENTICATED = 401

_Body = TypeVar("_Body", WorkstationBody, NameBody)


class OperatorTokenRefused(ConfigurationFault):
    """The running box does not know the token kept in its home, or none is kept."""

    code = "operator-token-refused"
    title = "Accès installateur perdu"
    what = "Le jeton de l'accès installateur gardé dans ce dossier (operator-token) manque, ou n'est plus reconnu par le boîtier."
    gesture = "Arrêtez Relais, lancez « relais workstation add --operator --home DIR », puis redémarrez Relais."


class NameUnfit(ConfigurationFault):
    """The workstation is not named, or by what is no name of a workstation."""

    code = "workstation-name-unfit"
    title = "Nom de poste à corriger"
    what = "Le nom du poste manque, ou ne convient pas : 1 à 40 lettres, chiffres, espaces et ' . ( ) _ -."
    gesture = "Corrigez-le, entre guillemets s'il contient une espace, puis recommencez (relais workstation --help)."


class WorkstationCall(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed. `station`: a name or an identifier; for `add`, the name."""

    action: Action
    station: str | None = None
    name: str | None = None
    structure: str | None = None
    operator: bool = False
    as_json: bool = False


async def workstation(home: Home, call: WorkstationCall) -> int:
    """Do it and tell it; always 0. Raises what the flow raises, GestureRefused, GatewayNotAnswering, OperatorTokenRefused."""
    try:
        async with opened(home) as gateway:
            answer = msgspec.to_builtins(await _here(gateway.relay, call))
            if "token" in answer and await _kept_is_useless(gateway.relay, home) and _is_operators(answer):
                write_durably(home.operator_token, f"{answer['token']}\n".encode())
    except HomeBusy:
        answer = _through_the_gateway(home, call)
    sys.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2) + "\n" if call.as_json else _told(answer))
    return 0


async def _here(relay: Relay, call: WorkstationCall) -> Any:
    caller, desk = Caller(workstation="operator", name=OPERATOR, structures=()), relay.workstations
    if call.action == "list":
        return await desk.all(caller)
    if call.action == "add":
        return await desk.add(caller, _new(call))
    identifier = _identifier(msgspec.to_builtins(await desk.all(caller)), call.station)
    match call.action:
        case "rename":
            return await desk.rename(caller, identifier, _name(call))
        case "renew":
            return await desk.renew(caller, identifier)
        case _:
            return await desk.revoke(caller, identifier)


async def _kept_is_useless(relay: Relay, home: Home) -> bool:
    try:
        return not (await relay.gate.recognise(home.operator_token.read_text().strip(), None)).sees_all
    except (OSError, UnicodeDecodeError, Unauthenticated):
        return True


def _through_the_gateway(home: Home, call: WorkstationCall) -> Any:
    try:
        facts = msgspec.json.decode(home.ready_file.read_bytes(), type=dict[str, Any])
        context = ssl.create_default_context(cafile=facts["ca"])
        headers = {"Authorization": f"Bearer {_operator_token(home)}"}
        with httpx.Client(base_url=facts["api"], headers=headers, verify=context, timeout=60) as client:
            return _asked(client, home, call)
    except (OSError, msgspec.DecodeError, httpx.HTTPError) as problem:
        raise GatewayNotAnswering(type(problem).__name__) from None


def _asked(client: httpx.Client, home: Home, call: WorkstationCall) -> Any:
    if call.action == "add":
        return _said(client.post("/workstations", json=msgspec.to_builtins(_new(call))))
    known = _said(client.get("/workstations"))
    if call.action == "list":
        return known
    one = f"/workstations/{_identifier(known, call.station)}"
    match call.action:
        case "rename":
            return _said(client.patch(one, json=msgspec.to_builtins(_name(call))))
        case "renew":
            answer = _said(client.post(f"{one}/token"))
            if any(station["here"] and station["id"] == answer["workstation"] for station in known):
                write_durably(home.operator_token, f"{answer['token']}\n".encode())
            return answer
        case _:
            return _said(client.delete(one))


def _said(answer: httpx.Response) -> Any:
    if answer.status_code == _UNAUTHENTICATED:
        raise OperatorTokenRefused
    said = msgspec.json.decode(answer.content)
    if answer.is_error:
        raise GestureRefused(detail=said.get("detail"), gesture=said.get("gesture"), answered=said.get("code"))
    return said


def _operator_token(home: Home) -> str:
    try:
        return home.operator_token.read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise OperatorTokenRefused from None


def _new(call: WorkstationCall) -> WorkstationBody:
    if call.station is None and not call.operator:
        raise NameUnfit
    return _decoded({"name": call.station, "structure": call.structure, "operator": call.operator}, WorkstationBody)


def _name(call: WorkstationCall) -> NameBody:
    return _decoded({"name": call.name}, NameBody)


def _decoded(typed: dict[str, Any], kind: type[_Body]) -> _Body:
    try:
        return decode(msgspec.json.encode(typed), kind)
    except RequestInvalid as problem:
        raise (NameUnfit if problem.field == "name" else problem) from None


def _identifier(known: list[dict[str, Any]], asked: str | None) -> str:
    """Of the one with this identifier, else of the only one with this name; raises NameUnfit, WorkstationNotFound."""
    if not asked:
        raise NameUnfit
    if any(one["id"] == asked for one in known):
        return asked
    named = [str(one["id"]) for one in known if one["name"].casefold() == asked.casefold()]
    if len(named) != 1:
        raise WorkstationNotFound(field="station")
    return named[0]


def _is_operators(answer: dict[str, Any]) -> bool:
    return bool(answer["name"] == OPERATOR)


def _told(answer: Any) -> str:
    if isinstance(answer, list | tuple):
        return "".join(_line(one) for one in answer) or "Aucun poste.\n"
    if "token" in answer:
        return f"{answer['workstation']}  {_called(answer['name'])}\nJeton, donné cette seule fois :\n{answer['token']}\n"
    return _line(answer)


def _line(one: dict[str, Any]) -> str:
    ends = f"  jeton jusqu'au {str(one['token_expires_at'])[:10]}" if one["token_expires_at"] else ""
    return f"{one['id']}  {_called(one['name']):<24} depuis le {str(one['paired_at'])[:10]}{ends}  {' '.join(one['structures'])}\n"


def _called(name: str) -> str:
    return "accès installateur" if name == OPERATOR else name
