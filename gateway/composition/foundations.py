"""What every family of parts stands on: where things are kept, with which keys, by which clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.custody import Custody
from gateway.flow.fencing.fence import Fence
from gateway.flow.identities.entries import Identities
from gateway.journal.blobs import BlobStore
from gateway.journal.store import Store
from gateway.kernel.clock import Clock
from gateway.kernel.config import Configuration
from gateway.trust.keystore import KeyStore
from gateway.trust.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundations:
    """The stores, the keys and the clock of one home, and the three that nearly every part is given with them.

    `anchors`: PEM of the configured authorities; `lists`: the revocation lists held at the moment of the call; `bell`: rings the workshop.
    """

    root: Path
    configuration: Configuration
    clock: Clock
    store: Store
    blobs: BlobStore
    vault: Vault
    keys: KeyStore
    anchors: bytes
    lists: Callable[[], Sequence[bytes]]
    fence: Fence
    books: Bookkeeper = field(init=False)
    custody: Custody = field(init=False)
    identities: Identities = field(init=False)
    bell: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        object.__setattr__(self, "books", Bookkeeper(self.store, self.clock))
        object.__setattr__(self, "custody", Custody(self.store, self.blobs, self.vault))
        object.__setattr__(self, "identities", Identities(self.store, self.vault))
