"""`relais-provision audit export`: the trail as JSON lines, beside a running box; the end of its chain is told, to be kept apart."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

from gateway.kernel.home import Home


def add_commands(commands: Any) -> None:
    """The sub-command and its options."""
    audit: argparse.ArgumentParser = commands.add_parser("audit", help="donne la piste d'audit à qui la garde ou la vérifie")
    actions = audit.add_subparsers(required=True, metavar="action")
    one = actions.add_parser("export", help="écrit la piste d'audit, une ligne JSON par acte")
    one.add_argument("--home", type=Path, required=True)
    one.add_argument("--after", type=int, default=0, metavar="N", help="seulement les actes après le numéro N")
    one.add_argument("file", type=Path, metavar="FICHIER")
    one.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> int:
    from provisioning.audit.trail import export_trail

    done = asyncio.run(export_trail(Home(options.home.resolve()), options.file, after=options.after))
    print(f"{done.lines} actes écrits. Fin de la chaîne : acte {done.last}, empreinte {done.hash}.")
    if done.broken is not None:
        print(f"La chaîne est rompue à l'acte {done.broken} : conservez le boîtier en l'état.", file=sys.stderr)
        return 1
    return 0
