"""A professional's card behind the signer port: its signatures within one batch, opened by one PIN (trust.signer, cards.md 6)."""

from __future__ import annotations

from typing import Literal

from typing_extensions import override

from firmware.protocol import BatchOpened, KeyUse, Sign, Signature
from gateway.flow.cards.calls import DeviceCalls
from gateway.flow.cards.errors import KeyUnfit, PinRequired
from gateway.trust.signer import DigestName


class CardSigner:
    """The key of that use of an open batch. `owner` is who opened it: nobody else signs with it."""

    def __init__(self, calls: DeviceCalls, batch: BatchOpened, owner: str, certificate: bytes, use: KeyUse) -> None:
        self._calls = calls
        self._batch = batch
        self._owner = owner
        self._certificate = certificate
        self._use = use

    @override
    def __repr__(self) -> str:
        return f"CardSigner({self._use.value})"

    @property
    def certificate(self) -> bytes:
        """DER, as the card gives it."""
        return self._certificate

    @property
    def chain(self) -> tuple[bytes, ...]:
        """Empty: a card holds no other certificate than its own two."""
        return ()

    async def sign(self, data: bytes, digest: DigestName) -> bytes:
        """By the card, which sees the data; raises KeyUnfit, BatchOver, CardOutcomeUnknown and what tells that the card is not there."""
        return await self.sign_either(_hash_of(digest), data=data, ready=None)

    async def sign_either(self, name: Literal["sha1", "sha256"], *, data: bytes | None, ready: bytes | None) -> bytes:
        """Data, or a ready digest for a key that takes one."""
        request = Sign(batch=self._batch.batch, owner=self._owner, key=self._use, hash=name, data=data, digest=ready)
        return (await self._calls.ask(request, Signature)).value


class LockedCard:
    """A card whose PIN was not given: it says whose it is and signs nothing."""

    def __init__(self, certificate: bytes) -> None:
        self._certificate = certificate

    @property
    def certificate(self) -> bytes:
        """DER."""
        return self._certificate

    @property
    def chain(self) -> tuple[bytes, ...]:
        """Empty."""
        return ()

    async def sign(self, data: bytes, digest: DigestName) -> bytes:
        """Raises PinRequired."""
        raise PinRequired(f"{len(data)} bytes, {digest}", field="pin")


def _hash_of(digest: DigestName) -> Literal["sha1", "sha256"]:
    if digest not in ("sha1", "sha256"):
        raise KeyUnfit(digest)
    return digest
