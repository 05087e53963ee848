"""A box of two readers in memory: the real rules of the device process over cards that hold real keys, and no PC/SC.

devices = DevicesInMemory()
devices.insert(0, CpsInMemory(Person()))     # the cards count what they were asked: verifies, signatures
async with carding(box.devices, devices): ...    # the box hears what happens there
"""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, utils

from firmware import protocol
from firmware.cards.batches import Batches
from firmware.cards.pin import Outcome
from firmware.cards.token import (
    Begin,
    Contents,
    Failed,
    Found,
    LoggedIn,
    Login,
    Objects,
    Reply,
    Request,
    Signed,
    SignWith,
    TokenModule,
    Trouble,
)
from firmware.cards.token_helper import HelperLost
from firmware.cards.work import InReader
from firmware.client import Away, Happening
from firmware.errors import CardAbsent, CardMute, LicenceMissing, NotAVitale, ProcessAway, ReaderUnknown
from firmware.protocol import Card, CardCertificate, CardKind, CardObject, Generation, KeyUse, NoticeType, Reader
from gateway.flow.devices.devices import Devices
from tests.rig.cards.people import TEST_ISSUER, Person, card_certificate, new_key
from tests.rig.cards.vitale import VitaleCard

READERS = ("reader-0a1b2c3d", "reader-4e5f6071")
FREE = (CardObject(label="CPS_NAME_PS", value=b"\x80\x05ESSAI"), CardObject(label="CPS_INFO_PS", value=b"\x80\x04SM26"))
SITUATION = b"\xee\x1b\x84\x07CABINET\x85\x0a10B0152872\x86\x04SA07"
MODULE = TokenModule(library="/opt/cps/libcps3_pkcs11_lux.so")

_R = TypeVar("_R", bound=protocol.Response)


class CpsInMemory:
    """A CPx with two keys and three tries."""

    def __init__(self, person: Person | None = None, *, serial: bytes = b"0001", issuer: x509.Name = TEST_ISSUER) -> None:
        self.person = person or Person()
        self.serial, self.pin, self.tries = serial, b"1234", 3
        self.verified = False
        self.verifies: list[bytes] = []
        self.signatures = self.looks = 0
        self.lose_answer = False
        self.keys = {use: new_key(f"{self.person.id} {use}") for use in KeyUse}
        self.certificates = tuple(
            CardCertificate(use=use, der=card_certificate(self.person, use, key, issuer=issuer)) for use, key in self.keys.items()
        )

    def verify(self, pin: bytes) -> Outcome:
        self.verifies.append(pin)
        if self.tries and pin == self.pin:
            self.tries, self.verified = 3, True
            return Outcome.RIGHT
        self.tries, self.verified = max(0, self.tries - 1), False
        return Outcome.WRONG if self.tries else Outcome.BLOCKED

    def sign(self, asked: SignWith) -> Reply:
        if not self.verified:
            return Failed(trouble=Trouble.BROKEN)
        if asked.key is KeyUse.SIGN and asked.digest is not None:
            return Failed(trouble=Trouble.NEEDS_DATA)
        self.signatures += 1
        name = hashes.SHA256() if asked.hash == "sha256" else hashes.SHA1()  # noqa: S303 - as cards do
        kind = name if asked.data is not None else utils.Prehashed(name)
        return Signed(value=self.keys[asked.key].sign(asked.data or asked.digest or b"", padding.PKCS1v15(), kind))


class Other(msgspec.Struct, kw_only=True):
    """A card that is no CPx."""

    kind: CardKind


