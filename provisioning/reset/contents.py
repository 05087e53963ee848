"""What lies in a home, by kind, and in which order it goes: the box key first, then the rest, deepest first. Reads only.

Names of files never leave this module towards a receipt: kinds and counts do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from gateway.flow.panel.reset_requests import RECEIPT
from gateway.kernel.home import Home

_SEALED: Final = ("blobs", "conformity")
"""Sealed whole under keys that died with the box key, or public: taken away without being overwritten, gigabytes on a card that wears."""
_KINDS: Final[dict[str, str]] = {
    "keys": "certificats et clés des structures",
    "secrets": "mots de passe et numéros scellés",
    "blobs": "pièces des documents, chiffrées",
    "relais.toml": "réglages",
    "anchors.pem": "réglages",
    "mqtt-ca.pem": "réglages",
    "workstation-token": "jetons des postes",
    "operator-token": "jetons des postes",
    "crl": "listes de révocation",
    "conformity": "schémas officiels",
}
_KEY: Final = "clé du boîtier"
_JOURNAL: Final = "journal : documents, envois, identités, piste d'audit"
_LAN: Final = "certificats du réseau local"
_OTHER: Final = "autres fichiers"


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """What there was of one kind."""

    kind: str
    files: int
    bytes: int


def key_files(home: Home) -> list[Path]:
    """Every form of the box key in the home, drafts included."""
    return sorted({*home.root.glob("box.key*"), *home.root.glob(".box.key*")})


def everything(home: Home) -> Iterator[Path]:
    """What must go, children before their folder; neither what the erasure itself needs, nor what a link points to."""
    kept = {home.root / "lock", home.erasure}
    for folder, names, files in os.walk(home.root, topdown=False, followlinks=False):
        here = Path(folder)
        yield from (here / name for name in sorted(files) if here / name not in kept)
        yield from (here / name for name in sorted(names))


def is_overwritten(home: Home, path: Path) -> bool:
    """False for what is sealed or public, and for what is no plain file."""
    return path.relative_to(home.root).parts[0] not in _SEALED and path.is_file() and not path.is_symlink()


def counted(home: Home) -> tuple[Count, ...]:
    """How many files of each kind, the receipt of an earlier erasure aside."""
    found: dict[str, list[int]] = {}
    for path in everything(home):
        if path.is_dir() and not path.is_symlink():
            continue
        top = path.relative_to(home.root).parts[0]
        if top != RECEIPT:
            found.setdefault(_kind(top), []).append(path.lstat().st_size)
    return tuple(Count(kind=kind, files=len(sizes), bytes=sum(sizes)) for kind, sizes in sorted(found.items()))


def is_home(home: Home) -> bool:
    """True for the folder of a box, in whatever state."""
    if home.root.resolve() in (Path("/"), Path.home().resolve()):
        return False
    known = (home.erasure, home.configuration, home.journal, home.root / "lan-ca.pem")
    return any(path.exists() for path in known) or bool(key_files(home))


def is_blank(home: Home) -> bool:
    """True once nothing is left but the lock and a receipt."""
    return home.root.is_dir() and {path.name for path in home.root.iterdir()} <= {"lock", RECEIPT}


def _kind(top: str) -> str:
    if top.lstrip(".").startswith("box.key"):
        return _KEY
    if top.startswith("journal.sqlite"):
        return _JOURNAL
    return _LAN if top.startswith("lan-") else _KINDS.get(top, _OTHER)
