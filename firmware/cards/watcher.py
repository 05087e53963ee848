"""Watches every reader from one thread, and goes on whatever happens to pcscd: restart, kill, reader pulled, card mute or swapped.

What it sees goes to the event loop as small frozen values, in order, and always whole: a card that was in goes out before its reader or the
service does. Between two looks a card may have been pulled and put back: the reader's own counter tells, and it is told as out and in.
How often that happened is not told. Source: cards.md 4.2 (measured).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

import msgspec

from firmware.cards.pcsc import Context, Features, Seen, open_context
from firmware.errors import CardsUnavailable, DeviceError

_LOG = logging.getLogger(__name__)
_LONGEST_LOOK = 60.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_JOIN, _JOINS = 0.05, 40
_BREATH = 0.05
"""Seconds after a look that told nothing: a reader that pcscd lists and does not know, or counts and does not list, would otherwise keep
the thread busy."""


class ServiceUp(msgspec.Struct, frozen=True):
    """pcscd answers."""


class ServiceLost(msgspec.Struct, frozen=True):
    """pcscd does not answer. `hopeless`: nor will it, for this box cannot speak with it."""

    hopeless: bool = False


class ReaderIn(msgspec.Struct, frozen=True):
    """A reader is plugged in."""

    name: str
    features: Features


class ReaderOut(msgspec.Struct, frozen=True):
    """It is gone."""

    name: str


class CardIn(msgspec.Struct, frozen=True):
    """A card is in and answered its reset."""

    name: str
    atr: bytes


class CardMuteIn(msgspec.Struct, frozen=True):
    """Something is in, and does not answer."""

    name: str


class CardOut(msgspec.Struct, frozen=True):
    """The reader is empty, or another card is in."""

    name: str


Event = ServiceUp | ServiceLost | ReaderIn | ReaderOut | CardIn | CardMuteIn | CardOut


class Watcher:
    """`tell` is called on `loop`, in order. `open_context` is another for tests."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, tell: Callable[[Event], None], open_context: Callable[[], Context] = open_context
    ) -> None:
        self._loop, self._tell, self._open = loop, tell, open_context
        self._stopping = threading.Event()
        self._context: Context | None = None
        self._seen: dict[str, Seen] = {}
        self._thread = threading.Thread(target=self._run, name="card-watcher", daemon=True)

    def start(self) -> None:
        """Once."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread, whatever it waits for; blocks some milliseconds. One that hangs in a frozen pcscd is left after seconds."""
        self._stopping.set()
        for _ in range(_JOINS):
            if not self._thread.is_alive():
                return
            context = self._context
            if context is not None:
                context.cancel()  # lost when the thread is not waiting yet: hence again
            self._thread.join(_JOIN)

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        told_down = False
        while not self._stopping.is_set():
            try:
                context = self._open()
            except CardsUnavailable:
                self._emit(ServiceLost(hopeless=True))
                return
            except Exception:  # noqa: BLE001 - the watcher outlives whatever PC/SC does
                if not told_down:
                    self._emit(ServiceLost())
                told_down = True
                self._stopping.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            looked = self._watch(context)
            told_down, pause = True, _FIRST_PAUSE if looked else min(pause * 2, _LONGEST_PAUSE)
            self._stopping.wait(pause)

    def _watch(self, context: Context) -> bool:
        """Watch until the service is lost or the watcher stopped; False when not one look went well."""
        looked = False
        self._context = context
        self._emit(ServiceUp())
        try:
            while not self._stopping.is_set():
                self._look(context)
                looked = True
        except DeviceError as error:
            _LOG.warning("card service lost: %s", error.technical)
        except Exception as error:  # noqa: BLE001 - a defect of ours, or of the binding: told, and the watcher goes on
            _LOG.error("card watcher: %s", type(error).__name__)
        finally:
            self._context = None
            context.release()
            for name in list(self._seen):
                self._reader_out(name)
            self._emit(ServiceLost())
        return looked

    def _look(self, context: Context) -> None:
        names = context.readers()
        for name in [one for one in self._seen if one not in names]:
            self._reader_out(name)
        for name in names:
            if name not in self._seen:
                self._emit(ReaderIn(name, context.features(name)))
                self._seen[name] = Seen(reader=name, state=0)
        told = False
        for now in context.wait(list(self._seen.values()), _LONGEST_LOOK) or ():
            before = self._seen.get(now.reader)
            if before is not None:
                self._seen[now.reader] = now
                for event in changes(before, now):
                    told = True
                    self._emit(event)
        if not told:
            self._stopping.wait(_BREATH)

    def _reader_out(self, name: str) -> None:
        if self._seen.pop(name).present:
            self._emit(CardOut(name))
        self._emit(ReaderOut(name))

    def _emit(self, event: Event) -> None:
        try:
            self._loop.call_soon_threadsafe(self._tell, event)
        except RuntimeError:  # the loop is closed: nobody is left to be told
            self._stopping.set()


def changes(before: Seen, now: Seen) -> list[Event]:
    """What happened to the card between two looks at one reader, the first of which may never have been (state 0)."""
    swapped = before.present and now.present and (before.changes != now.changes or before.atr != now.atr or before.mute != now.mute)
    events: list[Event] = []
    if before.present and (swapped or not now.present):
        events.append(CardOut(now.reader))
    if now.present and (swapped or not before.present):
        events.append(CardMuteIn(now.reader) if now.mute else CardIn(now.reader, now.atr))
    return events