class DevicesInMemory:
    """The device process: readers, the PIN rules of its `Batches`, and what it tells."""

    def __init__(self, module: TokenModule | None = MODULE) -> None:
        self.cards: dict[str, CpsInMemory | Other] = {}
        self.insertions: dict[str, str] = {}
        self.away = False
        self.service = True
        self.plug_in: bytes | None = None
        """What the licensed part prints."""
        self.slow: asyncio.Event | None = None
        self.held = asyncio.Event()
        """A card was asked for something while `slow` held it."""
        self._module = module
        self._batches = Batches(module, self, self._start, patience=0.5)
        self._told: list[asyncio.Queue[Happening]] = []
        self._numbers = itertools.count(1)

    # What a test does

    def insert(self, slot: int, card: CpsInMemory | Other) -> str:
        """The insertion; the former card is pulled."""
        reader = READERS[slot]
        self.pull(slot)
        self.cards[reader], self.insertions[reader] = card, str(uuid.uuid4())
        kind = NoticeType.CARD_MUTE if isinstance(card, Other) and card.kind is CardKind.MUTE else NoticeType.CARD_IN
        self._tell(kind, reader, self._card(reader))
        return self.insertions[reader]

    def pull(self, slot: int) -> None:
        """The card out."""
        reader = READERS[slot]
        card, told = self.cards.pop(reader, None), None
        if card is None:
            return
        told = Card(insertion_id=self.insertions.pop(reader), kind=CardKind.CPX if isinstance(card, CpsInMemory) else card.kind)
        if isinstance(card, CpsInMemory):
            card.verified = False
        self._batches.gone(reader)
        self._tell(NoticeType.CARD_OUT, reader, told)

    def leave(self) -> None:
        """The process is gone."""
        self.away = True
        self._spread(Away())

    def come_back(self) -> None:
        """It is there again, and lists what there is."""
        self.away = False
        self._spread(self.list())

    # What the gateway does

    async def call(self, request: protocol.Request, kind: type[_R], *, seconds: float = 30.0) -> _R:
        """As the client of the process."""
        if self.away:
            raise ProcessAway("away", retry_after=1.0)
        async with asyncio.timeout(seconds):
            answer = await self._answer(request)
        assert isinstance(answer, kind)
        return answer

    @asynccontextmanager
    async def happenings(self) -> AsyncIterator[AsyncIterator[Happening]]:
        """What there is, then what happens."""
        queue: asyncio.Queue[Happening] = asyncio.Queue()
        queue.put_nowait(Away() if self.away else self.list())
        self._told.append(queue)

        async def follow() -> AsyncIterator[Happening]:
            while True:
                yield await queue.get()
                queue.task_done()

        yield follow()

    async def heard(self) -> None:
        """Until everything told was taken in."""
        for queue in self._told:
            while not queue.empty():  # noqa: ASYNC110 - the reader's pace
                await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def list(self) -> protocol.Devices:
        """Everything that is plugged in."""
        readers = tuple(Reader(id=one, name=f"Lecteur {one[-2:]}", card=self._card(one)) for one in READERS)
        return protocol.Devices(readers=readers if self.service else (), service=self.service, token_library=self._module is not None)

    # What `Batches` asks of the watcher's side

    def card_in(self, reader: str) -> InReader:
        if reader not in READERS:
            raise ReaderUnknown
        card = self._card(reader)
        if card is None:
            raise CardAbsent
        if card.kind is CardKind.MUTE:
            raise CardMute
        return InReader(name=reader, card=card)

    async def reset(self, reader: str) -> None:
        card = self.cards.get(reader)
        if isinstance(card, CpsInMemory):
            card.verified = False

    async def _answer(self, request: protocol.Request) -> protocol.Response:
        match request:
            case protocol.ListDevices():
                return self.list()
            case protocol.InspectCard():
                return await self._batches.inspect(request)
            case protocol.ReadFreeData():
                card = self.cards.get(request.reader)
                if isinstance(card, Other) and card.kind is CardKind.VITALE:
                    return protocol.CardObjects(objects=(CardObject(label="VITALE_BENEF_2101", value=VitaleCard().beneficiaries),))
                return await self._batches.read_free(request)
            case protocol.ReadProtectedData():
                return await self._batches.read_protected(request)
            case protocol.OpenBatch():
                return await self._batches.open(request)
            case protocol.Sign():
                return await self._batches.sign(request)
            case protocol.CloseBatch():
                return await self._batches.close(request)
            case protocol.ReadVitale():
                if self.card_in(request.reader).card.kind is not CardKind.VITALE:
                    raise NotAVitale
                if self.plug_in is None:
                    raise LicenceMissing
                return protocol.PlugInResult(document=self.plug_in)
        raise AssertionError(request)

    async def _start(self, module: TokenModule) -> HelperInMemory:
        del module
        return HelperInMemory(self)

    def _card(self, reader: str) -> Card | None:
        card = self.cards.get(reader)
        if card is None:
            return None
        if isinstance(card, CpsInMemory):
            return Card(insertion_id=self.insertions[reader], kind=CardKind.CPX, generation=Generation.CPS3)
        return Card(insertion_id=self.insertions[reader], kind=card.kind)

    def _tell(self, kind: NoticeType, reader: str, card: Card | None) -> None:
        self._spread(protocol.Notice(sequence=next(self._numbers), type=kind, at=time.time(), device=reader, card=card))

    def _spread(self, one: Happening) -> None:
        for queue in self._told:
            queue.put_nowait(one)


class HelperInMemory:
    """Does what the helper process does, on the card that was there when it began."""

    def __init__(self, devices: DevicesInMemory) -> None:
        self._devices, self._alive = devices, True
        self._card: CpsInMemory | None = None
        self._reader = ""

    async def ask(self, request: Request) -> Reply:
        await asyncio.sleep(0)
        if isinstance(request, Begin):
            self._reader = request.reader or ""
            found = self._devices.cards.get(self._reader)
            self._card = found if isinstance(found, CpsInMemory) else None
        elif self._devices.slow is not None:
            self._devices.held.set()
            await self._devices.slow.wait()
        if not self._alive:
            raise HelperLost(late=False)
        card = self._card
        if card is None or self._devices.cards.get(self._reader) is not card:
            return Failed(trouble=Trouble.NO_CARD)
        match request:
            case Begin():
                card.looks += 1
                return Found(serial=card.serial, tries_left=card.tries, certificates=card.certificates)
            case Login():
                outcome = card.verify(bytes(request.pin or b""))
                if card.lose_answer:
                    self._alive = False
                    raise HelperLost(late=False)
                return LoggedIn(outcome=outcome, tries_left=card.tries)
            case Objects(protected=True):
                return Contents(objects=(CardObject(label="CPS_ACTIVITY_01_PS", value=SITUATION),))
            case Objects():
                return Contents(objects=FREE)
            case _:
                return card.sign(request)

    async def end(self) -> None:
        self._alive = False

    def kill(self) -> None:
        self._alive = False


@asynccontextmanager
async def carding(hub: Devices, devices: DevicesInMemory) -> AsyncIterator[None]:
    """The box following these devices until the block ends."""
    task = asyncio.create_task(hub.run(devices.happenings))
    await asyncio.sleep(0)
    await devices.heard()
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
