"""One card at work: its helper process from start to end, its PIN presented, the card reset after it.

The insertion that a request names is looked at before, between and after, for a card may be changed at any instant; a removal kills the
helper at once. Source: cards.md section 6, PIN rules 3 and 5, and 4.1.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

import msgspec

from firmware.cards.pin import PinMemory
from firmware.cards.token import Begin, Found, Reply, Request, SignWith, TokenModule
from firmware.cards.token_helper import HelperLost
from firmware.cards.unlocking import Helper, Unlockable, Unlocking, expect
from firmware.errors import (
    CardAbsent,
    CardChanged,
    CardNotServed,
    CardTimeout,
    DeviceError,
    NotACpx,
    OutcomeUnknown,
    PartFault,
    ReadersAlike,
    TokenLibraryMissing,
)  # fmt: skip
from firmware.protocol import Card, CardKind, InspectCard, OpenBatch, ReadFreeData, ReadProtectedData

_LOOK, _LOOKS = 0.05, 20
"""Within a second, in looks of so many seconds, the watcher learns of a removal that the module felt (cards.md 4.1 [M])."""

Starter = Callable[[TokenModule], Awaitable[Helper]]
WithPin = ReadProtectedData | OpenBatch
About = InspectCard | ReadFreeData | WithPin

_Answer = TypeVar("_Answer", bound=Reply)


class InReader(msgspec.Struct, frozen=True, kw_only=True):
    """The card that is in a reader, and what the module needs to find it."""

    name: str
    """PC/SC name of the reader."""
    card: Card
    pin_pad: bool = False
    alike: bool = False
    """Another card is in a reader that the module could take for this one (`token.slot_description`)."""


class Cards(Protocol):
    """The watcher's side."""

    def card_in(self, reader: str) -> InReader:
        """Raises DeviceError: no such reader, no card in it, PC/SC down."""
        ...

    async def reset(self, reader: str) -> None:
        """Reset whatever card is there, so that its PIN is to be given again. Raises DeviceError."""
        ...


class Work:
    """One card with its helper process."""

    def __init__(self, about: About, helper: Helper) -> None:
        self.reader, self.insertion_id = about.reader, about.insertion_id
        self.helper = helper
        self.pin_sent = False
        self.kept = False
        """A batch goes on with it: who opened it does not end it."""


