"""Vérifie une piste d'audit exportée par « relais-provision audit export », sans rien de Relais : Python seul.

    python3 verify_audit.py piste.jsonl [EMPREINTE-ATTENDUE]

Chaque acte porte l'empreinte SHA-256 de l'empreinte précédente suivie de l'acte lui-même (JSON, clés triées, sans blancs, UTF-8, champ
« hash » ôté). Changer, ôter, ajouter ou déplacer un acte casse tous les suivants.
La dernière empreinte, gardée ailleurs, prouve tout le reste.
Sortie : 0 intacte, 1 altérée, 2 illisible.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

START = "0" * 64


def verify(path: Path, expected: str | None = None) -> str | None:
    """None when the chain holds; else what is wrong, in French."""
    previous, number = START, 0
    with path.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            act = json.loads(line)
            claimed = act.pop("hash")
            if number == 0 and act["sequence"] > 1:
                # A partial export: its first line follows one that is not here.
                previous, number = claimed, act["sequence"]
                continue
            if act["sequence"] != number + 1:
                return f"il manque un acte après le {number}"
            canonical = json.dumps(act, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            if hashlib.sha256((previous + canonical).encode()).hexdigest() != claimed:
                return f"l'acte {act['sequence']} a été altéré"
            previous, number = claimed, act["sequence"]
    if expected is not None and expected != previous:
        return "la dernière empreinte n'est pas celle qui était attendue"
    return None


def main(arguments: list[str]) -> int:
    """The exit code."""
    try:
        trouble = verify(Path(arguments[0]), arguments[1] if len(arguments) > 1 else None)
    except (IndexError, OSError, ValueError, KeyError, TypeError):
        print("Fichier illisible.", file=sys.stderr)
        return 2
    print("Piste d'audit intacte." if trouble is None else f"Piste d'audit altérée : {trouble}.")
    return 0 if trouble is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
