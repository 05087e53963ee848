"""What the journal asks of encryption at rest; `trust.vault.DataKey` is the real one. The journal never sees a key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

Bytes = bytes | bytearray | memoryview


class StreamSealer(Protocol):
    """Seals one stream as it passes, holding little of it."""

    def update(self, plain: Bytes) -> bytes:
        """The sealed bytes that are ready; possibly none."""
        ...

    def finish(self) -> bytes:
        """The rest: without it the stream does not open."""
        ...


class Sealer(Protocol):
    """One document's data key. `context` binds the bytes to their place: opening elsewhere fails."""

    def seal(self, plain: Bytes, context: bytes) -> bytes:
        """Encrypt and authenticate."""
        ...

    def open(self, sealed: Bytes, context: bytes) -> bytes:
        """Give the plain bytes back; raises a typed error when they were damaged or moved."""
        ...

    def sealer(self, context: bytes) -> StreamSealer:
        """Encrypt and authenticate a stream."""
        ...

    def open_stream(self, chunks: Iterable[Bytes], context: bytes) -> Iterator[bytes]:
        """Give a stream back, whatever the cut of `chunks`; raises a typed error when it was damaged, moved or cut short."""
        ...
