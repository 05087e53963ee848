"""`relais-provision reset`: the gesture of the button, by the installer; and what the button itself leads to (`--asked`)."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from gateway.flow.panel.reset_requests import erasure_due
from gateway.journal.home_lock import alone_in
from gateway.kernel.home import Home
from gateway.trust.boxkey_custody import CREDENTIAL
from provisioning.reset.contents import counted, is_blank, is_home
from provisioning.reset.disk import RealDisk
from provisioning.reset.erasure import Erasure
from provisioning.reset.errors import CredentialNotNamed, NotAHome, ResetNotConfirmed

SENTENCE: Final = "effacer ce boîtier"


def add_commands(commands: Any) -> None:
    """The sub-command and its options."""
    one: argparse.ArgumentParser = commands.add_parser("reset", help="efface tout le boîtier, clé d'abord, et en donne l'attestation")
    one.add_argument("--home", type=Path, required=True)
    sure = one.add_mutually_exclusive_group()
    sure.add_argument("--yes", action="store_true", help="sans demander la phrase de confirmation")
    sure.add_argument("--asked", action="store_true", help="seulement si le bouton l'a demandé, ou pour finir un effacement commencé")
    one.add_argument(
        "--credential", type=Path, action="append", default=[], metavar="FICHIER", help="credential systemd qui porte la clé du boîtier"
    )
    one.set_defaults(run=_reset)


def _reset(options: argparse.Namespace) -> int:
    home, credentials = Home(options.home.resolve()), tuple(options.credential)
    if options.asked and not erasure_due(home):
        return 0
    if home.root.is_dir() and is_blank(home):
        print("Ce boîtier est déjà vide.")
        return 0
    if not is_home(home):
        raise NotAHome
    with alone_in(home, erasing=True):
        going_on = home.erasure.exists()
        if not going_on:
            _check_credential(credentials)
        if not (options.yes or options.asked or going_on):
            _confirm(home)
        text = Erasure(home, RealDisk(), lambda: datetime.now(UTC)).run("button" if options.asked else "command", credentials)
    print(text, end="", flush=True)
    return 0


def _check_credential(named: tuple[Path, ...]) -> None:
    """Where systemd hands the key over, the file it decrypts must be named, or the key would outlive the box."""
    given = os.environ.get("CREDENTIALS_DIRECTORY")
    if given and Path(given, CREDENTIAL).exists() and not named:
        raise CredentialNotNamed


def _confirm(home: Home) -> None:
    files = sum(one.files for one in counted(home))
    print(f"Tout ce que contient {home.root} ({files} fichiers) sera effacé, sans retour possible :")
    print("documents, certificats, jetons et réglages.")
    print(f"Pour continuer, recopiez : {SENTENCE}")
    sys.stdout.flush()
    if sys.stdin is None or sys.stdin.readline().strip() != SENTENCE:
        raise ResetNotConfirmed
