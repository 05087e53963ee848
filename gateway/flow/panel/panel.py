"""The front panel kept true: its lamps follow how the box stands, its button is heard, its watchdog is fed by work that moves.

What was shown is said again only when it changes or when the device process or the panel may have forgotten it. A heartbeat follows from
a read of the journal and from lanes that looked at their queues, never from time alone. The watchdog is armed by a setting, after the
first such proof; never during an update; and not after a clean stop. Sources: image.md 9, ADR 25.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from firmware.client import Away, Happening
from firmware.errors import DeviceError
from firmware.panel.errors import WatchdogMissing
from firmware.protocol import ArmWatchdog, Devices, Done, Heartbeat, ListDevices, Notice, NoticeType, PanelState, SetPattern
from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.cards.calls import Call
from gateway.flow.condition import Condition, Standing
from gateway.flow.devices.devices import Happenings
from gateway.flow.panel.errors import PanelCannotReset, PanelSilent
from gateway.flow.panel.pairing_window import PairingWindow
from gateway.flow.panel.reset_requests import ResetRequests
from gateway.flow.panel.views import PanelView
from gateway.kernel.clock import Clock
from gateway.kernel.errors import Explanation, RelaisError
from gateway.kernel.trace import trace_of

_log = structlog.get_logger("relais.panel")

_CALL = 5.0
_INSISTENCE = 20
"""Times a held button is tried to be written."""
_STALE = 15.0
"""Seconds after which a press that was held up on its way opens nothing."""
_MISSING = WatchdogMissing.code

Look = Callable[[], Awaitable[Standing]]
Proof = Callable[[], Awaitable[bool]]


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds."""

    beat: float = 2.0
    """Between two heartbeats."""
    look: float = 10.0
    """After which the state of the box is looked at, even when nothing was written."""
    least: float = 4.0
    """Between two looks when much is written."""
    word: float = 0.5
    """Between two words to the lamps, and before a press that could not be written is tried again."""
    proof: float = 10.0
    """That a proof may take."""
    farewell: float = 4.0
    """Given to the panel to say that its watchdog is disarmed."""
    again: float = 5.0
    """After a defect in one of the loops."""


