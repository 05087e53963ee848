"""One PIN, one batch, one owner: opens the card of a caller for what follows, and closes it whatever happens (cards.md 6, rules 1 to 6).

The batch is bound to the insertion, the workstation and the person; a card of the other environment is never opened. The PIN is wiped on
the way out, and what may have cost a try makes the counter be asked again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import structlog
from cryptography import x509
from typing_extensions import override

from firmware.protocol import BatchOpened, CardFacts, CloseBatch, Done, KeyUse, OpenBatch
from gateway.flow.caller import Caller
from gateway.flow.cards.calls import QUICK, DeviceCalls
from gateway.flow.cards.errors import CardOfProduction, CardOfTest, HolderNotActor, KeyUnfit
from gateway.flow.cards.facts import CardBook
from gateway.flow.cards.holder import any_certificate, certificate_of, is_test_card, national_id
from gateway.flow.cards.signer import CardSigner
from gateway.kernel.config import Configuration
from gateway.kernel.errors import RelaisError

_log = structlog.get_logger("relais.cards")


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Which card, and what opens it. The PIN is wiped once it was used."""

    reader: str
    insertion_id: str
    pin: bytearray | None = None
    """None: typed on the reader's own pad."""
    accept_last_try: bool = False

    @override
    def __repr__(self) -> str:
        return f"Access({self.reader})"

    def wipe(self) -> None:
        """Overwrite the PIN where it stands."""
        if self.pin is not None:
            self.pin[:] = bytes(len(self.pin))


class OpenCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card that was opened: whose it is, and its keys."""

    holder: str | None
    """PS_IdNat."""
    test: bool
    batch: BatchOpened
    owner: str
    calls: DeviceCalls

    def signer(self, use: KeyUse) -> CardSigner:
        """The key of that use; raises KeyUnfit when the card has no certificate of it."""
        der = next((one.der for one in self.batch.certificates if one.use is use), None)
        if der is None:
            raise KeyUnfit(use.value)
        return CardSigner(self.calls, self.batch, self.owner, der, use)


class CardBatches:
    """Opens and closes."""

    def __init__(self, configuration: Configuration, calls: DeviceCalls, book: CardBook) -> None:
        self._configuration = configuration
        self._calls = calls
        self._book = book

    async def check(self, caller: Caller, access: Access) -> x509.Certificate:
        """The holder's certificate, once the card may act for this caller.

        Raises CardOfTest, CardOfProduction, HolderNotActor, KeyUnfit, and as `CardBook.facts`.
        """
        facts = await self._book.facts(access.reader, access.insertion_id)
        found = _certificate(facts)
        if is_test_card(found) is (self._configuration.environment == "production"):
            raise CardOfTest if is_test_card(found) else CardOfProduction
        if self._is_professional(caller) and caller.actor != national_id(found):
            raise HolderNotActor(field="Relais-Actor")
        return found

    @asynccontextmanager
    async def opened(self, caller: Caller, access: Access, *, signatures: int) -> AsyncIterator[OpenCard]:
        """The card open for at most so many signatures and a minute; locked again after the block. Raises as `check`, and for the PIN."""
        owner = owner_of(caller)
        try:
            found = await self.check(caller, access)
            request = OpenBatch(
                reader=access.reader,
                insertion_id=access.insertion_id,
                owner=owner,
                pin=access.pin,
                accept_last_try=access.accept_last_try,
                signatures=signatures,
            )
            batch = await self._calls.ask(request, BatchOpened)
        finally:
            access.wipe()
            self._book.tried(access.insertion_id)
        try:
            yield OpenCard(holder=national_id(found), test=is_test_card(found), batch=batch, owner=owner, calls=self._calls)
        finally:
            await self._close(batch, owner)

    async def _close(self, batch: BatchOpened, owner: str) -> None:
        """The device process closes it by itself when this cannot be said."""
        try:
            await self._calls.ask(CloseBatch(batch=batch.batch, owner=owner), Done, seconds=QUICK)
        except RelaisError as problem:
            _log.warning("card batch not closed", code=problem.code)

    def _is_professional(self, caller: Caller) -> bool:
        return caller.actor is not None and any(one.professional(caller.actor) is not None for one in self._configuration.structures)


def owner_of(caller: Caller) -> str:
    """Who may use a batch: the workstation and the person, as one opaque word for the device process."""
    return f"{caller.workstation}/{caller.actor or ''}"


def _certificate(facts: CardFacts) -> x509.Certificate:
    found = certificate_of(facts.certificates, KeyUse.SIGN) or any_certificate(facts.certificates)
    if found is None:
        raise KeyUnfit("no certificate")
    return found
