"""How much of the box's memory bodies and large documents may take at once: a box of 1 GB is never filled by its own callers.

Memory files are not counted in the memory of the process, so nothing else would notice them before the kernel does. Never waits for
bytes: a caller beyond the allowance is told to come back. Source: design section 1 (1 GB of memory) and invariants of section 4.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from types import TracebackType

from gateway.journal.store import NotAccepting
from gateway.kernel.config import Limits


class TooMuchAtOnce(NotAccepting):
    """The bodies being received already fill what the box keeps for them."""

    who = "personne"
    what = "Relais reçoit déjà trop de documents en même temps."
    gesture = "Renvoyez le document dans une minute."


class Allowance:
    """Bytes that all bodies together may hold in memory."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.taken = 0
        """Bytes held now."""

    def share(self) -> Share:
        """What one request takes of it, given back when it is closed."""
        return Share(self)

    def take(self, size: int) -> None:
        """Count bytes in; raises TooMuchAtOnce, and counts nothing then."""
        if self.taken + size > self._limit:
            raise TooMuchAtOnce(f"{self.taken} bytes in flight")
        self.taken += size

    def give(self, size: int) -> None:
        """Count bytes out."""
        self.taken -= size


class Share:
    """The bytes of one request. Use as a context manager, or close it."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._held = 0

    def take(self, size: int) -> None:
        """Hold more; raises TooMuchAtOnce."""
        self._allowance.take(size)
        self._held += size

    def close(self) -> None:
        """Give everything back; twice does no harm."""
        self._allowance.give(self._held)
        self._held = 0

    def __enter__(self) -> Share:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class LargePlaces:
    """Places for documents over `large_document_bytes`: `large_in_flight` in all, one of them kept for preparation.

    A silent destination may hold the others for the length of its timeouts, and must not stop what is being prepared. `give_back` is called
    when a large document has left its place: what it took is free then.
    """

    def __init__(self, limits: Limits, give_back: Callable[[], None] | None = None) -> None:
        self._give_back = give_back
        self._threshold = limits.large_document_bytes
        self._preparing = asyncio.Semaphore(1)
        self._sending = asyncio.Semaphore(max(1, limits.large_in_flight - 1))

    def preparing(self, size: int) -> contextlib.AbstractAsyncContextManager[None]:
        """Wait for the place of preparation; a document that is not large waits for nothing."""
        return self._place(self._preparing) if size > self._threshold else contextlib.nullcontext()

    def sending(self, size: int) -> contextlib.AbstractAsyncContextManager[None]:
        """Wait for a place to send; a document that is not large waits for nothing."""
        return self._place(self._sending) if size > self._threshold else contextlib.nullcontext()

    @contextlib.asynccontextmanager
    async def _place(self, places: asyncio.Semaphore) -> AsyncIterator[None]:
        async with places:
            yield
        if self._give_back is not None:
            self._give_back()
