"""Reads a backup to its end with its phrase, keeping nothing: the printed phrase is worth what its last trial was worth."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from provisioning.backup.archive import End, members_of
from provisioning.backup.container import Header, OpenedReader, plain_pieces, read_header
from provisioning.backup.errors import BackupDamaged, BackupNotFound
from provisioning.backup.folder import newest
from provisioning.backup.phrase import RecoveryPhrase
from provisioning.backup.recipient import found_key

_OF_THE_BOX = 3
"""Members that are no files of the home: key, journal, end."""


def prove(place: Path, phrase: RecoveryPhrase) -> tuple[Header, End]:
    """What the backup says of itself, once all of it was read. Raises PhraseWrong, BackupDamaged, BackupTooNew, BackupNotFound."""
    try:
        with newest(place).open("rb") as file:
            header, opening = read_header(file)
            source = OpenedReader(plain_pieces(file, opening, found_key(phrase, header.recipient, header.ephemeral)))
            return header, _end_of(source)
    except OSError as problem:
        raise BackupNotFound(f"errno {problem.errno}") from problem


def _end_of(source: OpenedReader) -> End:
    end, members = None, 0
    try:
        with tarfile.open(fileobj=cast(BinaryIO, io.BufferedReader(source)), mode="r|") as tar:
            for member in members_of(tar):
                members += 1
                content = tar.extractfile(member)
                end = msgspec.json.decode(content.read(4096), type=End) if member.name == "end.json" and content is not None else None
        source.readall()
    except (tarfile.TarError, msgspec.MsgspecError) as problem:
        raise BackupDamaged(type(problem).__name__) from None
    if end is None or end.files != members - _OF_THE_BOX:
        raise BackupDamaged("count")
    return end
