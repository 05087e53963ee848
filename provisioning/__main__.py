"""`relais-provision`: the integrator's command line. Each room adds its commands; heavy imports wait for the command that runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from gateway.kernel.errors import RelaisError
from provisioning.audit.command import add_commands as add_audit
from provisioning.backup.command import add_commands as add_backup
from provisioning.first_boot.command import add_commands as add_first_boot
from provisioning.reset.command import add_commands as add_reset


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 when done, 1 when it was refused or failed."""
    options = _parser().parse_args(sys.argv[1:] if argv is None else list(argv))
    try:
        return int(options.run(options))
    except RelaisError as problem:
        explanation = problem.explanation
        print(f"{explanation.what}\n→ {explanation.gesture} [{explanation.code}]", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="relais-provision", description="Installe, entretient et remet à neuf un boîtier Relais.")
    commands = parser.add_subparsers(required=True, metavar="commande")
    add_first_boot(commands)
    add_reset(commands)
    add_backup(commands)
    add_audit(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
