"""`relais`: the command line (contract section 1). Heavy imports wait for the command that needs them."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from typing_extensions import override

from gateway.kernel.errors import RelaisError
from gateway.kernel.home import Home

_Add = Callable[..., argparse.ArgumentParser]
ERASE = 90
"""Status of `relais serve --supervised` when the box is to be erased: `relais-provision reset --asked` is next."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code of the contract."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    _without_rich()
    if arguments[:1] == ["sandbox"]:
        from gateway.sandbox.run import main as sandbox

        return sandbox(arguments[1:])
    options = _parser().parse_args(arguments)
    from gateway.kernel.logging import configure_logging

    configure_logging()
    try:
        return int(options.run(options))
    except RelaisError as problem:
        explanation = problem.explanation
        print(f"{explanation.what}\n→ {explanation.gesture} [{explanation.code}]", file=sys.stderr)
        return 1


def _without_rich() -> None:
    """The logging library loads rich when it finds it, to draw what we write in JSON: a tenth of a second of each start."""
    sys.modules.setdefault("rich", cast(ModuleType, None))


class _InAnyOrder(argparse.ArgumentParser):
    """Options before, between or after the words of a command: `import --role sign a.p12` and `--role sign import a.p12` alike."""

    _mixing = False

    @override
    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Once over the words and options as they are mixed; the library comes back here for each of the two."""
        if self._mixing:
            return super().parse_known_args(args, namespace)
        self._mixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixing = False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="relais", description="Passerelle de santé pour les cabinets.")
    commands = parser.add_subparsers(required=True, metavar="commande", parser_class=_InAnyOrder)
    _add_life(commands.add_parser)
    _add_documents(commands.add_parser)
    _add_installation(commands.add_parser)
    _add_workstations(commands.add_parser)
    one = commands.add_parser("version", help="dit la version")
    one.set_defaults(run=_version)
    return parser


def _add_life(add: _Add) -> None:
    """A box made, running and checked."""
    one = add("init", help="crée le dossier d'un boîtier")
    one.add_argument("--home", type=Path, required=True)
    one.add_argument("--sandbox", type=Path, help="dossier d'un bac à sable en marche, auprès duquel s'inscrire")
    one.add_argument("--structure", action="append", default=[], metavar="ID:NOM", help="structure à inscrire (répétable)")
    one.set_defaults(run=_init)

    one = add("serve", help="fait tourner le boîtier")
    one.add_argument("--home", type=Path, required=True)
    one.add_argument("--supervised", action="store_true", help=f"boîtier à effacer : sortir avec l'état {ERASE} au lieu de l'effacer")
    one.set_defaults(run=_serve)

    add("sandbox", help="simule les services nationaux")

    one = add("check", help="vérifie l'état du boîtier")
    one.add_argument("--home", type=Path, required=True)
    one.add_argument("--json", action="store_true")
    one.set_defaults(run=_check)


def _add_documents(add: _Add) -> None:
    """What is sent and what waits."""
    one = add("queue", help="montre et commande la file d'envoi")
    one.add_argument("--home", type=Path, required=True)
    one.add_argument("action", choices=("list", "show", "hold", "release", "retry", "shape"))
    one.add_argument("id", nargs="?")
    one.add_argument("--person", help="qui agit : un professionnel ou une secrétaire de la structure")
    one.add_argument("--json", action="store_true")
    one.set_defaults(run=_queue)

    one = add("send", help="envoie un document par l'API locale")
    one.add_argument("--url", required=True)
    one.add_argument("--token", required=True)
    one.add_argument("--ca", type=Path, help="autorité du boîtier (PEM)")
    one.add_argument("--wait", action="store_true")
    one.add_argument("document", type=Path)
    one.add_argument("request", type=Path)
    one.set_defaults(run=_send)


def _add_installation(add: _Add) -> None:
    """What an installer lays into a box."""
    one = add("conformity", help="installe les schémas officiels")
    one.add_argument("action", choices=("install", "show"))
    one.add_argument("folder", type=Path, nargs="?")
    one.add_argument("--home", type=Path, required=True)
    one.set_defaults(run=_conformity)

    one = add("mqtt", help="scelle le mot de passe ou le certificat du serveur MQTT")
    one.add_argument("action", choices=("password", "certificate"))
    one.add_argument("file", type=Path, nargs="?")
    one.add_argument("--home", type=Path, required=True)
    one.set_defaults(run=_mqtt)

    one = add("certificate", help="importe, montre et change les certificats des structures")
    one.add_argument("action", choices=("list", "import", "token", "next", "try", "promote", "return", "erase"))
    one.add_argument("file", type=Path, nargs="?", metavar="FICHIER.p12")
    one.add_argument("--home", type=Path, required=True)
    one.add_argument("--structure", help="identifiant national")
    one.add_argument("--role", choices=("auth_cli", "sign", "insi_manu", "insi_auto", "mailbox"))
    one.add_argument("--slot", choices=("current", "next", "former"), help="place : en service, suivant, ancien")
    one.add_argument("--library", default="", help="bibliothèque PKCS#11 du jeton")
    one.add_argument("--label", default="", help="nom du jeton")
    one.add_argument("--passphrase-fd", type=int, metavar="N", help="descripteur d'où lire le mot de passe ou le code")
    one.add_argument("--json", action="store_true")
    one.set_defaults(run=_certificate)

    one = add("boxkey", help="dit ou change où est gardée la clé du boîtier")
    one.add_argument("action", choices=("show", "tpm", "passphrase", "recover"))
    one.add_argument("--home", type=Path, required=True)
    one.add_argument("--passphrase-fd", type=int, metavar="N", help="descripteur d'où lire le mot de passe")
    one.set_defaults(run=_boxkey)


def _add_workstations(add: _Add) -> None:
    """Who has access to the box."""
    one = add("workstation", help="liste, ajoute, renomme et retire les postes associés au boîtier")
    one.add_argument("action", choices=("list", "add", "rename", "renew", "revoke"))
    one.add_argument("station", nargs="?", metavar="POSTE", help="nom ou identifiant du poste")
    one.add_argument("name", nargs="?", metavar="NOUVEAU-NOM")
    one.add_argument("--home", type=Path, required=True)
    one.add_argument("--structure", help="identifiant national, quand le boîtier en tient plusieurs")
    one.add_argument("--operator", action="store_true", help="ajoute un accès installateur")
    one.add_argument("--json", action="store_true")
    one.set_defaults(run=_workstation)


def _init(options: argparse.Namespace) -> int:
    from gateway.commands.init import DEFAULT_STRUCTURE, init

    structures = [tuple(one.split(":", 1)) for one in options.structure] or [DEFAULT_STRUCTURE]
    home = asyncio.run(init(options.home, options.sandbox, [(one[0], one[-1]) for one in structures]))
    print(home.root)
    return 0


def _serve(options: argparse.Namespace) -> int:
    import uvloop

    from gateway.app import serve

    home = Home(options.home.resolve())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        erase = runner.run(serve(home))
    if not erase:
        return 0
    if not options.supervised:
        # The program that prepares boxes is above this one and is not imported here: it takes this process over.
        os.execv(sys.executable, [sys.executable, "-m", "provisioning", "reset", "--asked", "--home", str(home.root)])  # noqa: S606
    return ERASE


def _check(options: argparse.Namespace) -> int:
    from gateway.commands.check import check

    return asyncio.run(check(Home(options.home), as_json=options.json))


def _queue(options: argparse.Namespace) -> int:
    from gateway.commands.queue import queue

    return asyncio.run(queue(Home(options.home), options.action, options.id, as_json=options.json, person=options.person))


def _send(options: argparse.Namespace) -> int:
    from gateway.commands.send import send

    return send(options.url, options.token, options.ca, options.document, options.request, wait=options.wait)


def _conformity(options: argparse.Namespace) -> int:
    from gateway.commands.conformity import conformity

    return conformity(Home(options.home), options.action, options.folder)


def _mqtt(options: argparse.Namespace) -> int:
    from gateway.commands.mqtt import mqtt

    return mqtt(Home(options.home), options.action, options.file)


def _certificate(options: argparse.Namespace) -> int:
    from firmware.process import harden_process
    from gateway.commands.certificate import CertificateCall, certificate
    from gateway.trust.roles import Role

    harden_process()
    call = CertificateCall(
        action=options.action,
        structure=options.structure,
        role=Role(options.role) if options.role else None,
        slot=options.slot,
        file=options.file,
        library=options.library,
        label=options.label,
        descriptor=options.passphrase_fd,
        as_json=options.json,
    )
    return asyncio.run(certificate(Home(options.home), call))


def _workstation(options: argparse.Namespace) -> int:
    from firmware.process import harden_process
    from gateway.commands.workstation import WorkstationCall, workstation

    harden_process()
    call = WorkstationCall(
        action=options.action,
        station=options.station,
        name=options.name,
        structure=options.structure,
        operator=options.operator,
        as_json=options.json,
    )
    return asyncio.run(workstation(Home(options.home), call))


def _boxkey(options: argparse.Namespace) -> int:
    from firmware.process import harden_process
    from gateway.commands.boxkey import boxkey

    harden_process()
    return boxkey(Home(options.home), options.action, options.passphrase_fd)


def _version(options: argparse.Namespace) -> int:
    del options
    print(version("relais"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
