"""A card through a helper process, by the rules of the PIN: its facts without one, then the PIN presented at most once.

What may have cost a try is remembered before it is sent, so that a fault at any instant leaves the card's memory on the safe side.
Source: cards.md section 6, PIN rules 1 to 4 and 7.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Protocol, TypeVar

import msgspec

from firmware.cards.pin import Outcome, PinMemory, Refusal, at_most_left, consider, learn, settle, way_in
from firmware.cards.token import Begin, Failed, Found, LoggedIn, Login, Reply, Request, Trouble
from firmware.errors import (
    CardAbsent,
    CardChanged,
    CardNotServed,
    DeviceError,
    KeyAsksEachTime,
    KeyUnfit,
    LastTry,
    OutcomeUnknown,
    PartFault,
    PinAlreadyRefused,
    PinBlocked,
    PinFault,
    PinMalformed,
    PinPadMissing,
    PinPadOnly,
    PinWrong,
    TokenLibraryMissing,
)  # fmt: skip

_INSERTIONS = 64

_REFUSALS: Mapping[Refusal, type[PinFault]] = {
    Refusal.MALFORMED: PinMalformed,
    Refusal.NO_PAD: PinPadMissing,
    Refusal.PAD_ONLY: PinPadOnly,
    Refusal.ALREADY_REFUSED: PinAlreadyRefused,
    Refusal.LAST_TRY: LastTry,
    Refusal.BLOCKED: PinBlocked,
}
_TROUBLES: Mapping[Trouble, type[DeviceError]] = {
    Trouble.LIBRARY: TokenLibraryMissing,
    Trouble.NO_CARD: CardAbsent,
    Trouble.NOT_RECOGNISED: CardNotServed,
    Trouble.NO_KEY: KeyUnfit,
    Trouble.PIN_EACH_TIME: KeyAsksEachTime,
    Trouble.NEEDS_DATA: KeyUnfit,
    Trouble.NO_WAY: KeyUnfit,
    Trouble.SIGNATURE: PartFault,
    Trouble.BROKEN: PartFault,
}

_Answer = TypeVar("_Answer", bound=Reply)


class Helper(Protocol):
    """One helper process (token_helper)."""

    async def ask(self, request: Request) -> Reply:
        """Raises HelperLost."""
        ...

    async def end(self) -> None:
        """No process is left."""
        ...

    def kill(self) -> None:
        """At once."""
        ...


class Unlockable(msgspec.Struct, frozen=True, kw_only=True):
    """A card that a helper has before it."""

    card: str
    """Keyed digest of its serial number."""
    found: Found
    pad: bool
    """The PIN is typed on the reader's own pad."""


class Unlocking:
    """The PIN rules over the cards that come and go, for the life of the process."""

    def __init__(self, memory: PinMemory) -> None:
        self._memory = memory
        self._seen: OrderedDict[str, str] = OrderedDict()

    def refuse_early(self, insertion_id: str, pin: bytearray | None, *, pad: bool) -> None:
        """Without touching the card: raises a PinFault for what is no PIN, or one refused already; `pad`: the reader has one."""
        refusal = None if pad else way_in(pin, pad=False)
        if refusal is not None:
            raise _REFUSALS[refusal](refusal)
        card = self._seen.get(insertion_id)
        if card is None or pin is None:
            return
        known = self._memory.known(card)
        if self._memory.digest(card, pin) in known.wrong:
            raise PinAlreadyRefused(tries_left=known.tries_left)

    async def find(self, helper: Helper, begin: Begin, insertion_id: str, *, pad: bool) -> Unlockable:
        """The facts of the card; `pad`: the reader has one. Raises CardChanged for another card than that insertion's, HelperLost."""
        found = expect(await helper.ask(begin), Found)
        card = self._memory.card(found.serial)
        if self._seen.setdefault(insertion_id, card) != card:
            raise CardChanged
        while len(self._seen) > _INSERTIONS:
            self._seen.popitem(last=False)
        self._memory.keep(card, settle(self._memory.known(card), found.tries_left))
        return Unlockable(card=card, found=found, pad=pad and found.pad)

    def allow(self, at: Unlockable, pin: bytearray | None, *, accept_last_try: bool) -> None:
        """Raises a PinFault when the PIN may not go to the card."""
        tries = at.found.tries_left
        refusal = way_in(pin, pad=at.pad) or consider(
            self._memory.known(at.card), self._memory.digest(at.card, pin), tries, accept_last_try=accept_last_try
        )
        if refusal is not None:
            raise _REFUSALS[refusal](refusal, tries_left=tries)

    async def present(self, helper: Helper, at: Unlockable, pin: bytearray | None) -> LoggedIn:
        """Send the PIN, once, after `allow`. Raises PinFault, OutcomeUnknown, and HelperLost when its fate is unknown."""
        known, digest, before = self._memory.known(at.card), self._memory.digest(at.card, pin), at.found.tries_left
        self._memory.keep(at.card, learn(known, digest, Outcome.UNKNOWN, before=before, after=None))
        told = expect(await helper.ask(Login(pin=pin)), LoggedIn)
        self._memory.keep(at.card, learn(known, digest, told.outcome, before=before, after=told.tries_left))
        if told.outcome is Outcome.RIGHT:
            return told
        if told.outcome is Outcome.WRONG:
            raise PinWrong(tries_left=at_most_left(before, told.tries_left))
        if told.outcome is Outcome.BLOCKED:
            raise PinBlocked(tries_left=0)
        if told.malformed and told.tries_left == before:
            raise PinMalformed(told.technical, tries_left=told.tries_left)
        raise OutcomeUnknown(told.technical)


def expect(reply: Reply, kind: type[_Answer]) -> _Answer:
    """The reply when it is of that kind; raises what a Failed tells of."""
    if isinstance(reply, kind):
        return reply
    if isinstance(reply, Failed):
        raise _TROUBLES[reply.trouble](f"{reply.trouble} {reply.technical}".strip())
    raise PartFault("unexpected answer")
