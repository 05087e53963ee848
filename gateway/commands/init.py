"""`relais init --home DIR [--sandbox DIR]`: the home of a gateway, enrolled against a running sandbox when asked."""

from __future__ import annotations

import base64
import json
import urllib.request
from pathlib import Path
from typing import Any

import msgspec

from gateway.flow.caller import OPERATOR, new_workstation, token_digest
from gateway.journal.home_lock import HomeBeingErased
from gateway.journal.sqlite import SqliteStore
from gateway.kernel.clock import SystemClock
from gateway.kernel.config import read_configuration
from gateway.kernel.errors import ConfigurationFault
from gateway.kernel.home import Home
from gateway.trust.files import private_folder, write_durably
from gateway.trust.keystore import KeyStore
from gateway.trust.roles import Role
from gateway.trust.secret_file import HOMOLOGATION, keep_secret
from gateway.trust.vault import open_vault

DEFAULT_STRUCTURE = ("10B0152872", "CABINET MEDICAL DU PORT")

_PROFESSIONALS = """\
[[structures.professionals]]
id = "899700366240"
family = "MOREL"
given = "CAMILLE"
civility = "MME"
title = "DR"
profession = "10"
specialty = "SM26"

[[structures.professionals]]
id = "899700366257"
family = "LE GOFF"
given = "YANN"
civility = "M"
title = "DR"
profession = "10"
specialty = "SM54"
"""

_SECRETARIES = """\

[[structures.secretaries]]
id = "secretariat-1"
family = "KERVELLA"
given = "ANNE"
"""

_BLANK = """\
# Configuration d'un boîtier Relais. Chaque structure a ses certificats, ses professionnels et sa boîte aux lettres.
environment = "production"

[dmp]
url = "https://lps2.dmp.gouv.fr/si-dmp-server/v2/services"

[[structures]]
id = ""                # identifiant national (1 + FINESS, 3 + SIRET, 4 + RPPS et rang), celui du certificat
name = ""
patient_root = ""      # OID des numéros de dossier de la structure
source_id = ""         # OID de cette installation
sector = "SA07"
practice_setting = "AMBULATOIRE"
professionals = []
"""


class HomeTaken(ConfigurationFault):
    """The folder already is the home of a gateway."""

    code = "home-taken"
    what = "Ce dossier contient déjà un boîtier Relais : il n'a pas été modifié."
    gesture = "Choisissez un autre dossier, ou lancez « relais serve » sur celui-ci."


class SandboxUnreachable(ConfigurationFault):
    """The sandbox's folder or its control port does not answer."""

    code = "sandbox-unreachable"
    what = "Le bac à sable indiqué ne répond pas."
    gesture = "Lancez « relais sandbox » sur ce dossier, attendez qu'il soit prêt, puis recommencez."


async def init(root: Path, sandbox: Path | None, structures: list[tuple[str, str]]) -> Home:
    """Create the home and its operator; with a sandbox, enrol each structure and pair a workstation.

    Raises HomeTaken, HomeBeingErased, SandboxUnreachable.
    """
    home = Home(root)
    if home.configuration.exists():
        raise HomeTaken
    if home.erasure.exists():
        raise HomeBeingErased
    private_folder(root)
    vault = open_vault(root, create=True)
    if sandbox is None:
        await pair(home, ())
        write_durably(home.configuration, _BLANK.encode())
        return home
    services = _services(sandbox)
    answers = {identifier: _enrol(services["control"], identifier, name) for identifier, name in structures}
    authority = next(iter(answers.values()))
    write_durably(home.anchors, (authority["ca"] + authority["chain"]).encode())
    anchors = home.anchors.read_bytes()
    keys = KeyStore(root, vault)
    for identifier, answer in answers.items():
        # « mailbox » is the address there, not a certificate: in the sandbox AUTH_CLI serves the mailbox.
        for role in (one for one in Role if one in answer and one is not Role.MAILBOX):
            packed = answer[role]
            pkcs12 = base64.b64decode(packed["p12"])
            keys.import_pkcs12(identifier, role, pkcs12, packed["passphrase"], environment="test", anchors=anchors)
    keep_secret(root, vault, HOMOLOGATION, authority["homologation"])
    await pair(home, tuple(answers))
    write_durably(home.configuration, _configuration(services, structures, authority["idam"]).encode())
    read_configuration(home.configuration)
    return home


async def pair(home: Home, structures: tuple[str, ...], *, code: str | None = None) -> None:
    """The operator, who reaches every structure of the settings, and a first workstation where there are structures already.

    `code`: the token that the operator will have, when it was chosen.
    """
    now = int(SystemClock().now().timestamp() * 1000)
    operator, operator_token = new_workstation(OPERATOR, structures, now)
    if code is not None:
        operator, operator_token = msgspec.structs.replace(operator, token_digest=token_digest(code)), code
    workstation, token = new_workstation("poste-1", structures, now)
    store = await SqliteStore.open(home.journal)
    try:
        former = [msgspec.structs.replace(one, revoked=True) for one in await store.workstations()]  # of an init that was cut short
        await store.commit(*former, *((workstation, operator) if structures else (operator,)))
    finally:
        await store.close()
    write_durably(home.operator_token, f"{operator_token}\n".encode())
    if structures:
        write_durably(home.workstation_token, f"{token}\n".encode())


def _services(sandbox: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode((sandbox / "sandbox.json").read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError) as problem:
        raise SandboxUnreachable(type(problem).__name__) from problem


def _enrol(control: str, structure: str, name: str) -> dict[str, Any]:
    body = json.dumps({"structure": structure, "organisation": name, "mailbox": mailbox_of(structure)}).encode()
    request = urllib.request.Request(f"{control}/enrol", data=body, headers={"Content-Type": "application/json"}, method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the control port written by the sandbox itself
            return msgspec.json.decode(answer.read(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError) as problem:
        raise SandboxUnreachable(type(problem).__name__) from problem


def mailbox_of(structure: str) -> str:
    """The applicative mailbox that the sandbox opens for a structure."""
    return f"relais.{structure.lower()}@structure.sandbox.mssante.fr"


def _configuration(services: dict[str, Any], structures: list[tuple[str, str]], idam: str) -> str:
    smtp = services["smtp"]
    head = f"""\
environment = "test"
require_synchronised_clock = false

[listener]
host = "127.0.0.1"
port = 0

[dmp]
url = "{services["dmp"]}"

[mss]
patient_domain = "patient.sandbox.mssante.fr"

[insi]
url = "{services["insi"]}"
card_url = "{services["insi_card"]}"

[[insi.software]]
id = "relais"
idam = "{idam}"
name = "relais"
version = "0.1"
"""
    return head + "".join(_structure(identifier, name, smtp, rank) for rank, (identifier, name) in enumerate(structures, start=1))


def _structure(identifier: str, name: str, smtp: dict[str, Any], rank: int) -> str:
    quoted = json.dumps(name, ensure_ascii=False)  # a TOML string too
    return f"""
[[structures]]
id = "{identifier}"
name = {quoted}
patient_root = "1.2.250.1.213.1.1.4.999.{rank}"
source_id = "1.2.250.1.213.1.1.4.998.{rank}"
sector = "SA08"
address = "2 quai du Port, 29000 QUIMPER"
telephone = "0200000000"

[structures.mailbox]
address = "{mailbox_of(identifier)}"
display_name = {quoted}
reply_to = "secretariat.{identifier.lower()}@structure.sandbox.mssante.fr"
host = "{smtp["host"]}"
port = {smtp["port"]}

{_PROFESSIONALS}{_SECRETARIES}"""
