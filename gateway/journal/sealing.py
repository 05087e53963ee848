"""What the journal asks of encryption at rest; `trust.vault.DataKey` is the real one. The journal never sees a key."""

from __future__ import annotations

from typing import Protocol


class Sealer(Protocol):
    """One document's data key. `context` binds the bytes to their place: opening elsewhere fails."""

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Encrypt and authenticate."""
        ...

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Give the plain bytes back; raises a typed error when they were damaged or moved."""
        ...
