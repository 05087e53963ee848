"""Folders on the disk: made so that a power cut cannot take them back, synced so that the names in them last. Blocking; raises OSError."""

from __future__ import annotations

import os
from pathlib import Path


def make_folder(path: Path) -> None:
    """The folder and its parents, 0700, durable where they had to be made."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Put the names in a folder on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def listed(path: Path) -> list[Path]:
    """What a folder holds, in order; nothing when there is no folder."""
    return sorted(path.iterdir()) if path.is_dir() else []


def unlink(paths: list[Path]) -> None:
    """Remove files; one that is not there is no error."""
    for path in paths:
        path.unlink(missing_ok=True)
