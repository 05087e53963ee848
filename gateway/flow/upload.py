"""A file being received: kept once in anonymous memory (never on the disk in clear), digested as it comes.

Memory files exist only as long as the process: a crash leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
from types import TracebackType

from gateway.flow.allowance import Share
from gateway.kernel.errors import Refused


class BodyTooLarge(Refused):
    """The file is over the limit of this box."""

    code = "body-too-large"
    status = 413
    title = "Document trop volumineux"
    who = "le secrétariat"
    what = "Le document dépasse la taille acceptée, qui est de {limit_mb} Mo."
    gesture = "Réduisez le document (numérisation en noir et blanc, moins de pages par envoi), puis renvoyez-le."


class Upload:
    """Append-only anonymous file with a size limit and a running SHA-256. Use as a context manager."""

    def __init__(self, limit: int, share: Share) -> None:
        self._share = share
        self._limit = limit
        self._descriptor = os.memfd_create("upload", os.MFD_CLOEXEC)
        self._digest = hashlib.sha256()
        self._map: mmap.mmap | None = None
        self.size = 0

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Append; raises BodyTooLarge as soon as the limit is passed, TooMuchAtOnce when all bodies together are over theirs."""
        if self.size + len(chunk) > self._limit:
            raise BodyTooLarge(field="file", limit_mb=max(1, self._limit // 1_000_000))
        self._share.take(len(chunk))
        os.write(self._descriptor, chunk)
        self._digest.update(chunk)
        self.size += len(chunk)

    @property
    def sha256(self) -> str:
        """Hex digest of what has been written."""
        return self._digest.hexdigest()

    @property
    def path(self) -> str:
        """A path that opens the same memory, for libraries that want one; valid while the upload is open."""
        return f"/proc/self/fd/{self._descriptor}"

    def view(self) -> memoryview:
        """The whole content without a copy; valid while the upload is open."""
        if self.size == 0:
            return memoryview(b"")
        if self._map is None:
            self._map = mmap.mmap(self._descriptor, self.size, prot=mmap.PROT_READ)
        return memoryview(self._map)

    def close(self) -> None:
        """Give the memory back."""
        if self._map is not None:
            with contextlib.suppress(BufferError):  # a caller that failed may still hold a view: the map dies with it
                self._map.close()
            self._map = None
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self._share.close()

    def __enter__(self) -> Upload:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
