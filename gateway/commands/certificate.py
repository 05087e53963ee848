"""`relais certificate`: what is held, imports, the next certificate, a token; through the running gateway, else in its home directly.

The same flow as the API and the page. A passphrase or a PIN is asked at the terminal or read from a descriptor. A token is registered with
the gateway stopped: its PKCS#11 module is loaded here, and never named over the network.
"""

from __future__ import annotations

import json
import ssl
import sys
from pathlib import Path
from typing import Any, Literal

import httpx
import msgspec

from gateway.app import opened
from gateway.commands.passphrase import read_passphrase
from gateway.commands.queue import GatewayNotAnswering, GestureRefused
from gateway.flow.caller import OPERATOR, Caller
from gateway.flow.certificates.custody import ImportOrder
from gateway.flow.relay import Relay
from gateway.journal.home_lock import HomeBusy
from gateway.kernel.errors import ConfigurationFault
from gateway.kernel.home import Home
from gateway.trust.roles import Role
from gateway.trust.slots import Slot

Action = Literal["list", "import", "token", "next", "try", "promote", "return", "erase"]
_VERBS = {"try": "rehearse", "promote": "switch", "return": "return"}
_LARGEST = 2_000_000


class FileNotRead(ConfigurationFault):
    """The certificate file is not there, or not for this account to read."""

    code = "certificate-file-not-read"
    title = "Fichier illisible"
    what = "Le fichier de certificat indiqué ne peut pas être lu."
    gesture = "Vérifiez son chemin et vos droits sur ce fichier, puis recommencez."


class GatewayMustStop(ConfigurationFault):
    """A token's module is loaded by this command, not by a running gateway at somebody's word."""

    code = "gateway-must-stop"
    title = "Boîtier en marche"
    what = "Un jeton s'enregistre quand Relais est arrêté."
    gesture = "Arrêtez Relais (systemctl stop relais), enregistrez le jeton, puis redémarrez."


class CallIncomplete(ConfigurationFault):
    """The action needs an option that was not given."""

    code = "certificate-call-incomplete"
    title = "Commande incomplète"
    what = "Il manque une option à cette commande : {option}."
    gesture = "Ajoutez-la, puis recommencez (relais certificate --help)."


