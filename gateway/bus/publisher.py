"""Keeps the practice's MQTT broker told: events of the readers as they come, how the box stands when it changes.

Three loops that meet in the outbox alone, so that a broker that is slow, refuses or is away holds up nothing else of the box. Reconnects
for ever, its wait doubling up to a cap; after each connection says again how everything stands, since a broker may have forgotten what it
retained. Sources: cards.md 6, design section 3.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable

import structlog

from gateway.bus.broker import Broker, BrokerUnavailable, Connect
from gateway.bus.messages import CardMessage, StateMessage, card_message, encode, state_message
from gateway.bus.outbox import Outbox
from gateway.flow.cards.reader_notices import ReaderNotice, ReaderNotices
from gateway.flow.condition import Standing
from gateway.kernel.clock import Clock
from gateway.kernel.config import Bus
from gateway.kernel.errors import RelaisError

_log = structlog.get_logger("relais.bus")

_FIRST_WAIT = 1.0
_HEARTBEAT = 60.0
_FAREWELL = 2.0
"""Seconds given to the broker to hear that the box stops."""

Look = Callable[[], Awaitable[Standing]]


class Publisher:
    """Publishes until cancelled."""

    def __init__(self, settings: Bus, connect: Connect, notices: ReaderNotices, look: Look, clock: Clock) -> None:
        self._settings = settings
        self._connect = connect
        self._notices = notices
        self._look = look
        self._clock = clock
        self._prefix = f"relais/{settings.site}"
        self._outbox = Outbox(settings.buffered)
        self._readers: dict[str, CardMessage] = {}
        self._state: StateMessage | None = None
        self._failures = 0

    @property
    def dropped(self) -> int:
        """Events forgotten for want of room, since the start."""
        return self._outbox.dropped

    async def run(self) -> None:
        """Publish for ever; a fault of ours or of the broker ends none of the loops."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._listen(), name="bus-notices")
            loops.create_task(self._watch(), name="bus-state")
            loops.create_task(self._speak(), name="bus-broker")

    # What is to be said

    async def _listen(self) -> None:
        while True:
            with self._notices.listen() as listening:
                async for notice in listening:
                    self._take(notice)

    def _take(self, notice: ReaderNotice) -> None:
        message = card_message(notice)
        if notice.reader is not None:
            self._say(notice.reader, message)
            return
        for reader in tuple(self._readers):
            self._say(reader, message)

    def _say(self, reader: str, message: CardMessage) -> None:
        self._readers[reader] = message
        try:
            self._outbox.event(self._card_topic(reader), encode(message))
        except RelaisError as problem:
            _log.error("event not published", code=problem.code, why=problem.technical)

    async def _watch(self) -> None:
        while True:
            try:
                self._tell_state(await self._look())
            except RelaisError as problem:
                _log.warning("state not published", code=problem.code, why=problem.technical)
            await self._clock.sleep(self._settings.state_seconds)

    def _tell_state(self, standing: Standing) -> None:
        message, last = state_message(standing, self._clock.now(), self.dropped), self._state
        unchanged = last is not None and (last.state, last.channels, last.dropped) == (message.state, message.channels, message.dropped)
        if unchanged and last is not None and (message.ts - last.ts).total_seconds() < _HEARTBEAT:
            return
        self._outbox.state(f"{self._prefix}/state", encode(message))
        self._state = message

    def _card_topic(self, reader: str) -> str:
        return f"{self._prefix}/readers/{reader}/card"

    # Saying it

    async def _speak(self) -> None:
        online = f"{self._prefix}/online"
        while True:
            try:
                async with self._connect(online) as broker:
                    await self._converse(broker, online)
            except RelaisError as problem:
                if self._failures == 0:
                    _log.warning("mqtt broker away", code=problem.code, why=problem.technical, waiting=len(self._outbox))
            self._failures += 1
            await self._clock.sleep(self._wait())

    async def _converse(self, broker: Broker, online: str) -> None:
        """Talk until the connection is gone; says goodbye when the box stops."""
        lost = asyncio.ensure_future(broker.lost())
        talk = asyncio.ensure_future(self._talk(broker, online))
        try:
            await asyncio.wait({lost, talk}, return_when=asyncio.FIRST_COMPLETED)
            if talk.done():
                talk.result()
            raise BrokerUnavailable("connection lost")
        except asyncio.CancelledError:
            talk.cancel()
            with contextlib.suppress(BrokerUnavailable, TimeoutError):
                async with asyncio.timeout(_FAREWELL):
                    await broker.publish(online, b"false")
            raise
        finally:
            lost.cancel()
            talk.cancel()
            await asyncio.gather(lost, talk, return_exceptions=True)

    async def _talk(self, broker: Broker, online: str) -> None:
        await broker.publish(online, b"true")
        if self._failures:
            _log.info("mqtt broker back", failures=self._failures, dropped=self.dropped)
        self._failures = 0
        self._say_all_again()
        while True:
            message = await self._outbox.first()
            await broker.publish(*message)
            self._outbox.sent(message)

    def _say_all_again(self) -> None:
        """After what waits: the last words on each topic, which a broker without memory has lost."""
        for reader, message in self._readers.items():
            self._outbox.again(self._card_topic(reader), encode(message))
        if self._state is not None:
            self._outbox.state(f"{self._prefix}/state", encode(self._state))

    def _wait(self) -> float:
        """Doubles from one second to the cap, less up to a quarter so that boxes of one practice do not come back together."""
        longest = min(self._settings.longest_wait, _FIRST_WAIT * 2 ** min(self._failures - 1, 16))
        return float(longest * (1 - secrets.randbelow(250) / 1000))
