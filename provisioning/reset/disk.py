"""The few gestures that erase. On flash memory overwriting proves nothing (docs/adr/0029): the key goes first.

What is overwritten or written is on the disk when the call returns; what is removed, once its folder is settled: a cut that brings a file
back finds the erasure still under way. Nothing here follows a symbolic link. Every gesture may be repeated, and finds nothing to do where
there is nothing left.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Protocol

from gateway.trust.files import sync_folder, write_durably

_CHUNK = 1 << 20


class Disk(Protocol):
    """What an erasure does to the world; all raise OSError."""

    def overwrite(self, path: Path) -> None:
        """Random bytes in the place of a plain file's; nothing for what is none."""
        ...

    def remove(self, path: Path) -> None:
        """Take a file, link, socket or empty folder away."""
        ...

    def settle(self, folder: Path) -> None:
        """What was removed of it stays so, whatever happens next."""
        ...

    def write(self, path: Path, data: bytes) -> None:
        """A small file, whole or not at all."""
        ...


class RealDisk:
    """The one there is."""

    def overwrite(self, path: Path) -> None:
        """Random bytes in the place of a plain file's; nothing for what is none."""
        try:
            path.chmod(0o600, follow_symlinks=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                return
            left = status.st_size
            while left > 0:
                left -= file.write(os.urandom(min(left, _CHUNK)))
            os.fsync(file.fileno())

    def remove(self, path: Path) -> None:
        """Take a file, link, socket or empty folder away."""
        try:
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
        except FileNotFoundError:
            return

    def settle(self, folder: Path) -> None:
        """What was removed of it stays so, whatever happens next."""
        sync_folder(folder)

    def write(self, path: Path, data: bytes) -> None:
        """A small file, whole or not at all, to the owner of its folder."""
        write_durably(path, data)
        owner = path.parent.stat()
        if path.stat().st_uid != owner.st_uid:
            os.chown(path, owner.st_uid, owner.st_gid)
