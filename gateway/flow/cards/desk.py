"""Readers and cards as the workstations of the LAN use them: what is there, whose card it is, and what it signs (cards.md 6).

A reader serves the workstation paired with it, and every call about a card names its insertion. What needs a PIN is in the audit trail with
its outcome; no PIN, no content of a card and no patient ever is. Card work is never repeated by the machine: nothing here is durable.
"""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from firmware.protocol import (
    Card,
    CardFacts,
    CardKind,
    CardObjects,
    KeyUse,
    PlugInResult,
    Reader,
    ReadFreeData,
    ReadProtectedData,
    ReadVitale,
)
from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import Caller
from gateway.flow.cards.batches import Access, CardBatches, OpenCard
from gateway.flow.cards.calls import DeviceCalls
from gateway.flow.cards.errors import CardAbsent, CardMute, CardReplaced, KeyUnfit, NotAVitale, PinRequired, ReaderUnknown
from gateway.flow.cards.facts import CardBook
from gateway.flow.cards.holder import certificate_view, holder_view, national_id
from gateway.flow.cards.reader_pairings import ReaderPairings, desk_of
from gateway.flow.cards.request import SignBody, SituationsBody, ToSign, VitaleReadBody, pin_of
from gateway.flow.cards.showing import card_view, empty_view, reader_view
from gateway.flow.cards.situations import situations_view
from gateway.flow.cards.views import (
    CardCertificateView,
    CardView,
    HolderView,
    PlugInView,
    ReaderView,
    SignedView,
    SituationsView,
    VitaleView,
)
from gateway.flow.cards.vitale_data import vitale_view
from gateway.flow.devices.devices import Devices
from gateway.journal.records import AuditRecord
from gateway.journal.store import Store
from gateway.kernel.errors import Explanation, RelaisError

SIGNED, SITUATIONS, ASSERTED, VITALE = "card.signed", "card.situations", "card.asserted", "vitale.read"
"""Acts of the audit trail."""
_READER = re.compile(r"reader-[0-9a-f]{4,10}")
"""What may be written of an address: anything else in its place may be a person's name."""


