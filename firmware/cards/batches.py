"""Signing with CPx cards: the requests of the gateway about one card, each under the rules of cards.md section 6.

One PIN opens one batch, bound to an insertion and an owner; its helper process holds the unlocked card. Used up, late, closed, or the card
pulled: the helper goes and the card is reset, so that nobody signs after it without a PIN. Nothing here is durable, on purpose: card work
is never repeated by a machine.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Coroutine

from firmware.cards.batch import Batch, Over, bounds, one_less, one_more, why_not
from firmware.cards.pin import wipe
from firmware.cards.token import Contents, Objects, Signed, SignWith, TokenModule
from firmware.cards.token_helper import TokenHelper
from firmware.cards.turns import PATIENCE, Turns
from firmware.cards.unlocking import Unlockable
from firmware.cards.work import Bench, Cards, Starter, Work
from firmware.errors import BatchNotYours, BatchOver, CallInvalid, DeviceError, KeyUnfit, ReaderBusy
from firmware.protocol import (
    BatchOpened,
    CardFacts,
    CardObjects,
    CloseBatch,
    Done,
    InspectCard,
    OpenBatch,
    ReadFreeData,
    ReadProtectedData,
    Sign,
    Signature,
)  # fmt: skip

_REMEMBERED = 64
_MOST_SIGNING = 32
"""Signatures of one batch that may wait for its card."""
_SIGN_AGAIN = 1.0


class _Held:
    """A batch that is open."""

    def __init__(self, batch: Batch, work: Work, facts: CardFacts) -> None:
        self.batch, self.work, self.facts = batch, work, facts
        self.signing = 0
        self.timer: asyncio.TimerHandle | None = None


class Batches:
    """One for the process. Its methods answer the requests of the protocol and raise DeviceError; `gone` is told of every removal."""

    def __init__(self, module: TokenModule | None, cards: Cards, start: Starter = TokenHelper.start, *, patience: float = PATIENCE) -> None:
        self._bench = Bench(module, cards, start)
        self.turns = Turns(self._held_for, patience)
        """Whose turn it is at each reader: for whoever works at one beside the batches."""
        self._open: dict[str, _Held] = {}
        self._leaving: set[str] = set()
        self._over: OrderedDict[str, tuple[str, Over]] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    async def library_loads(self) -> bool:
        """Whether a PKCS#11 module is configured and loads."""
        return await self._bench.library_loads()

    async def inspect(self, request: InspectCard) -> CardFacts:
        """What the card says without a PIN; of a card that a batch holds, what it said then."""
        self._bench.check(request.reader, request.insertion_id)
        for held in self._open.values():
            if held.batch.insertion_id == request.insertion_id:
                return held.facts
        async with self.turns.of(request.reader), self._bench.work(request) as (_, at):
            return _facts(at, at.found.tries_left)

    async def read_free(self, request: ReadFreeData) -> CardObjects:
        """The data objects that need no PIN."""
        self._bench.check(request.reader, request.insertion_id)
        async with self.turns.of(request.reader), self._bench.work(request) as (work, _):
            return CardObjects(objects=(await self._bench.ask(work, Objects(), Contents)).objects)

    async def read_protected(self, request: ReadProtectedData) -> CardObjects:
        """The data objects that the PIN uncovers; the card is reset then."""
        try:
            self._bench.check_pin(request)
            async with self.turns.of(request.reader), self._bench.work(request) as (work, at):
                await self._bench.unlock(work, at, request)
                return CardObjects(objects=(await self._bench.ask(work, Objects(protected=True), Contents)).objects)
        finally:
            wipe(request.pin)

    async def open(self, request: OpenBatch) -> BatchOpened:
        """One PIN for a batch."""
        try:
            self._bench.check_pin(request)
            async with self.turns.of(request.reader), self._bench.work(request) as (work, at):
                tries = await self._bench.unlock(work, at, request)
                return self._hold(request, work, _facts(at, tries))
        finally:
            wipe(request.pin)

    async def sign(self, request: Sign) -> Signature:
        """A signature that verifies, within a batch."""
        if (request.data is None) == (request.digest is None):
            raise CallInvalid("data or digest, one of both")
        held = self._usable(request)
        if held.signing >= _MOST_SIGNING:
            raise ReaderBusy("signatures wait", retry_after=_SIGN_AGAIN)
        held.batch = one_less(held.batch)
        held.signing += 1
        try:
            wanted = SignWith(key=request.key, hash=request.hash, data=request.data, digest=request.digest)
            value = (await self._bench.ask(held.work, wanted, Signed)).value
        except KeyUnfit:
            held.batch = one_more(held.batch)  # nothing was signed: the batch goes on
            raise
        except DeviceError as error:
            raise await self._failed(held, error) from error
        except asyncio.CancelledError:
            self._later(self._finish(held, Over.FAILED))
            raise
        finally:
            held.signing -= 1
        if held.batch.left == 0 and held.signing == 0:
            await self._finish(held, Over.USED_UP)
        return Signature(value=value)

    async def close(self, request: CloseBatch) -> Done:
        """The card is reset; done also when the batch is over already."""
        held = self._open.get(request.batch)
        if held is not None:
            if held.batch.owner != request.owner:
                raise BatchNotYours
            await self._finish(held, Over.CLOSED)
        return Done()

    def gone(self, reader: str) -> None:
        """The card, or the reader, left: what was at work there is killed at once, and its batch is dead."""
        self._bench.gone(reader)
        for held in [one for one in self._open.values() if one.batch.reader == reader]:
            self._later(self._finish(held, Over.CARD_REMOVED))

    async def end(self) -> None:
        """Close every batch: the caller left, or the process ends. What is being opened is its task's to cancel."""
        for held in list(self._open.values()):
            await self._finish(held, Over.CLOSED)
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def _hold(self, request: OpenBatch, work: Work, facts: CardFacts) -> BatchOpened:
        loop, (signatures, seconds) = asyncio.get_running_loop(), bounds(request.signatures, request.seconds)
        batch = Batch(
            id=secrets.token_urlsafe(16), reader=request.reader, insertion_id=request.insertion_id, owner=request.owner,
            until=loop.time() + seconds, left=signatures,
        )  # fmt: skip
        held = self._open[batch.id] = _Held(batch, work, facts)
        work.kept = True
        held.timer = loop.call_at(batch.until, lambda: self._later(self._finish(held, Over.EXPIRED)))
        return BatchOpened(batch=batch.id, until=time.time() + seconds, certificates=facts.certificates)

    def _usable(self, request: Sign) -> _Held:
        held = self._open.get(request.batch)
        if held is None:
            owner, over = self._over.get(request.batch, (request.owner, Over.UNKNOWN))
            raise _over(over if owner == request.owner else Over.NOT_YOURS)
        now, present = asyncio.get_running_loop().time(), self._bench.present(held.batch.reader)
        over_now = why_not(held.batch, owner=request.owner, insertion_id=present, now=now)
        if over_now is not None:
            raise _over(over_now)
        return held

    async def _failed(self, held: _Held, error: DeviceError) -> DeviceError:
        """Why a signature failed: the end of its batch, where that came first."""
        if held.batch.id in self._open:
            await self._finish(held, Over.FAILED)
            return error
        _, over = self._over.get(held.batch.id, ("", Over.FAILED))
        return error if over is Over.CARD_REMOVED else _over(over)

    async def _finish(self, held: _Held, over: Over) -> None:
        if self._open.pop(held.batch.id, None) is None:
            return
        if held.timer is not None:
            held.timer.cancel()
        if over in (Over.EXPIRED, Over.CARD_REMOVED, Over.FAILED):
            held.work.helper.kill()
        self._over[held.batch.id] = (held.batch.owner, over)
        while len(self._over) > _REMEMBERED:
            self._over.popitem(last=False)
        self._leaving.add(held.batch.reader)
        try:
            await self._bench.leave(held.work)
        finally:
            self._leaving.discard(held.batch.reader)

    def _held_for(self, reader: str) -> float | None:
        if reader in self._leaving:
            return 0.0
        now = asyncio.get_running_loop().time()
        return max((one.batch.until - now for one in self._open.values() if one.batch.reader == reader), default=None)

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _facts(at: Unlockable, tries: int | None) -> CardFacts:
    return CardFacts(certificates=at.found.certificates, tries_left=tries, serial_digest=at.card)


def _over(why: Over) -> DeviceError:
    return BatchNotYours() if why is Over.NOT_YOURS else BatchOver(why)
