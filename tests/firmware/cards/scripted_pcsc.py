"""A PC/SC of our own, told what to see: what a real pcscd shows too rarely, or not by virtual readers. Same face as firmware.cards.pcsc."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from firmware.cards.pcsc import EMPTY, MUTE, PRESENT, Context, Features, Link, Seen
from firmware.errors import ServiceDown
from tests.rig.cards.virtual import VirtualCard


class World:
    """Readers with their cards and counters, and whether the service answers. Changed by the test, seen by every context."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.up = True
        self.states: dict[str, tuple[int, bytes]] = {}
        self.cards: dict[str, VirtualCard] = {}
        self.opened = 0
        self.released = 0
        self.resets: list[str] = []
        self.on_wait: Callable[[], None] = lambda: None
        self.on_begin: Callable[[], object] = lambda: None
        self.features = Features()

    def open(self) -> Context:
        """What firmware.cards.pcsc.open_context is otherwise."""
        if not self.up:
            raise ServiceDown("scripted")
        self.opened += 1
        return ScriptedContext(self)

    def set(self, reader: str, atr: bytes | None, *, mute: bool = False, steps: int = 1) -> None:
        """The reader as it is now: empty, or with a card; so many changes since the last look."""
        with self.changed:
            old = self.states.get(reader, (0, b""))[0]
            flags = EMPTY if atr is None else PRESENT | (MUTE if mute else 0)
            self.states[reader] = ((old >> 16) + steps & 0xFFFF) << 16 | flags, atr or b""
            self.changed.notify_all()

    def unplug(self, reader: str) -> None:
        """It is not there any more."""
        with self.changed:
            del self.states[reader]
            self.changed.notify_all()

    def down(self) -> None:
        """The service dies: whoever waits learns it."""
        with self.changed:
            self.up = False
            self.changed.notify_all()


class ScriptedContext:
    def __init__(self, world: World) -> None:
        self._world = world
        self._cancelled = False

    def readers(self) -> list[str]:
        if not self._world.up:
            raise ServiceDown("scripted")
        return list(self._world.states)

    def wait(self, known: Sequence[Seen], seconds: float) -> list[Seen] | None:
        self._world.on_wait()
        with self._world.changed:
            while True:
                if not self._world.up:
                    raise ServiceDown("scripted")
                states = self._world.states
                found = [
                    Seen(reader=one.reader, state=states[one.reader][0] | 2, atr=states[one.reader][1])
                    for one in known
                    if one.reader in states and states[one.reader][0] != one.state & ~2
                ]
                if found or {one.reader for one in known} != set(states):
                    return found
                if self._cancelled:
                    self._cancelled = False
                    return None
                self._world.changed.wait(seconds)

    def features(self, reader: str) -> Features:
        return self._world.features

    def connect(self, reader: str) -> Link:
        return ScriptedLink(self._world, reader)

    def cancel(self) -> None:
        with self._world.changed:
            self._cancelled = True
            self._world.changed.notify_all()

    def release(self) -> None:
        self._world.released += 1


class ScriptedLink:
    protocol = 0

    def __init__(self, world: World, reader: str) -> None:
        self._world, self._reader = world, reader

    def begin(self) -> None:
        self._world.on_begin()

    def transmit(self, command: bytes) -> bytes:
        answer = self._world.cards[self._reader].transmit(command)
        assert answer is not None
        return answer

    def end(self, *, reset: bool) -> None:
        if reset:
            self._world.resets.append(self._reader)
