"""The front of the box as faces see it: pairing window, panel, request of a return to factory settings, and who is paired."""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import OPERATOR, Caller
from gateway.flow.cards.calls import Call
from gateway.flow.panel.pairing_window import PairingWindow, StrangerPace
from gateway.flow.panel.panel import FrontPanel, Look
from gateway.flow.panel.reset_requests import ResetRequests
from gateway.flow.panel.views import FrontView, PanelView
from gateway.flow.scheduler import Scheduler
from gateway.flow.views import instant
from gateway.journal.store import Store
from gateway.kernel.clock import Clock
from gateway.kernel.config import Devices

_NO_PANEL = PanelView(fitted=False, connected=False, watchdog_armed=False, box_resets=0, trouble=None)


class PairedStation(msgspec.Struct, frozen=True, kw_only=True):
    """A paired workstation, for the page."""

    id: str
    name: str
    structures: tuple[str, ...]
    paired_at: datetime


class Front:
    """One per box; `attach` gives it a panel."""

    def __init__(self, window: PairingWindow, requests: ResetRequests, store: Store, books: Bookkeeper, clock: Clock) -> None:
        self.window = window
        self.receipt = requests.receipt()
        """What the last erasure of this box left to be read; None when there was none."""
        self.requests = requests
        self.pace = StrangerPace(clock.monotonic)
        self._store = store
        self._books = books
        self._clock = clock
        self._panel: FrontPanel | None = None

    def view(self) -> FrontView:
        """How all of it stands."""
        panel = self._panel.view() if self._panel is not None else _NO_PANEL
        return FrontView(panel=panel, pairing=self.window.view(), reset=self.requests.view())

    def attach(self, call: Call, look: Look, scheduler: Scheduler, settings: Devices) -> FrontPanel:
        """The panel behind the device process; its `run` is the caller's to keep. A box has one at most."""

        async def proof() -> bool:
            await self._store.last_event()
            return scheduler.moves()

        self._panel = FrontPanel(
            call,
            look,
            proof,
            self.window,
            self.requests,
            self._books,
            self._clock,
            watchdog_seconds=settings.panel_watchdog_seconds,
            expected=settings.start == "gateway" and settings.panel != "none",
        )
        return self._panel

    async def stations(self, caller: Caller) -> list[PairedStation]:
        """Workstations of the caller's structures, the last paired first; all of them for the operator."""
        return [
            PairedStation(id=one.id, name=one.name, structures=one.structures, paired_at=instant(one.created_at))
            for one in sorted(await self._store.workstations(), key=lambda one: one.created_at, reverse=True)
            if not one.revoked and one.name != OPERATOR and (caller.sees_all or set(one.structures) & set(caller.structures))
        ]
