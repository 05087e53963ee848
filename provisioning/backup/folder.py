"""Backups in a folder: a mounted USB stick or share. A backup appears there under its name once it is whole, read back, and on the disk.

The folder bears a mark in plain French, put there by `prepare`: without it the mount point is empty, or the stick is another one, and
nothing is written. Names say which box and when, nothing else. Old backups of the same home go after a new one is whole, never before.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from gateway.trust.files import sync_folder, write_durably
from provisioning.backup.container import Header
from provisioning.backup.errors import BackupNotFound, DestinationFailed, DestinationFull, DestinationNotPrepared

MARK = "RELAIS-SAUVEGARDES.txt"
_WORDS = """\
Ce dossier contient les sauvegardes chiffrées d'un boîtier Relais.
Elles ne peuvent être lues qu'avec la phrase de récupération imprimée lors de la préparation.
Pour les restaurer sur un boîtier vide : relais-provision restore --from CE-DOSSIER --home DOSSIER
N'effacez pas les fichiers « epoque » : ils empêchent deux boîtiers d'envoyer la même chose.
"""
_SUFFIX = ".relais-sauvegarde"
_NOT_FOR_FOLDERS = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)


class BackupFolder:
    """One destination."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def prepare(self) -> None:
        """Leave the mark; raises DestinationFailed."""
        with _disk():
            if not (self.path / MARK).exists():
                write_durably(self.path / MARK, _WORDS.encode(), 0o644)

    def check(self) -> None:
        """Raises DestinationNotPrepared, DestinationFailed."""
        with _disk():
            if not (self.path / MARK).is_file():
                raise DestinationNotPrepared

    def clear_drafts(self, home: str) -> None:
        """Remove what an interrupted backup of this home left; raises DestinationFailed."""
        with _disk():
            for path in self.path.glob(f".relais-{home}-*{_SUFFIX}.*"):
                path.unlink(missing_ok=True)

    def check_room(self, needed: int) -> None:
        """Raises DestinationFull."""
        with _disk():
            free = shutil.disk_usage(self.path).free
        if free < needed:
            raise DestinationFull(needed=needed // 1_000_000 + 1)

    @contextmanager
    def draft(self, header: Header) -> Iterator[BinaryIO]:
        """A file to write and read back; gone afterwards unless `publish` gave it its name. Raises DestinationFailed, DestinationFull."""
        path = self.path / f".{name_of(header)}.{secrets.token_hex(4)}"
        with _disk():
            try:
                with open(path, "x+b", opener=_privately) as file:
                    yield file
            finally:
                path.unlink(missing_ok=True)

    def publish(self, file: BinaryIO, header: Header) -> Path:
        """Give a written, synced and verified draft its name, durably; raises DestinationFailed."""
        target = self.path / name_of(header)
        with _disk():
            Path(file.name).replace(target)
            os.fsync(file.fileno())  # FAT, as sticks are, writes where the file begins with the file alone (gateway.trust.files)
            _sync(self.path)
        return target

    def backups(self, home: str | None = None) -> list[Path]:
        """Backups there, of one home or of all, the oldest first; raises DestinationFailed."""
        with _disk():
            return sorted(self.path.glob(f"relais-{home or '*'}-*{_SUFFIX}"), key=_moment)

    def rotate(self, home: str, keep: int) -> int:
        """Remove the oldest of that home beyond `keep`; how many. Raises DestinationFailed."""
        old = self.backups(home)[:-keep]
        with _disk():
            for path in old:
                path.unlink(missing_ok=True)
        return len(old)


def name_of(header: Header) -> str:
    """The name of a backup: home, generation, instant (UTC)."""
    return f"relais-{header.home}-g{header.generation:04d}-{_stamp(header.taken_at)}{_SUFFIX}"


def newest(place: Path) -> Path:
    """The file itself, or the newest backup of a folder; raises BackupNotFound, DestinationFailed."""
    if place.is_file():
        return place
    found = BackupFolder(place).backups() if place.is_dir() else []
    if not found:
        raise BackupNotFound
    return found[-1]


def synced(file: BinaryIO) -> None:
    """Put the file on the disk and out of the memory, so that reading it back reads the disk. Raises OSError."""
    file.flush()
    os.fsync(file.fileno())
    with contextlib.suppress(OSError):
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _privately(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _moment(path: Path) -> tuple[str, str]:
    """Generation before the instant: clocks go back, generations do not."""
    parts = path.name.removesuffix(_SUFFIX).split("-")
    return (parts[2], parts[3]) if len(parts) > 3 else ("", "")


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y%m%dT%H%M%S") + f"{moment.microsecond // 1000:03d}Z"


def _sync(path: Path) -> None:
    """Some file systems of sticks and shares have no sync of folders."""
    try:
        sync_folder(path)
    except OSError as problem:
        if problem.errno not in _NOT_FOR_FOLDERS:
            raise


@contextmanager
def _disk() -> Iterator[None]:
    """The message of an OSError is left out: it holds a path."""
    try:
        yield
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DestinationFull(f"errno {problem.errno}", needed="…") from problem
        raise DestinationFailed(f"errno {problem.errno}") from problem
