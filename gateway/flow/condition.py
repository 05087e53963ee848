"""How the box stands in one word, with the number of deliveries of each channel in each open state: what lamps and MQTT show.

Words and counts only. `update`: not to be unplugged (an update, or the last minute before the box is erased); `fault`: nothing can
be accepted or signed; `attention`: a person must act; `busy`: work is under way; `ready`: nothing waits. Sources: design section 3 (bus),
image.md 9 (patterns of the panel).
"""

from __future__ import annotations

import enum
from collections import Counter

import msgspec

from gateway.flow.status import QueueView, StatusBoard, StatusView
from gateway.model.delivery import Channel, DeliveryState

_NOBODY = "personne"
"""Who acts on a trouble that passes by itself."""


class Condition(enum.StrEnum):
    """The words, as the front panel has them."""

    READY = "ready"
    BUSY = "busy"
    ATTENTION = "attention"
    FAULT = "fault"
    UPDATE = "update"


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """Open deliveries of one channel, by state."""

    channel: Channel
    held: int = 0
    queued: int = 0
    running: int = 0
    unknown: int = 0


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The word and the counts of every channel."""

    condition: Condition
    backlogs: tuple[Backlog, ...]


class ConditionWatch:
    """Says how the box stands when asked."""

    def __init__(self, status: StatusBoard) -> None:
        self._status = status

    async def look(self) -> Standing:
        """How the box stands now; raises NotAccepting when its journal cannot be read."""
        view = await self._status.view()
        backlogs = tuple(_backlog(channel, view.queue) for channel in Channel)
        return Standing(condition=condition_of(view, backlogs), backlogs=backlogs)


def condition_of(view: StatusView, backlogs: tuple[Backlog, ...]) -> Condition:
    """The word for a state of the box."""
    reset = view.front.reset if view.front is not None else None
    if reset is not None and reset.seconds_left is not None:
        return Condition.UPDATE
    if not view.accepting or not view.clock_trusted:
        return Condition.FAULT
    waits_for_somebody = any(one.trouble is not None and one.trouble.who != _NOBODY for one in view.upstreams)
    if waits_for_somebody or reset is not None or view.searches or any(one.held for one in backlogs):
        return Condition.ATTENTION
    return Condition.BUSY if any(one.queued or one.running or one.unknown for one in backlogs) else Condition.READY


def _backlog(channel: Channel, queue: tuple[QueueView, ...]) -> Backlog:
    counted: Counter[str] = Counter()
    for one in queue:
        if one.lane.rpartition("/")[2] == channel:
            counted[one.state] += one.count
    return Backlog(
        channel=channel,
        held=counted[DeliveryState.HELD],
        queued=counted[DeliveryState.QUEUED],
        running=counted[DeliveryState.RUNNING],
        unknown=counted[DeliveryState.UNKNOWN],
    )
