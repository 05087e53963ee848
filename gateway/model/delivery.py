"""A delivery: one destination of one document, its states, phases and receipts (contract section 3, design section 4).

The outcome of a send is three-valued (done, refused, unknown). A phase is journalled before the step it names, so that after a power
cut the state of the world can be told: before `feed` or `data` nothing has left; from then on it may have.
"""

from __future__ import annotations

import enum


class Channel(enum.StrEnum):
    """Where a delivery goes."""

    DMP = "dmp"
    MSS = "mss"


class DeliveryState(enum.StrEnum):
    """State of a delivery, as the contract names them."""

    HELD = "held"
    QUEUED = "queued"
    RUNNING = "running"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class DocumentState(enum.StrEnum):
    """State of a document, derived from its deliveries."""

    WORKING = "working"
    ATTENTION = "attention"
    DONE = "done"
    CANCELLED = "cancelled"


class Phase(enum.StrEnum):
    """How far the current attempt went; written before the step is taken."""

    WAITING = "waiting"
    EXISTENCE = "existence"
    FEED = "feed"
    ENVELOPE = "envelope"
    DATA = "data"
    PROBE = "probe"


class ReceiptKind(enum.StrEnum):
    """What came back after the delivery left."""

    HANDED_OVER = "handed_over"
    RELAYED = "relayed"
    READ = "read"
    INTEGRATED = "integrated"
    BOUNCED = "bounced"


FINAL = frozenset({DeliveryState.DELIVERED, DeliveryState.REFUSED, DeliveryState.CANCELLED, DeliveryState.EXPIRED})
OPEN = frozenset(DeliveryState) - FINAL
MAY_HAVE_LEFT = frozenset({Phase.FEED, Phase.DATA, Phase.PROBE})

_MOVES: dict[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.HELD: frozenset({DeliveryState.QUEUED, DeliveryState.UNKNOWN, DeliveryState.CANCELLED, DeliveryState.EXPIRED}),
    DeliveryState.QUEUED: frozenset(
        {DeliveryState.RUNNING, DeliveryState.HELD, DeliveryState.REFUSED, DeliveryState.CANCELLED, DeliveryState.EXPIRED}
    ),
    DeliveryState.RUNNING: frozenset(
        {DeliveryState.QUEUED, DeliveryState.HELD, DeliveryState.UNKNOWN, DeliveryState.DELIVERED, DeliveryState.REFUSED}
    ),
    DeliveryState.UNKNOWN: frozenset(
        {DeliveryState.RUNNING, DeliveryState.QUEUED, DeliveryState.HELD, DeliveryState.DELIVERED, DeliveryState.REFUSED}
    ),
    DeliveryState.DELIVERED: frozenset({DeliveryState.REFUSED}),
    DeliveryState.REFUSED: frozenset({DeliveryState.QUEUED, DeliveryState.CANCELLED}),
    DeliveryState.CANCELLED: frozenset(),
    DeliveryState.EXPIRED: frozenset({DeliveryState.QUEUED, DeliveryState.CANCELLED}),
}


def may_move(before: DeliveryState, after: DeliveryState) -> bool:
    """True when the move is one of the allowed ones (a state may always be rewritten as itself)."""
    return before is after or after in _MOVES[before]


def document_state(states: list[DeliveryState]) -> DocumentState:
    """State of the whole: cancelled when all are, done when all are final and none refused, attention when a person is needed."""
    if states and all(state is DeliveryState.CANCELLED for state in states):
        return DocumentState.CANCELLED
    if any(state in (DeliveryState.HELD, DeliveryState.REFUSED, DeliveryState.EXPIRED) for state in states):
        return DocumentState.ATTENTION
    if all(state in FINAL for state in states):
        return DocumentState.DONE
    return DocumentState.WORKING


def state_after_restart(state: DeliveryState, phase: Phase, *, doubtful: bool = False) -> DeliveryState:
    """What a delivery left `running` by another boot becomes: unknown once something may have left, now or before; queued otherwise."""
    if state is not DeliveryState.RUNNING:
        return state
    return DeliveryState.UNKNOWN if doubtful or phase in MAY_HAVE_LEFT else DeliveryState.QUEUED
