"""Everything that may ever be published, as closed types: words of a list, bounded numbers, instants, opaque identifiers. No other text.

`encode` reads back what it wrote against the same types: a value that slipped past the type checker is refused, not sent.
Sources: cards.md 6 (events of the readers), design rule 10 (no health datum on MQTT).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from firmware.protocol import CardKind, Generation
from gateway.flow.cards.reader_notices import InsertionId, ReaderNotice, ReaderNoticeType, Sequence
from gateway.flow.condition import Condition, Standing
from gateway.kernel.errors import RelaisError
from gateway.model.delivery import Channel

Count = Annotated[int, msgspec.Meta(ge=0, le=9_999_999)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class MessageRefused(RelaisError):
    """A message holds something that its schema does not allow: a defect, and it is not sent."""

    code = "bus-message-refused"
    what = "Un message destiné au réseau MQTT n'avait pas la forme prévue ; il n'a pas été envoyé."


class _Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class CardMessage(_Message, frozen=True, kw_only=True):
    """`readers/<id>/card`: the last thing that happened at a reader."""

    seq: Sequence
    ts: Instant
    type: ReaderNoticeType
    kind: CardKind | None
    generation: Generation | None
    insertion_id: InsertionId | None


class Waiting(_Message, frozen=True, kw_only=True):
    """Open deliveries of one channel."""

    held: Count
    queued: Count
    running: Count
    unknown: Count


class StateMessage(_Message, frozen=True, kw_only=True):
    """`state`: how the box stands, and the events that a broker that was away too long has missed since the start."""

    ts: Instant
    state: Condition
    channels: dict[Channel, Waiting]
    dropped: Count


Message = CardMessage | StateMessage


def card_message(notice: ReaderNotice) -> CardMessage:
    """What is said of a notice; the reader is in the topic."""
    return CardMessage(
        seq=notice.seq,
        ts=notice.ts,
        type=notice.type,
        kind=notice.kind,
        generation=notice.generation,
        insertion_id=notice.insertion_id,
    )


def state_message(standing: Standing, at: datetime, dropped: int) -> StateMessage:
    """What is said of how the box stands; counts are capped."""
    most = 9_999_999
    channels = {
        one.channel: Waiting(
            held=min(one.held, most), queued=min(one.queued, most), running=min(one.running, most), unknown=min(one.unknown, most)
        )
        for one in standing.backlogs
    }
    return StateMessage(ts=at.astimezone(UTC), state=standing.condition, channels=channels, dropped=min(dropped, most))


def encode(message: Message) -> bytes:
    """JSON of a message; raises MessageRefused for anything its schema does not allow."""
    if type(message) not in (CardMessage, StateMessage):
        raise MessageRefused("unknown kind")
    try:
        encoded = msgspec.json.encode(message)
        msgspec.json.decode(encoded, type=type(message))
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError):
        raise MessageRefused(type(message).__name__) from None
    return encoded
