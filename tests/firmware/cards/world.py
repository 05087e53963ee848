"""Cards, readers and a PKCS#11 helper in memory: what the rules of the PIN are judged with, by what the card itself was asked."""

from __future__ import annotations

import asyncio
import itertools
from typing import Literal

from firmware.cards.pin import Outcome
from firmware.cards.token import Begin, Contents, Failed, Found, LoggedIn, Login, Objects, Reply, Request, Signed, TokenModule, Trouble
from firmware.cards.token_helper import HelperLost
from firmware.cards.work import InReader
from firmware.errors import CardAbsent, ReaderUnknown
from firmware.protocol import Card, CardCertificate, CardKind, CardObject, Generation, KeyUse

Fault = Literal["none", "lost-before", "lost-after", "unclear", "counter-hidden", "pulled-after"]
MODULE = TokenModule(library="/opt/cps/libcps3_pkcs11_lux.so")
READER = "reader-0a1b"


class CardInMemory:
    """A CPx as the PIN rules see it: three tries, and a log of what it was asked."""

    def __init__(self, serial: bytes, pin: bytes = b"1234") -> None:
        self.serial, self.pin, self.tries = serial, pin, 3
        self.verified = False
        self.verifies: list[bytes] = []
        self.signatures = 0
        self.resets = 0

    def verify(self, pin: bytes) -> Outcome:
        self.verifies.append(pin)
        if self.tries == 0:
            return Outcome.BLOCKED
        if pin != self.pin:
            self.tries, self.verified = self.tries - 1, False
            return Outcome.WRONG if self.tries else Outcome.BLOCKED
        self.tries, self.verified = 3, True
        return Outcome.RIGHT


class World:
    """One reader; the watcher's side and the helpers of a Batches."""

    def __init__(self) -> None:
        self.card: CardInMemory | None = None
        self.insertion: str | None = None
        self.kind, self.generation = CardKind.CPX, Generation.CPS3
        self.pad = False
        self.alike = False
        self.fault: Fault = "none"
        self.slow: asyncio.Event | None = None
        self.was_reset = asyncio.Event()
        self.helpers: list[HelperInMemory] = []
        self._numbers = itertools.count(1)

    def insert(self, card: CardInMemory) -> str:
        self.card, self.insertion = card, f"insertion-{next(self._numbers)}"
        return self.insertion

    def pull(self) -> None:
        if self.card is not None:
            self.card.verified = False
        self.card = self.insertion = None

    def card_in(self, reader: str) -> InReader:
        if reader != READER:
            raise ReaderUnknown
        if self.insertion is None:
            raise CardAbsent
        card = Card(insertion_id=self.insertion, kind=self.kind, generation=self.generation)
        return InReader(name="Some Reader 00 00", card=card, pin_pad=self.pad, alike=self.alike)

    async def reset(self, reader: str) -> None:
        self.card_in(reader)
        await asyncio.sleep(0)
        if self.card is not None:
            self.card.verified, self.card.resets = False, self.card.resets + 1
            self.was_reset.set()

    async def start(self, module: TokenModule) -> HelperInMemory:
        await asyncio.sleep(0)
        helper = HelperInMemory(self)
        self.helpers.append(helper)
        return helper

    @property
    def helpers_left(self) -> int:
        return sum(one.alive for one in self.helpers)


class HelperInMemory:
    """Does what the helper process does, on the card that was there when it began."""

    def __init__(self, world: World) -> None:
        self.world, self.alive = world, True
        self._card: CardInMemory | None = None

    async def ask(self, request: Request) -> Reply:
        await asyncio.sleep(0)
        self._check()
        if self.world.slow is not None and not isinstance(request, Begin):
            await self.world.slow.wait()
            self._check()
        if isinstance(request, Begin):
            self._card = self.world.card
        if self._card is None or self._card is not self.world.card:
            return Failed(trouble=Trouble.NO_CARD)
        if isinstance(request, Begin):
            return self._found(self._card)
        if isinstance(request, Login):
            return self._login(self._card, request)
        if isinstance(request, Objects):
            return Contents(objects=(CardObject(label="CPS_ACTIVITY_01_PS" if request.protected else "CPS_NAME_PS", value=b"\x01"),))
        if not self._card.verified:
            return Failed(trouble=Trouble.BROKEN)
        self._card.signatures += 1
        return Signed(value=self._card.serial + b" signed " + (request.data or request.digest or b""))

    async def end(self) -> None:
        await asyncio.sleep(0)
        self.alive = False

    def kill(self) -> None:
        self.alive = False

    def _found(self, card: CardInMemory) -> Found:
        tries = None if self.world.fault == "counter-hidden" else card.tries
        return Found(serial=card.serial, tries_left=tries, pad=self.world.pad, certificates=(CardCertificate(use=KeyUse.SIGN, der=b"0"),))

    def _login(self, card: CardInMemory, request: Login) -> Reply:
        if self.world.fault == "lost-before":
            self._lose()
        outcome = card.verify(bytes(request.pin) if request.pin is not None else card.pin)
        if self.world.fault == "pulled-after":
            self.world.pull()
            self._lose()
        if self.world.fault == "lost-after":
            self._lose()
        if self.world.fault == "unclear":
            return LoggedIn(outcome=Outcome.UNKNOWN)
        return LoggedIn(outcome=outcome, tries_left=None if self.world.fault == "counter-hidden" else card.tries)

    def _lose(self) -> None:
        self.alive = False
        self._check()

    def _check(self) -> None:
        if not self.alive:
            raise HelperLost(late=False)
