"""Durable writing of small private files: whole or not at all, 0600, on the disk when the call returns.

Never for patient documents (the journal's blobs do that). Source: design section 4, step 3 (temp, fsync, rename, fsync of the folder).
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def private_folder(path: Path) -> Path:
    """The folder itself, made with its parents as 0700 where missing; raises OSError."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)
    return path


def sync_folder(path: Path) -> None:
    """Put a folder's entries on the disk; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace `path` by `data` in one step: temp file of the same folder, fsync, rename, fsync of file and folder; raises OSError.

    FAT keeps in the folder's entry where a file begins, and writes it with the file, not with the folder: without the second fsync a power
    cut within half a minute leaves the name on the freed blocks of the former file (seen on a booted image).
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            draft.replace(path)
            os.fsync(file.fileno())
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