class Bench:
    """The cards at work, one for each reader at most."""

    def __init__(self, module: TokenModule | None, cards: Cards, start: Starter) -> None:
        self._module, self._cards, self._start = module, cards, start
        self._unlocking = Unlocking(PinMemory())
        self._at_work: dict[str, Work] = {}

    def check(self, reader: str, insertion_id: str) -> InReader:
        """What is in the reader. Raises CardChanged, NotACpx, CardNotServed, TokenLibraryMissing, ReadersAlike while the module could take
        another card for it, or what the watcher's side raises.
        """
        found = self._cards.card_in(reader)
        if found.card.insertion_id != insertion_id:
            raise CardChanged
        if found.card.kind is not CardKind.CPX:
            raise NotACpx
        if self._module is None:
            raise TokenLibraryMissing
        if not self._module.serves(found.card.generation):
            raise CardNotServed
        if found.alike:
            raise ReadersAlike
        return found

    def present(self, reader: str) -> str | None:
        """The insertion that is in the reader now."""
        try:
            return self._cards.card_in(reader).card.insertion_id
        except DeviceError:
            return None

    def check_pin(self, about: WithPin) -> None:
        """What can be refused before the card is touched. Raises DeviceError."""
        found = self.check(about.reader, about.insertion_id)
        self._unlocking.refuse_early(about.insertion_id, about.pin, pad=found.pin_pad)

    @asynccontextmanager
    async def work(self, about: About) -> AsyncIterator[tuple[Work, Unlockable]]:
        """The card and its facts; ended with the block unless it is `kept`. Raises DeviceError."""
        found = self.check(about.reader, about.insertion_id)
        work = Work(about, await self._helper())
        self._at_work[about.reader] = work
        try:
            yield work, await self._find(work, found)
        finally:
            if not work.kept:
                await self.leave(work)

    async def unlock(self, work: Work, at: Unlockable, about: WithPin) -> int | None:
        """Present the PIN, once; the tries left then. Raises DeviceError."""
        self._unlocking.allow(at, about.pin, accept_last_try=about.accept_last_try)
        self.check(work.reader, work.insertion_id)
        work.pin_sent = True
        try:
            told = await self._unlocking.present(work.helper, at, about.pin)
        except HelperLost as error:
            raise OutcomeUnknown(f"login {error}", tries_left=await self._count_again(work)) from error
        except OutcomeUnknown as error:
            raise OutcomeUnknown(error.technical, tries_left=await self._count_again(work)) from error
        self.check(work.reader, work.insertion_id)
        return told.tries_left

    async def ask(self, work: Work, request: Request, kind: type[_Answer]) -> _Answer:
        """An answer of that kind. Raises DeviceError; CardAbsent or CardChanged whenever the card left meanwhile."""
        try:
            return expect(await work.helper.ask(request), kind)
        except HelperLost as error:
            lost = OutcomeUnknown(f"signature {error}") if isinstance(request, SignWith) else _lost(error)
            raise await self._why(work, lost) from error
        except (CardAbsent, PartFault) as error:
            raise await self._why(work, error) from error

    async def _why(self, work: Work, error: DeviceError) -> DeviceError:
        """Where the card proves to have left, that; else the error: a module feels a removal sooner than the watcher sees it."""
        for _ in range(_LOOKS):
            if self.present(work.reader) != work.insertion_id:
                break
            await asyncio.sleep(_LOOK)
        try:
            self.check(work.reader, work.insertion_id)
        except DeviceError as left:
            return left
        return error

    async def leave(self, work: Work) -> None:
        """The helper is gone, and the card reset when it was given a PIN."""
        try:
            await work.helper.end()
        finally:
            if self._at_work.get(work.reader) is work:
                del self._at_work[work.reader]
            if work.pin_sent and self.present(work.reader) is not None:
                with contextlib.suppress(DeviceError):
                    await self._cards.reset(work.reader)

    def gone(self, reader: str) -> None:
        """The card left: its helper is killed."""
        work = self._at_work.get(reader)
        if work is not None:
            work.helper.kill()

    async def library_loads(self) -> bool:
        """Whether a module is configured and loads."""
        if self._module is None:
            return False
        try:
            helper = await self._helper()
        except DeviceError:
            return False
        try:
            expect(await helper.ask(Begin(library=self._module.library)), Found)
        except (DeviceError, HelperLost):
            return False
        finally:
            await helper.end()
        return True

    async def _helper(self) -> Helper:
        if self._module is None:
            raise TokenLibraryMissing
        try:
            return await self._start(self._module)
        except HelperLost as error:
            raise PartFault("helper not started") from error

    async def _find(self, work: Work, found: InReader) -> Unlockable:
        if self._module is None:
            raise TokenLibraryMissing
        begin = Begin(library=self._module.library, reader=found.name)
        try:
            at = await self._unlocking.find(work.helper, begin, work.insertion_id, pad=found.pin_pad)
        except HelperLost as error:
            raise await self._why(work, _lost(error)) from error
        except (CardAbsent, PartFault) as error:
            raise await self._why(work, error) from error
        self.check(work.reader, work.insertion_id)
        return at

    async def _count_again(self, work: Work) -> int | None:
        """The tries left after a PIN whose fate nobody saw, by a fresh helper; None when the card does not say either."""
        try:
            await work.helper.end()
            found = self.check(work.reader, work.insertion_id)
            work.helper = await self._helper()
            return (await self._find(work, found)).found.tries_left
        except DeviceError:
            return None


def _lost(error: HelperLost) -> DeviceError:
    """Of a helper that was asked for nothing that counts."""
    return CardTimeout(str(error)) if error.late else PartFault(f"helper {error}")
