"""`relais-provision first-boot`: from the sheet of the first partition to a box that sends; asked again, it goes on or does nothing."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

from firmware.process import harden_process
from gateway.commands.check import check
from gateway.commands.passphrase import read_passphrase
from gateway.kernel.home import Home
from provisioning.first_boot.errors import InstallationCut
from provisioning.first_boot.first_document import send_first_document
from provisioning.first_boot.installation import Installation, Taken
from provisioning.first_boot.papers import Papers
from provisioning.first_boot.sheet import Whole
from provisioning.first_boot.system_files import write_system_files


def add_commands(commands: Any) -> None:
    """The sub-command and its options."""
    one: argparse.ArgumentParser = commands.add_parser("first-boot", help="installe un boîtier vide d'après son fichier de réglages")
    one.add_argument("--home", type=Path, required=True)
    one.add_argument("--settings", type=Path, required=True, metavar="relais.toml")
    one.add_argument("--unattended", action="store_true", help="personne n'est là : ne rien demander")
    one.add_argument("--system", type=Path, metavar="RACINE", help="où écrire les fichiers du réseau et de l'heure (/ sur un boîtier)")
    one.set_defaults(run=_first_boot)


def _first_boot(options: argparse.Namespace) -> int:
    harden_process()
    home, papers = Home(options.home.resolve()), Papers(options.settings.resolve())
    ask = None if options.unattended else (lambda name: read_passphrase(f"Mot de passe de {name}", None))
    installation = Installation(home, papers, ask)
    if installation.is_over:
        print("Ce boîtier est déjà installé : rien n'a été changé.")
        return 0
    try:
        return _installed(installation, home, options.system, shown=not options.unattended)
    except OSError as problem:
        raise InstallationCut(type(problem).__name__) from problem


def _installed(installation: Installation, home: Home, system: Path | None, *, shown: bool) -> int:
    sheet, taken = asyncio.run(installation.run())
    files = write_system_files(system, sheet.first_boot) if system is not None else []
    if sheet.first_boot.first_document:
        send_first_document(home, sheet, installation.began)
    result = _result(home, sheet, taken, files)
    installation.end(sheet, result)
    print(result, end="")
    if shown:
        print(f"Code de l'accès installateur, montré cette seule fois : {home.operator_token.read_text('utf-8').strip()}")
    print("\nContrôles :", flush=True)
    asyncio.run(check(home, as_json=False))
    return 0


def _result(home: Home, sheet: Whole, taken: list[Taken], files: list[str]) -> str:
    """No secret, no name of a person."""
    lines = ["Ce boîtier est installé.", "", "Structures :"]
    lines += [f"  - {one.id}, professionnels : {len(one.professionals)}" for one in sheet.structures]
    lines += ["Certificats :", *(f"  - {one.structure}, {one.role} : {one.said}" for one in taken)] if taken else []
    lines += ["Fichiers du système :", *(f"  - {one}" for one in files)] if files else []
    lines += ["Premier document : remis."] if sheet.first_boot.first_document else []
    return "\n".join([*lines, "", f"Autorité à installer sur les postes : {home.root / 'lan-ca.pem'}", ""])
