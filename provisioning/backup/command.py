"""`relais-provision backup`, `restore`, `retire`: what the integrator types, and what is answered in French."""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.kernel.home import Home

if TYPE_CHECKING:
    from provisioning.backup.folder import BackupFolder
    from provisioning.backup.phrase import RecoveryPhrase

_PHRASE = "Phrase de récupération"


def add_commands(commands: Any) -> None:
    """The sub-commands and their options."""
    backup: argparse.ArgumentParser = commands.add_parser("backup", help="prépare, fait et vérifie les sauvegardes chiffrées")
    actions = backup.add_subparsers(required=True, metavar="action")
    _add(actions, "prepare", "prépare le dossier des sauvegardes et donne, une fois, la phrase de récupération", _prepare).add_argument(
        "--new-phrase", action="store_true", help="une nouvelle phrase ; les sauvegardes déjà faites gardent l'ancienne"
    )
    run = _add(actions, "run", "fait une sauvegarde, le boîtier restant en marche", _run)
    run.add_argument("--if-due", action="store_true", help="seulement si le temps réglé depuis la dernière est passé")
    check = actions.add_parser("check", help="relit une sauvegarde avec la phrase, sans rien restaurer")
    check.add_argument("place", type=Path, metavar="FICHIER-OU-DOSSIER")
    _phrase_option(check)
    check.set_defaults(run=_check)

    restore = commands.add_parser("restore", help="restaure une sauvegarde sur un boîtier vide, qui prend la place de l'ancien")
    restore.add_argument("--home", type=Path, required=True)
    restore.add_argument("--from", dest="place", type=Path, required=True, metavar="FICHIER-OU-DOSSIER")
    old = restore.add_mutually_exclusive_group()
    old.add_argument("--receipt", help="reçu donné par « relais-provision retire » sur l'ancien boîtier")
    old.add_argument("--old-box", metavar="PHRASE", help="« l'ancien boîtier est hors service », s'il est détruit ou perdu")
    restore.add_argument("--environment", choices=("test", "production"), help="refuse une sauvegarde de l'autre environnement")
    _phrase_option(restore)
    restore.set_defaults(run=_restore)

    retire = _add(commands, "retire", "met l'ancien boîtier hors service, fait sa dernière sauvegarde et donne un reçu", _retire)
    retire.add_argument("--without-backup", action="store_true", help="sans dernière sauvegarde")


def _add(actions: Any, name: str, help_text: str, run: Any) -> argparse.ArgumentParser:
    one: argparse.ArgumentParser = actions.add_parser(name, help=help_text)
    one.add_argument("--home", type=Path, required=True)
    one.add_argument("--to", type=Path, metavar="DOSSIER", help="dossier des sauvegardes, à la place de celui de relais.toml")
    one.set_defaults(run=run)
    return one


def _phrase_option(one: argparse.ArgumentParser) -> None:
    one.add_argument("--phrase-fd", type=int, metavar="N", help="descripteur d'où lire la phrase de récupération")


def _prepare(options: argparse.Namespace) -> int:
    from provisioning.backup.errors import PhraseMissing
    from provisioning.backup.phrase import new_phrase
    from provisioning.backup.recipient import keep_recipient, read_recipient, recipient_of

    _harden()
    home, folder = _place(options)
    folder.prepare()
    try:
        recipient = None if options.new_phrase else read_recipient(home.root)
    except PhraseMissing:
        recipient = None
    if recipient is not None:
        print(f"Dossier prêt. La phrase de récupération reste celle de la feuille {recipient.sheet}.")
        return 0
    phrase = new_phrase()
    recipient = recipient_of(phrase)
    keep_recipient(home.root, recipient)
    print("Dossier prêt. Phrase de récupération, à imprimer et à ranger hors du boîtier (elle ne sera plus montrée) :\n")
    print(f"    {phrase.words}\n")
    print(f"Feuille {recipient.sheet}. Sans cette phrase, personne ne pourra lire les sauvegardes.")
    return 0


