"""What waits for the broker: events in order, the oldest forgotten when there is no room, and the last state only."""

from __future__ import annotations

import asyncio
from collections import deque


class Outbox:
    """A bounded queue of (topic, payload), filled without waiting; `dropped` counts what was forgotten."""

    def __init__(self, room: int) -> None:
        self._events: deque[tuple[str, bytes]] = deque()
        self._room = room
        self._state: tuple[str, bytes] | None = None
        self._bell = asyncio.Event()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._events) + (self._state is not None)

    def event(self, topic: str, payload: bytes) -> None:
        """Add an event, at the price of the oldest when there is no room."""
        if len(self._events) >= self._room:
            self._events.popleft()
            self.dropped += 1
        self._events.append((topic, payload))
        self._bell.set()

    def again(self, topic: str, payload: bytes) -> None:
        """Add the last event of a topic, unless it waits already."""
        if (topic, payload) not in self._events:
            self.event(topic, payload)

    def state(self, topic: str, payload: bytes) -> None:
        """Put the state in the place of the one that waits."""
        self._state = (topic, payload)
        self._bell.set()

    async def first(self) -> tuple[str, bytes]:
        """The next thing to send, left where it is until `sent`; waits for one."""
        while True:
            if self._events:
                return self._events[0]
            if self._state is not None:
                return self._state
            self._bell.clear()
            await self._bell.wait()

    def sent(self, message: tuple[str, bytes]) -> None:
        """Forget this message, unless something newer has already taken its place."""
        if self._events and self._events[0] is message:
            self._events.popleft()
        elif self._state is message:
            self._state = None