class FrontPanel:
    """One panel, or its absence. `expected`: this box is set to have one."""

    def __init__(
        self,
        call: Call,
        look: Look,
        proof: Proof,
        window: PairingWindow,
        requests: ResetRequests,
        books: Bookkeeper,
        clock: Clock,
        *,
        watchdog_seconds: int | None,
        expected: bool,
        pace: Pace | None = None,
    ) -> None:
        """`proof`: reads the journal and says whether the queue moves; raises NotAccepting."""
        self._call = call
        self._look = look
        self._proof = proof
        self._window = window
        self._requests = requests
        self._books = books
        self._clock = clock
        self._watchdog_seconds = watchdog_seconds
        self._expected = expected
        self._pace = pace or Pace()
        self._name: str | None = None
        self._state = PanelState()
        self._shown: SetPattern | None = None
        self._armed: ArmWatchdog | None = None
        self._left_armed = False
        """It was armed by this gateway, and not disarmed since."""
        self._cannot_reset = False
        self._moved = False
        self._stuck = False

    def view(self) -> PanelView:
        """For /status and the page."""
        state = self._state
        return PanelView(
            fitted=self._name is not None,
            connected=state.connected,
            watchdog_armed=state.connected and state.settled and self._left_armed,
            box_resets=state.resets,
            trouble=self._trouble(),
        )

    async def run(self, happenings: Happenings) -> None:
        """Follow the panel until cancelled; then disarm its watchdog. Whatever becomes of it, the gateway goes on."""
        try:
            async with asyncio.TaskGroup() as loops:
                loops.create_task(self._kept(lambda: self._hear(happenings)), name="panel-button")
                loops.create_task(self._kept(self._show), name="panel-lamps")
                loops.create_task(self._kept(self._live), name="panel-heartbeat")
        finally:
            await self._leave()

    # Lamps

    async def _show(self) -> None:
        condition, looked = Condition.FAULT, float("-inf")
        async with self._books.listening() as bell:
            while True:
                bell.clear()
                late = self._clock.monotonic() - looked < self._pace.least
                if not late:
                    condition, looked = await self._condition(), self._clock.monotonic()
                await self._tell(condition)
                await asyncio.sleep(self._pace.word)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._pace.least if late else self._pace.look):
                        await bell.wait()

    async def _condition(self) -> Condition:
        """`fault` when it cannot even be read."""
        try:
            return (await self._look()).condition
        except RelaisError as problem:
            _log.warning("condition of the box not read", code=problem.code)
            return Condition.FAULT

    async def _tell(self, condition: Condition) -> None:
        """Bring lamps and watchdog to what they should be, where they are not; the watchdog is off before an update is shown."""
        updating = condition is Condition.UPDATE
        pattern = SetPattern(pattern=condition.value, pairing=self._window.is_open)
        watchdog = ArmWatchdog(seconds=self._watchdog_seconds if self._moved and not updating else None)
        try:
            if updating:
                await self._set_watchdog(watchdog)
            if pattern != self._shown:
                await self._call(pattern, Done, seconds=_CALL)
                self._shown = pattern
            if not updating:
                await self._set_watchdog(watchdog)
        except DeviceError:
            self._forget()

    async def _set_watchdog(self, wanted: ArmWatchdog) -> None:
        if wanted == self._armed:
            return
        if wanted.seconds is not None and not self._state.connected:
            return  # what has no panel yet has no watchdog to tell of
        try:
            await self._call(wanted, Done, seconds=_CALL)
            self._cannot_reset = False
            self._left_armed = wanted.seconds is not None
        except DeviceError as problem:
            if problem.code != _MISSING:
                raise
            self._cannot_reset = True
        self._armed = wanted

    def _forget(self) -> None:
        self._shown, self._armed = None, None

    # Button

    async def _hear(self, happenings: Happenings) -> None:
        async with happenings() as line:
            async for one in line:
                await self._take(one)

    async def _take(self, one: Happening) -> None:
        if isinstance(one, Away):
            self._name, self._state = None, PanelState()
            self._forget()
        elif isinstance(one, Devices):
            self._know(one)
            self._forget()
            self._books.announce()
        else:
            await self._pressed(one)

    async def _pressed(self, notice: Notice) -> None:
        if notice.type is NoticeType.BUTTON_SHORT and self._clock.now().timestamp() - notice.at <= _STALE:
            await self._insist(self._window.open_by_button, 1)
        elif notice.type is NoticeType.BUTTON_HELD:
            await self._insist(self._requests.record, _INSISTENCE)

    async def _insist(self, act: Callable[[], Awaitable[None]], times: int) -> None:
        """The lamps have confirmed a held button: what could not be written is tried again for a while."""
        for left in range(times - 1, -1, -1):
            try:
                await act()
                return
            except RelaisError as problem:
                _log.error("press of the button not written", code=problem.code)
            if left:
                await asyncio.sleep(self._pace.word)

    def _know(self, listed: Devices) -> None:
        self._name, self._state = listed.panel, listed.panel_state

    def _trouble(self) -> Explanation | None:
        if self._expected or self._name is not None:
            if not self._state.connected:
                return PanelSilent().explanation
            if self._cannot_reset:
                return PanelCannotReset().explanation
        return None

    # Life

    async def _live(self) -> None:
        while True:
            if await self._moves():
                if not self._moved:
                    self._moved = True
                    self._books.announce()
                with contextlib.suppress(DeviceError):
                    await self._call(Heartbeat(), Done, seconds=_CALL)
                    await self._look_at_panel()
            await asyncio.sleep(self._pace.beat)

    async def _moves(self) -> bool:
        """The journal answers and the queue moves, now."""
        try:
            async with asyncio.timeout(self._pace.proof):
                moves = await self._proof()
        except (RelaisError, TimeoutError):
            moves = False
        if moves is self._stuck:
            self._stuck = not moves
            _log.warning("queue and journal move again" if moves else "queue or journal stuck: no heartbeat to the panel")
        return moves

    async def _look_at_panel(self) -> None:
        """A panel found, or gone and back, tells nobody: what it is told then is seen to by its own driver."""
        connected = self._state.connected
        self._know(await self._call(ListDevices(), Devices, seconds=_CALL))
        if self._state.connected is not connected:
            self._books.announce()

    async def _leave(self) -> None:
        """Stopped on purpose: nothing resets the box for it. Waits a little for the panel's own word."""
        if not self._left_armed:
            return
        try:
            async with asyncio.timeout(self._pace.farewell):
                await self._call(ArmWatchdog(seconds=None), Done, seconds=_CALL)
                while True:
                    await asyncio.sleep(0.1)
                    self._know(await self._call(ListDevices(), Devices, seconds=_CALL))
                    if self._state.settled or not self._state.connected:
                        return
        except (DeviceError, TimeoutError):
            _log.error("watchdog of the panel perhaps still armed")

    async def _kept(self, work: Callable[[], Awaitable[None]]) -> None:
        """Begun again after a defect: lamps that stop must not stop the button, nor the gateway."""
        while True:
            try:
                await work()
                return
            except Exception as error:  # noqa: BLE001 - as said
                _log.error("panel", kind=type(error).__name__, trace=trace_of(error))
            await asyncio.sleep(self._pace.again)
