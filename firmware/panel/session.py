"""One conversation with a panel, from its first HELLO to its silence: what is wanted is brought to it, again until it says it has it.

Nothing is written to a line before a panel has spoken on it. Sequence numbers of this side are 0 to 127, those of the panel 128 to 255.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

import msgspec

from firmware.panel.errors import PanelLost, PanelNotOpened
from firmware.panel.frame import PROTOCOL, Frame, Reader, encode
from firmware.panel.line import Line
from firmware.panel.messages import Hello, Message, hello, press
from firmware.panel.port import Press

_OWN_SEQUENCES: Final = 0x80


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds."""

    greeting: float = 6.0
    """For a first HELLO: a panel nobody speaks to says it every second, after three of silence."""
    again: float = 0.4
    """Until what was not acknowledged is sent again."""
    question: float = 2.0
    """Between two questions whether it is still there."""
    silence: float = 6.0
    """Without a word, after which it is gone."""


class Wanted:
    """What the panel is to be told: the payload of each setting, None while nobody has said. Survives every conversation."""

    def __init__(self) -> None:
        self.settings: dict[Message, bytes] = {}
        self.bell = asyncio.Event()

    def set(self, setting: Message, payload: bytes) -> None:
        """From now on; a conversation under way hears of it at once."""
        self.settings[setting] = payload
        self.bell.set()


class _Sent(msgspec.Struct, frozen=True, kw_only=True):
    sequence: int
    payload: bytes
    at: float


class Session:
    """A conversation over an open line. `met` is called with every HELLO, `pressed` with each press and its sequence number."""

    def __init__(
        self, line: Line, wanted: Wanted, *, met: Callable[[Hello], None], pressed: Callable[[Press, int], None], pace: Pace
    ) -> None:
        self._line = line
        self._wanted = wanted
        self._met = met
        self._pressed = pressed
        self._pace = pace
        self._loop = asyncio.get_running_loop()
        self._reader = Reader()
        self._sequence = 0
        self._heard_at: float | None = None
        self._question_at = 0.0
        self._up = 0
        self._stranger: int | None = None
        self._lost = False
        self._told: dict[Message, bytes] = {}
        self._sent: dict[Message, _Sent] = {}

    async def run(self) -> None:
        """Until it ends: raises PanelNotOpened when no panel speaks, PanelLost when it goes away. The line is closed in any case."""
        self._line.start(self._receive, self._lose)
        try:
            await self._greeting()
            while True:
                await self._pause(self._step(self._loop.time()))
        finally:
            self._line.close()

    @property
    def settled(self) -> bool:
        """The panel has answered for all that is wanted of it."""
        return all(self._told.get(setting) == payload for setting, payload in self._wanted.settings.items())

    def heartbeat(self) -> None:
        """Tell the panel that the gateway is alive; lost bytes are made up for by the next one."""
        if self._heard_at is not None and not self._lost:
            with contextlib.suppress(PanelLost):
                self._write(Message.HEARTBEAT, b"")

    async def _greeting(self) -> None:
        end = self._loop.time() + self._pace.greeting
        while self._heard_at is None:
            if self._lost or self._loop.time() >= end:
                raise PanelNotOpened(f"protocol {self._stranger}" if self._stranger is not None else "no panel speaks here")
            await self._pause(end)

    async def _pause(self, until: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._wanted.bell.wait()
        self._wanted.bell.clear()

    def _step(self, now: float) -> float:
        """Send what is due; the time when something will be."""
        if self._lost:
            raise PanelLost("unplugged")
        silent_at = (self._heard_at or 0.0) + self._pace.silence
        if now >= silent_at:
            raise PanelLost("silent")
        if now >= self._question_at:
            self._question_at = now + self._pace.question
            self._write(Message.HELLO, b"")
        due = [silent_at, self._question_at]
        for setting, payload in self._wanted.settings.items():
            if self._told.get(setting) == payload:
                continue
            sent = self._sent.get(setting)
            if sent is None or sent.payload != payload or now >= sent.at + self._pace.again:
                sent = _Sent(sequence=self._write(setting, payload), payload=payload, at=now)
                self._sent[setting] = sent
            due.append(sent.at + self._pace.again)
        return min(due)

    def _write(self, message: Message, payload: bytes) -> int:
        self._sequence = (self._sequence + 1) % _OWN_SEQUENCES
        self._line.write(encode(Frame(type=message, sequence=self._sequence, payload=payload)))
        return self._sequence

    def _lose(self) -> None:
        self._lost = True
        self._wanted.bell.set()

    def _receive(self, content: bytes) -> None:
        for frame in self._reader.feed(content):
            if frame.protocol != PROTOCOL:
                self._stranger = frame.protocol
                continue
            with contextlib.suppress(PanelLost):
                self._take(frame)
        self._wanted.bell.set()

    def _take(self, frame: Frame) -> None:
        said = hello(frame.payload) if frame.type == Message.HELLO else None
        if said is not None:
            self._take_hello(frame.sequence, said)
        if self._heard_at is None:
            return
        self._heard_at = self._loop.time()
        if frame.type == Message.BUTTON:
            what = press(frame.payload)
            self._acknowledge(frame.sequence)
            if what is not None:
                self._pressed(what, frame.sequence)
        elif frame.type in (Message.ACK, Message.NAK):
            self._take_answer(frame.sequence)

    def _take_hello(self, sequence: int, said: Hello) -> None:
        """One it tells by itself, or with less time behind it than before: it may know nothing of what it was told."""
        if sequence >= _OWN_SEQUENCES:
            self._acknowledge(sequence)
        if sequence >= _OWN_SEQUENCES or said.up < self._up:
            self._told.clear()
            self._sent.clear()
        self._up = said.up
        self._heard_at = self._loop.time()
        self._met(said)

    def _take_answer(self, sequence: int) -> None:
        """Taken or refused: either way it is not sent again; what this side makes is refused only by another program than ours."""
        for setting, sent in self._sent.items():
            if sent.sequence == sequence:
                self._told[setting] = sent.payload

    def _acknowledge(self, sequence: int) -> None:
        self._line.write(encode(Frame(type=Message.ACK, sequence=sequence)))
