"""One payload file being written: encrypted as it comes, invisible under its name until it is whole and on the disk.

Plain blocking I/O; `journal.blobs` runs it off the loop. A draft may be dropped while another thread still works on it (its task was
cancelled): the lock makes the two take turns. Source: design section 4, step 3; stack.md 14.
"""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

from gateway.journal.folders import make_folder
from gateway.journal.sealing import Bytes, StreamSealer

DRAFT = ".part"
"""Suffix of a file that is not a payload yet; the sweep removes what a crash left."""
_STEP = 262_144
_CLOSED = -1


class Draft:
    """Feed it with `add`, then `publish` it, or `drop` it; it makes its file at the first of these. Methods raise OSError."""

    def __init__(self, target: Path, sealer: StreamSealer) -> None:
        self._target = target
        self._path = target.with_name(target.name + DRAFT)
        self._sealer = sealer
        self._digest = hashlib.sha256()
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self.size = 0

    @property
    def folder(self) -> Path:
        """Where the file goes, to be synced after `publish`."""
        return self._target.parent

    @property
    def sha256(self) -> str:
        """Hex digest of the plain bytes so far."""
        return self._digest.hexdigest()

    def add(self, plain: Bytes) -> None:
        """Append plain bytes."""
        view = memoryview(plain)
        with self._lock:
            for start in range(0, len(view), _STEP):
                piece = view[start : start + _STEP]
                self._digest.update(piece)
                self._write(self._sealer.update(piece))
                self.size += len(piece)

    def publish(self) -> None:
        """Seal the end, put the bytes on the disk, give the file its name. The folder is still to be synced."""
        with self._lock:
            self._write(self._sealer.finish())
            os.fsync(self._opened())
            self._close()
            self._path.rename(self._target)

    def drop(self) -> None:
        """Leave nothing behind, now or later."""
        with self._lock:
            self._close()
            self._path.unlink(missing_ok=True)
            self._target.unlink(missing_ok=True)

    def _write(self, sealed: bytes) -> None:
        rest = memoryview(sealed)
        while rest:
            rest = rest[os.write(self._opened(), rest) :]

    def _opened(self) -> int:
        if self._descriptor is None:
            make_folder(self._path.parent)
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        return self._descriptor

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, _CLOSED
        if descriptor is not None and descriptor != _CLOSED:
            os.close(descriptor)