class CertificateCall(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed."""

    action: Action
    structure: str | None = None
    role: Role | None = None
    slot: Literal["current", "next", "former"] | None = None
    file: Path | None = None
    library: str = ""
    label: str = ""
    descriptor: int | None = None
    as_json: bool = False


async def certificate(home: Home, call: CertificateCall) -> int:
    """Do it and tell it; 0 when done, 2 when a service refuses the certificate that was taken. Raises what the flow raises."""
    data, secret = _given(call)
    try:
        async with opened(home) as gateway:
            answer = msgspec.to_builtins(await _here(gateway.relay, call, data, secret))
    except HomeBusy:
        if call.action == "token":
            raise GatewayMustStop from None
        answer = _through_the_gateway(home, call, data, secret)
    if call.action == "next":
        answer = {name: [one for one in answer[name] if one["slot"] == Slot.NEXT] for name in ("items", "unreadable")}
    sys.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2) + "\n" if call.as_json else _told(answer))
    return 2 if answer.get("outcome") == "refused" else 0


def _given(call: CertificateCall) -> tuple[bytes, str]:
    if call.action == "token":
        if not call.library or not call.label:
            raise CallIncomplete(option="--label" if call.library else "--library")
        return b"", read_passphrase("Code du jeton", call.descriptor)
    if call.action != "import":
        return b"", ""
    if call.file is None:
        raise CallIncomplete(option="FICHIER.p12")
    try:
        with call.file.open("rb") as file:
            data = file.read(_LARGEST)
    except OSError as problem:
        raise FileNotRead(type(problem).__name__) from None
    return data, read_passphrase("Mot de passe du fichier", call.descriptor)


async def _here(relay: Relay, call: CertificateCall, data: bytes, secret: str) -> Any:
    caller = Caller(workstation="operator", name=OPERATOR, structures=())
    match call.action:
        case "list" | "next":
            return await relay.certificates.page(caller)
        case "import":
            return await relay.certificates.take(caller, _order(call, secret), data)
        case "token":
            return await relay.certificates.take_token(caller, _order(call, secret), call.library, call.label)
    structure, role = _place(call)
    match call.action:
        case "try":
            return await relay.successions.rehearse(caller, structure, role)
        case "promote":
            return await relay.successions.switch(caller, structure, role)
        case "return":
            return await relay.successions.call_back(caller, structure, role)
    await relay.certificates.erase(caller, structure, role, _slot(call))
    return await relay.certificates.page(caller)


def _through_the_gateway(home: Home, call: CertificateCall, data: bytes, secret: str) -> dict[str, Any]:
    try:
        facts = msgspec.json.decode(home.ready_file.read_bytes(), type=dict[str, Any])
        token = home.operator_token.read_text().strip()
        context = ssl.create_default_context(cafile=facts["ca"])
        with httpx.Client(base_url=facts["api"], headers={"Authorization": f"Bearer {token}"}, verify=context, timeout=120) as client:
            answer = _asked(client, call, data, secret)
    except (OSError, msgspec.DecodeError, httpx.HTTPError) as problem:
        raise GatewayNotAnswering(type(problem).__name__) from None
    said: dict[str, Any] = msgspec.json.decode(answer.content, type=dict[str, Any])
    if answer.is_error:
        raise GestureRefused(detail=said.get("detail"), gesture=said.get("gesture"), answered=said.get("code"))
    return said


def _asked(client: httpx.Client, call: CertificateCall, data: bytes, secret: str) -> httpx.Response:
    match call.action:
        case "list" | "next":
            return client.get("/certificates")
        case "import":
            order = msgspec.json.encode(_order(call, secret))
            parts = {"request": (None, order, "application/json"), "file": ("certificat.p12", data, "application/x-pkcs12")}
            return client.post("/certificates", files=parts)
    structure, role = _place(call)
    if call.action == "erase":
        return client.post(f"/certificates/{structure}/{role}/erase", params={"slot": _slot(call)})
    return client.post(f"/certificates/{structure}/{role}/{_VERBS[call.action]}")


def _order(call: CertificateCall, secret: str) -> ImportOrder:
    role = Role.SIGN if call.action == "token" else call.role
    if role is None:
        raise CallIncomplete(option="--role")
    slot = None if call.slot == "former" else call.slot
    return ImportOrder(structure=call.structure, role=role, slot=slot, passphrase=secret)


def _place(call: CertificateCall) -> tuple[str, Role]:
    if call.structure is None or call.role is None:
        raise CallIncomplete(option="--structure" if call.structure is None else "--role")
    return call.structure, call.role


def _slot(call: CertificateCall) -> Slot:
    if call.slot is None:
        raise CallIncomplete(option="--slot")
    return Slot(call.slot)


def _told(answer: dict[str, Any]) -> str:
    if "certificate" in answer:
        calls = "".join(f"  {one['what']}\n" for one in answer["calls"])
        return f"{_line(answer['certificate'])}{calls}{answer['what']} {answer['gesture']}\n"
    if "what" in answer:
        why = answer["explanation"]
        return f"{answer['structure']}  {answer['role']:<10} {answer['what']}\n" + (f"  {why['what']}\n→ {why['gesture']}\n" if why else "")
    broken = "".join(f"{one['structure']}  {one['role']:<10} {one['slot']:<8} ILLISIBLE\n" for one in answer["unreadable"])
    return "".join(_line(one) for one in answer["items"]) + broken or "Aucun certificat.\n"


def _line(one: dict[str, Any]) -> str:
    return f"{one['structure']}  {one['role']:<10} {one['slot']:<8} jusqu'au {str(one['usable_until'])[:10]}  {one['subject']}\n"
