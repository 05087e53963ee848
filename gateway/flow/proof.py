"""Proofs on their way to a caller: a zip written in anonymous memory, away from the loop, one at a time for the whole box.

Never holds more than the payload being added and two archives, and waits for no caller without end: an archive that is not fetched is given
up. What is large is stored as it is: deflating it costs the box more than the network saves. Source: contract section 3 (proof).
"""

from __future__ import annotations

import asyncio
import os
import weakref
import zipfile
from collections.abc import AsyncIterator, Callable

from gateway.flow.allowance import TooMuchAtOnce

_AT_ONCE = 2
_PATIENCE = 30.0
"""Seconds a caller waits for the archives of others."""
_TO_FETCH = 120.0
"""Seconds in which an archive must be fetched."""
_STORED_FROM = 65_536
_PIECE = 262_144

Entries = AsyncIterator[tuple[str, bytes]]


class TooManyProofs(TooMuchAtOnce):
    """Other proofs are being fetched."""

    what = "D'autres preuves sont en cours de téléchargement."
    gesture = "Redemandez cette preuve dans une minute."


class Proof:
    """A finished archive, to be read once."""

    def __init__(self, done: Callable[[], None]) -> None:
        self.file = os.fdopen(os.memfd_create("proof", os.MFD_CLOEXEC), "w+b")
        self._done: Callable[[], None] | None = done
        self._deadline = asyncio.get_running_loop().call_later(_PATIENCE + _TO_FETCH, self.close)

    @property
    def size(self) -> int:
        """Bytes of the archive."""
        return os.fstat(self.file.fileno()).st_size

    def pieces(self) -> AsyncIterator[bytes]:
        """The archive piece by piece; its memory is given back at the end, or when nobody holds this any more."""
        found = self._pieces()
        weakref.finalize(found, self.close)  # a caller gone before the first piece leaves a generator that never ran
        return found

    def close(self) -> None:
        """Give the memory and the place back; twice does no harm."""
        self._deadline.cancel()
        self.file.close()
        done, self._done = self._done, None
        if done is not None:
            done()

    async def _pieces(self) -> AsyncIterator[bytes]:
        position = 0
        try:
            while not self.file.closed and (piece := os.pread(self.file.fileno(), _PIECE, position)):
                position += len(piece)
                yield piece
        finally:
            self.close()


class Proofs:
    """Writes proofs in turn."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._writing = asyncio.Lock()

    async def write(self, entries: Entries) -> Proof:
        """The archive of these files; raises TooManyProofs, and whatever the entries raise (nothing is kept then)."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._places.acquire()
        except TimeoutError:
            raise TooManyProofs from None
        proof = Proof(self._places.release)
        try:
            async with self._writing:
                with zipfile.ZipFile(proof.file, "w") as archive:
                    async for name, content in entries:
                        method = zipfile.ZIP_STORED if len(content) >= _STORED_FROM else zipfile.ZIP_DEFLATED
                        await asyncio.to_thread(archive.writestr, name, content, method)
                proof.file.flush()
        except BaseException:
            proof.close()
            raise
        return proof