def _run(options: argparse.Namespace) -> int:
    from gateway.kernel.config import read_configuration
    from provisioning.backup.job import back_up, folder_of, is_due

    _harden()
    home = Home(options.home.resolve())
    configuration = read_configuration(home.configuration)
    if options.if_due and options.to is None and configuration.backup.folder is None:
        print("Aucun dossier de sauvegarde n'est réglé.")
        return 0
    folder = folder_of(configuration, options.to)
    if options.if_due and not is_due(home, configuration, datetime.now(UTC)):
        print("La dernière sauvegarde est assez récente.")
        return 0
    made = back_up(home, configuration, folder)
    print(f"Sauvegarde faite et relue : {made.path.name} ({_megabytes(made.size)}, {made.end.files} fichiers).")
    if made.removed:
        print(f"{made.removed} ancienne(s) sauvegarde(s) retirée(s).")
    return 0


def _check(options: argparse.Namespace) -> int:
    from provisioning.backup.proving import prove

    _harden()
    header, end = prove(options.place, _phrase(options))
    print(f"Sauvegarde entière et lisible : faite le {_moment(header.taken_at)} par Relais {header.relais}, {end.files} fichiers.")
    return 0


def _restore(options: argparse.Namespace) -> int:
    from provisioning.backup.restore import OldBox, restore

    _harden()
    old = OldBox(receipt=options.receipt, sentence=options.old_box)
    done = asyncio.run(restore(Home(options.home.resolve()), options.place, _phrase(options), old, environment=options.environment))
    taken = _moment(done.header.taken_at)
    print(f"Boîtier restauré ({done.environment}), époque {done.epoch.generation}.")
    print(f"Sauvegarde du {taken}.")
    if done.end.final:
        print("L'ancien boîtier était hors service quand elle a été faite : rien ne manque.")
    else:
        print(f"Les documents acceptés après le {taken} ne sont pas dans ce boîtier : vérifiez-les dans le logiciel métier.")
        print(f"{done.doubtful} envoi(s) en cours alors : Relais vérifie s'ils sont partis avant de les renvoyer.")
    if done.unreadable:
        print(f"{done.unreadable} enregistrement(s) étaient déjà illisibles sur l'ancien boîtier.")
    if not done.stated:
        print("Le dossier de la sauvegarde n'a pas pu être marqué : gardez l'ancien boîtier débranché.")
    print("Lancez Relais, puis « relais check ».")
    return 0


def _retire(options: argparse.Namespace) -> int:
    from gateway.kernel.config import read_configuration
    from provisioning.backup.retire import retire

    _harden()
    home, folder = (Home(options.home.resolve()), None) if options.without_backup else _place(options)
    done = asyncio.run(retire(home, read_configuration(home.configuration), folder))
    print("Ce boîtier est hors service : il n'enverra plus rien.")
    if done.backup is not None:
        print(f"Dernière sauvegarde faite et relue : {done.backup.path.name} ({_megabytes(done.backup.size)}).")
    print(f"Reçu pour le nouveau boîtier : {done.receipt}")
    return 0


def _place(options: argparse.Namespace) -> tuple[Home, BackupFolder]:
    from gateway.kernel.config import read_configuration
    from provisioning.backup.job import folder_of

    home = Home(options.home.resolve())
    return home, folder_of(read_configuration(home.configuration), options.to)


def _phrase(options: argparse.Namespace) -> RecoveryPhrase:
    from gateway.commands.passphrase import read_passphrase
    from provisioning.backup.phrase import read_phrase

    return read_phrase(read_passphrase(_PHRASE, options.phrase_fd))


def _harden() -> None:
    from firmware.process import harden_process

    harden_process()


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone():%d/%m/%Y à %H:%M}"


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} Mo".replace(".", ",")
