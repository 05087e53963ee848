"""The files of a conformity pack: which ones a downloaded folder holds, their digest, how they are written so that a power cut is harmless.

Knows the two shapes in which ANS publishes them and gives both the same names. Only schemas, value sets and schematrons are taken; links
are never followed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from gateway.kernel.errors import ConfigurationFault

ENTRY = "xsd/CDA_extended.xsd"

_SHAPES: tuple[dict[str, str], ...] = (
    {"xsd": "xsd", "jdv": "jdv", "schematrons": "schematrons"},
    {"infrastructure/cda": "xsd", "jeuxDeValeurs": "jdv", "schematrons": "schematrons"},
)
_SUFFIXES = frozenset({".xsd", ".xml", ".sch"})
_MAX_FILES = 20_000
_MAX_BYTES = 200_000_000


class PackInvalid(ConfigurationFault):
    """The folder is no conformity pack, or the installed one is damaged; `reason` is French."""

    code = "conformity-pack-invalid"
    what = "Le pack de conformité ne peut pas être utilisé : {reason}."
    gesture = "Téléchargez de nouveau le dossier publié par l'ANS, puis relancez « relais conformity install DOSSIER --home BOITIER »."


def collect(source: Path) -> dict[str, Path]:
    """The files to keep, by their name in the installed pack; raises PackInvalid, or OSError."""
    shape = next((one for one in _SHAPES if any(_entry(source, folder) for folder in one if one[folder] == "xsd")), None)
    if shape is None:
        raise PackInvalid(reason="le fichier CDA_extended.xsd est introuvable dans le dossier indiqué")
    found: dict[str, Path] = {}
    total = 0
    for folder, name in shape.items():
        for path in sorted((source / folder).rglob("*")):
            if path.is_symlink() or not path.is_file() or path.suffix.lower() not in _SUFFIXES:
                continue
            found[f"{name}/{path.relative_to(source / folder).as_posix()}"] = path
            total += path.stat().st_size
            if len(found) > _MAX_FILES or total > _MAX_BYTES:
                raise PackInvalid(reason="le dossier indiqué est trop volumineux pour être un pack de conformité")
    return found


def digest_of(files: Mapping[str, Path]) -> str:
    """SHA-256 over names and contents in the order of names, hexadecimal; raises OSError."""
    whole = hashlib.sha256()
    for name in sorted(files):
        content = hashlib.sha256(files[name].read_bytes()).hexdigest()
        whole.update(f"{content}  {name}\n".encode())
    return whole.hexdigest()


def write_durably(path: Path, content: bytes) -> None:
    """Write beside, fsync, then take the place of `path`, then fsync the folder; raises OSError."""
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _entry(source: Path, folder: str) -> bool:
    return (source / folder / Path(ENTRY).name).is_file()
