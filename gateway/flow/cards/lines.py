"""What happens at the readers, as one workstation is told of it: its own reader's cards, no other's; the service's coming and going."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import msgspec

from gateway.flow.caller import Caller
from gateway.flow.cards.reader_notices import ReaderNotice, ReaderNotices, ReaderNoticeType
from gateway.flow.cards.reader_pairings import ReaderPairings
from gateway.flow.cards.views import CardEvent

_FOR_ALL = frozenset({ReaderNoticeType.SERVICE_UP, ReaderNoticeType.SERVICE_DOWN, ReaderNoticeType.READER_IN, ReaderNoticeType.READER_OUT})


class CardLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of /card-events."""

    id: int
    kind: str
    data: CardEvent


class CardLines:
    """Streams over the fan-out of the notices."""

    def __init__(self, notices: ReaderNotices, pairings: ReaderPairings) -> None:
        self._notices = notices
        self._pairings = pairings

    async def follow(self, caller: Caller, after: int | None) -> AsyncGenerator[CardLine | None, None]:
        """From the notice after `after`; from how each reader stands when it is None or too old. Ends for a listener that is too slow.

        First None: the line is open. Who stands beside a reader is looked at for each notice: it may change meanwhile.
        """
        with self._notices.listen(after) as listening:
            yield None
            async for notice in listening:
                if await self._concerns(caller, notice):
                    yield CardLine(id=notice.seq, kind=notice.type.value, data=_event(notice))

    async def _concerns(self, caller: Caller, notice: ReaderNotice) -> bool:
        if notice.type in _FOR_ALL or caller.sees_all or notice.reader is None:
            return True
        return await self._pairings.desk(caller, notice.reader) == "here"


def _event(notice: ReaderNotice) -> CardEvent:
    return CardEvent(
        seq=notice.seq,
        ts=notice.ts,
        type=notice.type.value,
        reader=notice.reader,
        kind=notice.kind.value if notice.kind is not None else None,
        generation=notice.generation,
        insertion_id=notice.insertion_id,
    )
