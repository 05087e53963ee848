"""The plain stream of a backup: a tar of the box key, the journal, the files of the home, the payloads, and a last member that counts.

A tar, so that any tool reads what the phrase opened. Written and read as it passes, nothing held. The last member tells a whole stream
from one whose writer died; what is read is checked name by name, and nothing is ever written outside of the folder given.
"""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from gateway.trust.boxkey import BOX_KEY_BYTES
from gateway.trust.files import private_folder
from provisioning.backup.contents import blob_place, is_kept, kept_files
from provisioning.backup.errors import BackupDamaged, RestorationFailed, SnapshotFailed
from provisioning.backup.snapshot import file_blobs

_KEY, _JOURNAL, _END = "box-key", "journal.sqlite", "end.json"
_CHUNK = 262_144


class End(msgspec.Struct, frozen=True, kw_only=True):
    """The last member. `absent`: payloads named by the journal whose files were not there."""

    files: int
    absent: int = 0
    final: bool = False
    """Made after the box was retired: nothing was accepted or sent since."""


def write_archive(sink: io.RawIOBase, home: Path, journal: Path, box_key: bytes, *, final: bool = False) -> End:
    """Everything of a home, its journal taken from a copy; raises SnapshotFailed when a file cannot be read."""
    files = absent = 0
    try:
        with tarfile.open(fileobj=cast(BinaryIO, sink), mode="w|", format=tarfile.GNU_FORMAT) as tar:
            _add_bytes(tar, _KEY, box_key)
            _add_file(tar, _JOURNAL, journal)
            for path in kept_files(home):
                files += _add_file(tar, f"home/{path.relative_to(home).as_posix()}", path)
            for blob_id in file_blobs(journal):
                tar.members.clear()  # type: ignore[attr-defined]  # see members_of
                there = _add_file(tar, f"blobs/{blob_id}", home / "blobs" / blob_place(blob_id))
                files, absent = files + there, absent + (1 - there)
            end = End(files=files, absent=absent, final=final)
            _add_bytes(tar, _END, msgspec.json.encode(end))
    except (tarfile.TarError, sqlite3.Error) as problem:
        raise SnapshotFailed(type(problem).__name__) from problem
    return end


def extract_archive(source: io.RawIOBase, stage: Path) -> tuple[bytes, End]:
    """Lay everything out below `stage`, as in a home, durably; the box key and the count. Raises BackupDamaged, RestorationFailed."""
    box_key, end, files = b"", None, 0
    with _reading(), tarfile.open(fileobj=cast(BinaryIO, io.BufferedReader(source, _CHUNK)), mode="r|") as tar:
        for member in members_of(tar):
            content = tar.extractfile(member) if member.isreg() else None
            if content is None or end is not None:
                raise BackupDamaged("member")
            match member.name.partition("/"):
                case (name, _, "") if name == _KEY:
                    box_key = content.read(BOX_KEY_BYTES + 1)
                case (name, _, "") if name == _END:
                    end = msgspec.json.decode(content.read(4096), type=End)
                case (name, _, "") if name == _JOURNAL:
                    _lay(content, stage / "journal.sqlite")
                case ("home", _, place) if is_kept(Path(place)):
                    files += _lay(content, stage / place)
                case ("blobs", _, blob_id) if is_kept(Path(blob_id)) and "/" not in blob_id:
                    files += _lay(content, stage / "blobs" / blob_place(blob_id))
                case _:
                    raise BackupDamaged("name")
        # Up to the end of the sealed stream: the mark of its last frame is what tells a whole file.
        source.readall()
    if end is None or end.files != files or len(box_key) != BOX_KEY_BYTES:
        raise BackupDamaged("count")
    return box_key, end


def members_of(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Each member as it passes, forgotten afterwards: the library would keep them all."""
    while (member := tar.next()) is not None:
        yield member
        tar.members.clear()  # type: ignore[attr-defined]  # the list is documented, its type is not


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, msgspec.MsgspecError, ValueError) as problem:
        raise BackupDamaged(type(problem).__name__) from None
    except OSError as problem:
        raise RestorationFailed(f"errno {problem.errno}") from problem


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    member.mode = 0o600
    tar.addfile(member, io.BytesIO(data))


def _add_file(tar: tarfile.TarFile, name: str, path: Path) -> int:
    """One file as it is when it is opened; 0 when it is gone. What is replaced is replaced whole: its size is that of the bytes read."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return 0
    with file:
        member = tarfile.TarInfo(name)
        member.size = os.fstat(file.fileno()).st_size
        member.mode = 0o600
        tar.addfile(member, file)
    return 1


def _lay(content: object, path: Path) -> int:
    private_folder(path.parent)
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        shutil.copyfileobj(cast(BinaryIO, content), file, _CHUNK)
        file.flush()
        os.fsync(file.fileno())
    return 1
