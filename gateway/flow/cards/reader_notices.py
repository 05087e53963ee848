"""What happens at the card readers, told to whoever listens (event stream, MQTT): one small fan-out, in memory.

A notice names a reader and an insertion by opaque identifiers, and nothing of the card or its holder: no serial, no name, no INS. A
listener too slow for its queue is let go, never waited for. Notices are not durable: after a restart the card service tells again how each
reader stands. Source: cards.md 6 (events).
"""

from __future__ import annotations

import asyncio
import enum
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

import msgspec

from firmware.protocol import CardKind, Generation, NoticeType
from gateway.kernel.clock import Clock
from gateway.kernel.errors import RelaisError

ReaderId = Annotated[str, msgspec.Meta(pattern=r"^reader-[0-9a-f]{4,10}(?![\s\S])")]
"""Opaque and stable for one reader on one box; too short for the number of a person. Never its PC/SC name, which holds a serial."""
InsertionId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}(?![\s\S])")]
"""128 random bits in hexadecimal, new for each insertion."""

Sequence = Annotated[int, msgspec.Meta(ge=0, le=999_999_999_999)]
"""Too short for the number of a person."""


class ReaderNoticeType(enum.StrEnum):
    """What is told of readers, of all that the device process notices; its words are public, on the event stream and on MQTT.

    The service's own coming and going concerns every reader.
    """

    CARD_IN = NoticeType.CARD_IN.value
    CARD_OUT = NoticeType.CARD_OUT.value
    CARD_MUTE = NoticeType.CARD_MUTE.value
    READER_IN = NoticeType.READER_IN.value
    READER_OUT = NoticeType.READER_OUT.value
    SERVICE_UP = NoticeType.SERVICE_UP.value
    SERVICE_DOWN = NoticeType.SERVICE_DOWN.value


class ReaderNotice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened at a reader. `reader` is None for the service's own notices; the card's facts come with a card only."""

    seq: Sequence
    """Grows by one, and from one start of the box to the next as long as its clock does."""
    ts: datetime
    """Aware, UTC."""
    type: ReaderNoticeType
    reader: ReaderId | None = None
    kind: CardKind | None = None
    generation: Generation | None = None
    insertion_id: InsertionId | None = None


class NoticeMalformed(RelaisError):
    """A notice carries something else than the identifiers and words of its schema: a defect, and it is told to nobody."""

    code = "notice-malformed"
    what = "Un événement des lecteurs n'avait pas la forme prévue ; il n'a pas été diffusé."


_PER_SECOND = 100
"""Numbers set aside for each second of the life of the box."""
_ABOUT_SERVICE = frozenset({ReaderNoticeType.SERVICE_UP, ReaderNoticeType.SERVICE_DOWN})
_ABOUT_CARD = frozenset({ReaderNoticeType.CARD_IN, ReaderNoticeType.CARD_OUT, ReaderNoticeType.CARD_MUTE})


class Listening:
    """The notices of one listener, in order: `async for notice in listening`. Ends when it was closed, or let go for being slow."""

    def __init__(self, first: tuple[ReaderNotice, ...], room: int) -> None:
        self._waiting = deque(first)
        self._room = max(room, len(first))
        self._bell = asyncio.Event()
        self.dropped = False
        """True once the listener was too slow: it has missed notices."""
        self._closed = False

    def __aiter__(self) -> Listening:
        return self

    async def __anext__(self) -> ReaderNotice:
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._bell.clear()
            await self._bell.wait()
        return self._waiting.popleft()

    def tell(self, notice: ReaderNotice) -> bool:
        """Take a notice without waiting; False, for ever, once there is no room."""
        if self._closed:
            return False
        if len(self._waiting) >= self._room:
            self._waiting.clear()
            self.dropped = True
            self.close()
            return False
        self._waiting.append(notice)
        self._bell.set()
        return True

    def close(self) -> None:
        """No more notices; those already taken can still be read."""
        self._closed = True
        self._bell.set()


class ReaderNotices:
    """The fan-out: `publish` never waits and `listen` starts with what was missed, or with how each reader stands."""

    def __init__(self, clock: Clock, *, room: int = 64, memory: int = 256) -> None:
        """`room`: notices a listener may be late by; `memory`: notices kept for those who come back."""
        self._clock = clock
        self._room = room
        self._past: deque[ReaderNotice] = deque(maxlen=memory)
        self._last: dict[str | None, ReaderNotice] = {}
        self._listeners: set[Listening] = set()
        self._seq = int(clock.now().timestamp() * _PER_SECOND)
        self.dropped = 0
        """Listeners let go for being slow, since the start."""

    def publish(
        self,
        type: ReaderNoticeType,  # noqa: A002 - the word of cards.md 6
        reader: str | None = None,
        *,
        kind: CardKind | None = None,
        generation: Generation | None = None,
        insertion_id: str | None = None,
    ) -> ReaderNotice:
        """Tell every listener, now and on the loop's thread; raises NoticeMalformed and tells nobody."""
        notice = _checked(
            ReaderNotice(
                seq=self._seq + 1,
                ts=self._clock.now(),
                type=type,
                reader=reader,
                kind=kind,
                generation=generation,
                insertion_id=insertion_id,
            )
        )
        self._seq = notice.seq
        self._past.append(notice)
        if notice.type is ReaderNoticeType.SERVICE_UP:
            self._last.clear()
        self._last[notice.reader] = notice
        for one in tuple(self._listeners):
            if not one.tell(notice):
                self._listeners.discard(one)
                self.dropped += one.dropped
        return notice

    def standing(self) -> tuple[ReaderNotice, ...]:
        """The last notice of the service and of each reader, in order of `seq`."""
        return tuple(sorted(self._last.values(), key=lambda one: one.seq))

    @contextmanager
    def listen(self, after: int | None = None) -> Iterator[Listening]:
        """Listen from the notice after `after` (a `seq`); from how each reader stands when it is None or too old to be remembered."""
        listening = Listening(self._missed(after), self._room)
        self._listeners.add(listening)
        try:
            yield listening
        finally:
            self._listeners.discard(listening)
            listening.close()

    def _missed(self, after: int | None) -> tuple[ReaderNotice, ...]:
        if after == self._seq:
            return ()
        if after is None or not self._past or not self._past[0].seq - 1 <= after < self._seq:
            return self.standing()
        return tuple(one for one in self._past if one.seq > after)


def _checked(notice: ReaderNotice) -> ReaderNotice:
    try:
        strict = msgspec.convert(msgspec.to_builtins(notice), ReaderNotice)
    except (msgspec.ValidationError, TypeError):
        raise NoticeMalformed(type(notice.type).__name__) from None
    if (strict.reader is None) is not (strict.type in _ABOUT_SERVICE):
        raise NoticeMalformed("reader")
    if strict.type not in _ABOUT_CARD and (strict.kind, strict.generation, strict.insertion_id) != (None, None, None):
        raise NoticeMalformed("card")
    return strict
