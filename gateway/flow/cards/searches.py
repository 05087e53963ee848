"""INSi called by a professional's card (CPS mode): the assertion is signed in the reader, for the person beside it (insi.md 2.1, 2.2).

Who the holder is comes from the card; what the practice says of him (billing number, specialty) from relais.toml. What a card signed is
destroyed when it leaves (case A25), serves no other workstation or person, and by default serves once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from firmware.protocol import KeyUse
from gateway.flow.caller import Caller
from gateway.flow.cards.batches import Access, owner_of
from gateway.flow.cards.desk import CardDesk
from gateway.flow.cards.errors import BillingMissing, HolderUnknown
from gateway.flow.cards.request import CardAccess, pin_of
from gateway.flow.cards.signer import LockedCard
from gateway.flow.devices.devices import Devices
from gateway.flow.identities.identification import Insi
from gateway.ins.assertion import CardFacts, PsAssertion
from gateway.ins.card_session import CardSession
from gateway.ins.client import Assertions
from gateway.kernel.clock import Clock
from gateway.kernel.config import Configuration, Structure
from gateway.trust.signer import Signer

_MOST_CALLS = 24
"""Signatures of one search: two more than the given names that a request may hold (ins.search)."""


class CardClients(Protocol):
    """Who gives a client of INSi for a card, as `remotes.Remotes.insi_by_card`."""

    def __call__(self, structure_id: str, card: Assertions, *, software: str | None = None) -> Insi:
        """Raises InsiNotConfigured."""
        ...


class CardSearches:
    """Sessions by reader and owner."""

    def __init__(self, configuration: Configuration, clock: Clock, cards: CardDesk, devices: Devices, clients: CardClients) -> None:
        self._configuration = configuration
        self._clock = clock
        self._cards = cards
        self._devices = devices
        self._clients = clients
        self._sessions: dict[tuple[str, str], CardSession] = {}
        devices.on_card_left(self._card_left)

    def is_inserted(self, reader: str, insertion: str) -> bool:
        """True while that very card is known to be in the reader (case A24)."""
        card = self._devices.card(reader)
        return card is not None and card.insertion_id == insertion

    @asynccontextmanager
    async def client(self, caller: Caller, structure: Structure, body: CardAccess) -> AsyncIterator[Insi]:
        """INSi as the holder of that card calls it, for the length of the block.

        Raises HolderUnknown, BillingMissing, SpecialtyMissing, CardNotNominative, InsiNotConfigured, and as `CardDesk.sign`.
        """
        access = Access(reader=body.reader, insertion_id=body.insertion_id, pin=pin_of(body.pin), accept_last_try=body.accept_last_try)
        try:
            facts = facts_of(structure, await self._cards.check(caller, access))
            session = self._session(caller, access)
            certificate = await self._cards.certificate(access)
            if access.pin is None and session.holds:
                yield self._client(caller, structure, session, facts, LockedCard(certificate), access)
                return
            async with self._cards.asserting(caller, access, signatures=_MOST_CALLS) as card:
                yield self._client(caller, structure, session, facts, card.signer(KeyUse.SIGN), access)
        finally:
            access.wipe()

    def _client(self, caller: Caller, structure: Structure, session: CardSession, facts: CardFacts, signer: Signer, access: Access) -> Insi:
        async def signed() -> PsAssertion:
            return await session.assertion(facts, signer, access.insertion_id)

        return self._clients(structure.id, signed, software=caller.software)

    def _session(self, caller: Caller, access: Access) -> CardSession:
        key = (access.reader, owner_of(caller))
        if key not in self._sessions:
            self._sessions[key] = CardSession(self._clock, keep_seconds=self._configuration.insi.card_assertion_seconds)
        return self._sessions[key]

    def _card_left(self, reader: str, insertion: str) -> None:
        for key in [one for one in self._sessions if one[0] == reader]:
            self._sessions.pop(key).card_left(insertion)


def facts_of(structure: Structure, holder: str | None) -> CardFacts:
    """What the practice says of the holder; raises HolderUnknown, BillingMissing."""
    person = structure.professional(holder) if holder is not None else None
    if person is None and (holder is None or structure.secretary(holder) is None):
        raise HolderUnknown
    billing = (person.billing_id if person is not None else None) or structure.billing_id
    if billing is None:
        raise BillingMissing
    specialty = person.billing_specialty if person is not None else None
    return CardFacts(billing_id=billing, sector=structure.sector, specialty=specialty)