class CardDesk:
    """What callers may do with readers and cards."""

    def __init__(
        self,
        store: Store,
        books: Bookkeeper,
        calls: DeviceCalls,
        book: CardBook,
        pairings: ReaderPairings,
        batches: CardBatches,
        devices: Devices,
    ) -> None:
        self._devices = devices
        self._store = store
        self._books = books
        self._calls = calls
        self._book = book
        self._pairings = pairings
        self._batches = batches

    async def readers(self, caller: Caller) -> tuple[ReaderView, ...]:
        """Every reader of the box, as it stands for this workstation; raises as `DeviceCalls.readers`."""
        pairings = await self._pairings.all()
        return tuple(reader_view(one, caller, desk_of(caller, pairings.get(one.id))) for one in await self._calls.readers())

    def trouble(self) -> Explanation | None:
        """What keeps cards from being used on the whole box, and what to do; None when nothing does."""
        view = self._devices.view()
        return view.trouble if view is not None else None

    async def pair(self, caller: Caller, reader: str, *, paired: bool) -> ReaderView:
        """It stands beside this workstation, or beside none; raises ReaderOfAnother, ReaderUnknown."""
        found = await self._calls.reader(reader)
        await (self._pairings.pair if paired else self._pairings.unpair)(caller, reader)
        return reader_view(found, caller, await self._pairings.desk(caller, reader))

    async def card(self, caller: Caller, reader: str) -> CardView:
        """The card that is in the reader; what keeps it from being used is told in the view. Raises what the reader refuses."""
        found = (await self._found(caller, reader)).card
        if found is None:
            return empty_view(reader)
        trouble = CardMute().explanation if found.kind is CardKind.MUTE else None
        facts = CardFacts()
        if found.kind is CardKind.CPX:
            try:
                facts = await self._book.facts(reader, found.insertion_id)
            except RelaisError as problem:
                trouble = problem.explanation
        return card_view(reader, found, facts, trouble)

    async def certificates(self, caller: Caller, reader: str, insertion: str, use: KeyUse | None) -> tuple[CardCertificateView, ...]:
        """The certificates of a CPx, of that use or both; raises CardReplaced and its kin."""
        await self._present(caller, reader, insertion)
        held = (await self._book.facts(reader, insertion)).certificates
        shown = [certificate_view(one.use, one.der) for one in held if use in (None, one.use)]
        return tuple(one for one in shown if one is not None)

    async def holder(self, caller: Caller, reader: str, insertion: str) -> HolderView:
        """Whose CPx it is, by what is free to read; raises CardReplaced and its kin."""
        await self._present(caller, reader, insertion)
        facts = await self._book.facts(reader, insertion)
        return holder_view(facts.certificates, await self._book.objects(reader, insertion))

    async def situations(self, caller: Caller, reader: str, body: SituationsBody) -> SituationsView:
        """What the PIN uncovers; raises as `sign`."""
        access = Access(reader=reader, insertion_id=body.insertion_id, pin=pin_of(body.pin), accept_last_try=body.accept_last_try)
        try:
            async with self._told(caller, SITUATIONS, access):
                await self._beside(caller, access)
                await self._batches.check(caller, access)
                if access.pin is None:
                    raise PinRequired(field="pin")
                request = ReadProtectedData(
                    reader=reader, insertion_id=body.insertion_id, pin=access.pin, accept_last_try=body.accept_last_try
                )
                found = await self._calls.ask(request, CardObjects)
        finally:
            access.wipe()
            self._book.tried(body.insertion_id)
        return situations_view(found.objects)

    async def sign(self, caller: Caller, reader: str, body: SignBody) -> SignedView:
        """Sign each thing with one PIN. All of it or nothing is given back.

        Raises ReaderNotPaired, ReaderOfAnother, CardReplaced and its kin, the refusals of the PIN, CardOfTest, CardOfProduction,
        HolderNotActor, KeyUnfit, BatchOver, CardOutcomeUnknown.
        """
        access = Access(reader=reader, insertion_id=body.insertion_id, pin=pin_of(body.pin), accept_last_try=body.accept_last_try)
        use = KeyUse(body.key)
        try:
            _check_items(body.items)
            async with (
                self._told(caller, SIGNED, access, key=body.key, count=len(body.items)),
                self.opened(caller, access, signatures=len(body.items)) as card,
            ):
                signer = card.signer(use)
                made = [await signer.sign_either(body.hash, data=one.data, ready=one.digest) for one in body.items]
        finally:
            access.wipe()
        return SignedView(
            signatures=tuple(base64.b64encode(one).decode() for one in made),
            certificate=base64.b64encode(signer.certificate).decode(),
            key=body.key,
            hash=body.hash,
            test=card.test,
        )

    async def vitale(self, caller: Caller, reader: str, insertion: str) -> VitaleView:
        """The free files of a Vitale card; kept nowhere. Raises NotAVitale, VitaleUnreadable, CardReplaced and its kin."""
        access = Access(reader=reader, insertion_id=insertion)
        async with self._told(caller, VITALE, access):
            card = await self._present(caller, reader, insertion)
            if card.kind is not CardKind.VITALE:
                raise NotAVitale
            found = await self._calls.ask(ReadFreeData(reader=reader, insertion_id=insertion), CardObjects)
        return vitale_view(found.objects)

    async def read_vitale(self, caller: Caller, reader: str, body: VitaleReadBody) -> PlugInView:
        """The JSON document of the licensed part; raises LicenceMissing, CardPartFault, NotAVitale, CardReplaced and its kin."""
        access = Access(reader=reader, insertion_id=body.insertion_id)
        async with self._told(caller, VITALE, access):
            await self._beside(caller, access)
            found = await self._calls.ask(ReadVitale(reader=reader, insertion_id=body.insertion_id), PlugInResult)
        return PlugInView(document=msgspec.Raw(found.document))

    @asynccontextmanager
    async def asserting(self, caller: Caller, access: Access, *, signatures: int) -> AsyncIterator[OpenCard]:
        """The card open for calls in its holder's name; told in the audit trail. Raises as `sign`, and what the block raises."""
        async with self._told(caller, ASSERTED, access), self.opened(caller, access, signatures=signatures) as card:
            yield card

    @asynccontextmanager
    async def opened(self, caller: Caller, access: Access, *, signatures: int) -> AsyncIterator[OpenCard]:
        """The card of a reader paired with the caller, open; raises as `sign`."""
        await self._beside(caller, access)
        async with self._batches.opened(caller, access, signatures=signatures) as card:
            yield card

    async def check(self, caller: Caller, access: Access) -> str | None:
        """PS_IdNat of the holder of a card that may act for the caller, without its PIN; raises as `sign`."""
        await self._beside(caller, access)
        return national_id(await self._batches.check(caller, access))

    async def certificate(self, access: Access) -> bytes:
        """DER of the signature certificate of a card; raises KeyUnfit."""
        facts = await self._book.facts(access.reader, access.insertion_id)
        der = next((one.der for one in facts.certificates if one.use is KeyUse.SIGN), None)
        if der is None:
            raise KeyUnfit("no signature certificate")
        return der

    async def _beside(self, caller: Caller, access: Access) -> None:
        await self._calls.reader(access.reader)
        await self._pairings.check_beside(caller, access.reader)
        await self._is_there(access.reader, access.insertion_id)

    async def _found(self, caller: Caller, reader: str) -> Reader:
        found = await self._calls.reader(reader)
        await self._pairings.check_usable(caller, reader)
        return found

    async def _present(self, caller: Caller, reader: str, insertion: str) -> Card:
        await self._found(caller, reader)
        return await self._is_there(reader, insertion)

    async def _is_there(self, reader: str, insertion: str) -> Card:
        card = await self._calls.card(reader)
        if card is None:
            raise CardAbsent
        if card.insertion_id != insertion:
            raise CardReplaced(field="insertion_id")
        if card.kind is CardKind.MUTE:
            raise CardMute
        return card

    @asynccontextmanager
    async def _told(self, caller: Caller, act: str, access: Access, **detail: str | int) -> AsyncIterator[None]:
        """The act with its outcome in the audit trail, refusals of the PIN included; raises ReaderUnknown for what names no reader."""
        if _READER.fullmatch(access.reader) is None:
            raise ReaderUnknown
        answer = "interrupted"
        try:
            yield
            answer = "done"
        except RelaisError as problem:
            answer = problem.code
            raise
        finally:
            told: dict[str, str | int | bool | None] = {"reader": access.reader, "workstation": caller.workstation, **detail}
            await self._store.commit(AuditRecord(at=self._books.now(), act=act, actor=caller.imputed, answer=answer, detail=told))


def _check_items(items: tuple[ToSign, ...]) -> None:
    for number, one in enumerate(items):
        if (one.data is None) == (one.digest is None):
            raise KeyUnfit(field=f"items[{number}]")
