"""The front of the box as faces see it: pairing window, panel, request of a return to factory settings."""

from __future__ import annotations

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.cards.calls import Call
from gateway.flow.panel.pairing_window import PairingWindow, StrangerPace
from gateway.flow.panel.panel import FrontPanel, Look
from gateway.flow.panel.reset_requests import ResetRequests
from gateway.flow.panel.views import FrontView, PanelView
from gateway.flow.scheduler import Scheduler
from gateway.journal.store import Store
from gateway.kernel.clock import Clock
from gateway.kernel.config import Devices

_NO_PANEL = PanelView(fitted=False, connected=False, watchdog_armed=False, box_resets=0, trouble=None)


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
